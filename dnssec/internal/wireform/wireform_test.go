package wireform_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/wireform"
)

// reply is a message with one question, for example. A, and these records, each with the
// question's name as its owner.
func reply(records ...[]byte) []byte {
	packet := []byte{0x12, 0x34, 0x84, 0, 0, 1, 0, byte(len(records)), 0, 0, 0, 0}
	packet = append(packet, "\x07example\x00\x00\x01\x00\x01"...)
	return append(packet, bytes.Join(records, nil)...)
}

// raw is a record in wire form.
func raw(rrtype uint16, rdata string) []byte {
	wire := binary.BigEndian.AppendUint16([]byte{0xC0, 12}, rrtype)
	wire = append(wire, 0, 1, 0, 0, 1, 0x2C)
	return append(binary.BigEndian.AppendUint16(wire, uint16(len(rdata))), rdata...)
}

// What the form of its type cannot hold comes as it is, and nothing else is lost.
func TestUnpackOddRecords(t *testing.T) {
	t.Parallel()
	soa := strings.Repeat("\x00\x00\x00\x01", 5)
	for _, tt := range []struct {
		name   string
		rrtype uint16
		rdata  string
		want   string // in hexadecimal; empty for a record of its type
	}{
		{"an A record", dns.TypeA, "\xC0\x00\x02\x01", ""},
		{"an A record of three octets", dns.TypeA, "\xC0\x00\x02", "c00002"},
		{"an A record of five octets", dns.TypeA, "\xC0\x00\x02\x01\x01", "c000020101"},
		{"an empty A record", dns.TypeA, "", "-"},
		{"an AAAA record of four octets", dns.TypeAAAA, "\xC0\x00\x02\x01", "c0000201"},
		{"a TLSA record", dns.TypeTLSA, "\x03\x01\x01\xff", ""},
		{"a TLSA record without data", dns.TypeTLSA, "\x03\x01\x01", ""},
		{"a TLSA record of two octets", dns.TypeTLSA, "\x03\x01", "0301"},
		{"an empty TLSA record", dns.TypeTLSA, "", "-"},
		{"an SMIMEA record of two octets", dns.TypeSMIMEA, "\x03\x01", "0301"},
		{"a DS record of three octets", dns.TypeDS, "\x00\x01\x08", "000108"},
		{"a DNSKEY record of two octets", dns.TypeDNSKEY, "\x01\x00", "0100"},
		{"an RRSIG record that ends before the signer", dns.TypeRRSIG, strings.Repeat("\x00", 18), strings.Repeat("00", 18)},
		{"an MX record", dns.TypeMX, "\x00\x0a\x01A\xC0\x0C", ""},
		{"an MX record without a name", dns.TypeMX, "\x00\x0a", "000a"},
		{"an MX record with more", dns.TypeMX, "\x00\x0a\x01A\xC0\x0C\x00", "000a0141c00c00"},
		{"a CNAME record", dns.TypeCNAME, "\xC0\x0C", ""},
		{"an empty CNAME record", dns.TypeCNAME, "", "-"},
		{"a CNAME record whose name points to itself", dns.TypeCNAME, "\xC0\x35", "c035"},
		{"an SOA record", dns.TypeSOA, "\xC0\x0C\x01A\xC0\x0C" + soa, ""},
		{"an SOA record without its last number", dns.TypeSOA, "\x00\x00" + soa[:16], "0000" + hex.EncodeToString([]byte(soa[:16]))},
		{"an NSEC record", dns.TypeNSEC, "\x01A\x00\x00\x01\x40", ""},
		{"an NSEC record without types", dns.TypeNSEC, "\x01A\x00", ""},
		{"an NSEC record with an octet of no types", dns.TypeNSEC, "\x01A\x00\x00\x02\x40\x00", "01410000024000"},
		{"an NSEC record with a block of no types", dns.TypeNSEC, "\x01A\x00\x00\x01\x40\x01\x00", "0141000001400100"},
		{"an NSEC record with half a block", dns.TypeNSEC, "\x01A\x00\x00", "01410000"},
		{"an NSEC3 record", dns.TypeNSEC3, "\x01\x00\x00\x00\x01\xab\x01\xff\x00\x01\x40", ""},
		{"an NSEC3 record with an octet of no types", dns.TypeNSEC3, "\x01\x00\x00\x00\x00\x01\xff\x00\x02\x40\x00", "010000000001ff00024000"},
		{"an NSEC3 record of four octets", dns.TypeNSEC3, "\x01\x00\x00\x00", "01000000"},
		{"an NSEC3PARAM record of four octets", dns.TypeNSEC3PARAM, "\x01\x00\x00\x00", "01000000"},
		{"a TXT record", dns.TypeTXT, "\x02\"\\\x01\xff", ""},
		{"an empty TXT record", dns.TypeTXT, "", ""},
		{"a TXT record whose string is too long", dns.TypeTXT, "\x03ab", "036162"},
		{"an SRV record with compression", dns.TypeSRV, "\x00\x01\x00\x02\x00\x03\xC0\x0C", ""},
		{"an SRV record without a name", dns.TypeSRV, "\x00\x01\x00\x02\x00\x03", "000100020003"},
		{"a NAPTR record", dns.TypeNAPTR, "\x00\x01\x00\x02\x01S\x00\x00\x01A\xC0\x0C", ""},
		{"a NAPTR record without a name", dns.TypeNAPTR, "\x00\x01\x00\x02\x01S", "000100020153"},
		{"an NXT record, whose bitmap has no blocks", dns.TypeNXT, "\x01A\xC0\x0C\x40\x01", "0141076578616d706c65004001"},
		{"a CAA record", dns.TypeCAA, "\x00\x05issue;", ""},
		{"a CAA record of one octet", dns.TypeCAA, "\x80", "80"},
		{"an HINFO record of one string", dns.TypeHINFO, "\x01A", "0141"},
		{"a LOC record of one octet", dns.TypeLOC, "\x00", "00"},
		{"an APL record", dns.TypeAPL, "\x00\x01\x08\x01\x0a", ""},
		{"an APL record with an octet that is 0", dns.TypeAPL, "\x00\x01\x08\x02\x0a\x00", "000108020a00"},
		{"an SVCB record", dns.TypeSVCB, "\x00\x01\x00\x00\x03\x00\x02\x01\xbb", ""},
		{"an SVCB record whose keys descend", dns.TypeSVCB, "\x00\x01\x00\x00\x03\x00\x02\x01\xbb\x00\x01\x00\x03\x02h2", "0001000003000201bb00010003026832"},
		{"a CERT record of three octets", dns.TypeCERT, "\x00\x01\x00", "000100"},
		{"an SSHFP record of one octet", dns.TypeSSHFP, "\x01", "01"},
		{"an IPSECKEY record of two octets", dns.TypeIPSECKEY, "\x0a\x01", "0a01"},
		{"a EUI48 record of five octets", dns.TypeEUI48, "\x01\x02\x03\x04\x05", "0102030405"},
		{"a type that nobody knows", 65280, "\x01\x02", "0102"},
	} {
		before, after := raw(dns.TypeA, "\xC0\x00\x02\x07"), raw(dns.TypeTXT, "\x04last")
		msg, err := wireform.Unpack(reply(before, raw(tt.rrtype, tt.rdata), after))
		if err != nil || len(msg.Answer) != 3 {
			t.Errorf("%s: %v, %v", tt.name, msg, err)
			continue
		}
		if a, ok := msg.Answer[0].(*dns.A); !ok || a.A.String() != "192.0.2.7" || a.Hdr.Name != "example." || a.Hdr.Ttl != 300 {
			t.Errorf("%s: before it, %v", tt.name, msg.Answer[0])
		}
		if txt, ok := msg.Answer[2].(*dns.TXT); !ok || txt.Txt[0] != "last" {
			t.Errorf("%s: behind it, %v", tt.name, msg.Answer[2])
		}
		unknown, ok := msg.Answer[1].(*dns.RFC3597)
		switch {
		case ok != (tt.want != ""), msg.Answer[1].Header().Rrtype != tt.rrtype:
			t.Errorf("%s: %T, %v", tt.name, msg.Answer[1], msg.Answer[1])
		case ok && unknown.Rdata != strings.TrimPrefix(tt.want, "-"):
			t.Errorf("%s: %s, want %s", tt.name, unknown.Rdata, tt.want)
		}
		if again, err := msg.Pack(); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if other, err := wireform.Unpack(again); err != nil || other.Answer[1].String() != msg.Answer[1].String() {
			t.Errorf("%s: written and read again: %v, %v", tt.name, other, err)
		}
	}
}

// Options that cannot be read cost no others, and no message.
func TestUnpackOptions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, rdata string
		codes       []uint16
	}{
		{"good ones", "\x00\x0a\x00\x08abcdefgh\x00\x0f\x00\x02\x00\x06", []uint16{dns.EDNS0COOKIE, dns.EDNS0EDE}},
		{"an extended error of one octet", "\x00\x0f\x00\x01\x00\x00\x0a\x00\x08abcdefgh", []uint16{dns.EDNS0EDE, dns.EDNS0COOKIE}},
		{"a client subnet of a family that nobody knows", "\x00\x08\x00\x04\x00\x09\x08\x00\x00\x0a\x00\x08abcdefgh", []uint16{dns.EDNS0SUBNET, dns.EDNS0COOKIE}},
		{"a length that is too long", "\x00\x0a\x00\x08abcdefgh\x00\x0f\x00\x09\x00", []uint16{dns.EDNS0COOKIE}},
		{"half a header", "\x00\x0a\x00\x08abcdefgh\x00\x0f", []uint16{dns.EDNS0COOKIE}},
		{"none", "", nil},
	} {
		packet := reply(append([]byte{0, 0, 41, 4, 208, 1, 0, 0x80, 0, 0, byte(len(tt.rdata))}, tt.rdata...))
		packet[7], packet[11] = 0, 1 // in the additional section
		msg, err := wireform.Unpack(packet)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var codes []uint16
		for _, option := range msg.IsEdns0().Option {
			codes = append(codes, option.Option())
		}
		if diff := cmp.Diff(tt.codes, codes); diff != "" || msg.Rcode != 16 || !msg.IsEdns0().Do() {
			t.Errorf("%s: rcode %d, %s", tt.name, msg.Rcode, diff)
		}
	}
}

// A TSIG record that is none would make dns.Msg.IsTsig panic.
func TestUnpackTSIG(t *testing.T) {
	t.Parallel()
	packet := reply(raw(dns.TypeTSIG, "\x01"))
	packet[7], packet[11] = 0, 1
	if msg, err := wireform.Unpack(packet); err != nil || msg.IsTsig() != nil || len(msg.Extra) != 0 {
		t.Errorf("%v, %v", msg, err)
	}
}

// Only the frame makes a message unreadable.
func TestUnpackBrokenFrame(t *testing.T) {
	t.Parallel()
	good := reply(raw(dns.TypeA, "\xC0\x00\x02\x01"))
	if _, err := wireform.Unpack(good); err != nil {
		t.Fatal(err)
	}
	for end := range good {
		if msg, err := wireform.Unpack(good[:end]); err == nil {
			t.Errorf("the first %d octets: %v", end, msg)
		}
	}
	for name, packet := range map[string][]byte{
		"an octet more":                  append(bytes.Clone(good), 0),
		"a record less than it says":     append(bytes.Clone(good[:7]), append([]byte{2}, good[8:]...)...),
		"an owner that points to itself": reply([]byte{0xC0, 25, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0}),
		"an owner of a reserved kind":    reply([]byte{0x80, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0}),
	} {
		if msg, err := wireform.Unpack(packet); err == nil {
			t.Errorf("%s: %v", name, msg)
		}
	}
}

// Type bitmaps that are not as they must be can be read.
func TestDenials(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		rrtype uint16
		rdata  string
		want   string // of the types; "unknown" where it cannot be read
	}{
		{"zero octets at the end", dns.TypeNSEC, "\x01A\x00\x00\x03\x40\x00\x00", "A"},
		{"empty blocks", dns.TypeNSEC, "\x01A\x00\x00\x01\x40\x01\x00\x02\x01\x00\x03\x01\x80", "A TYPE768"},
		{"nothing but an empty block", dns.TypeNSEC, "\x01A\x00\x00\x00", ""},
		{"NSEC3", dns.TypeNSEC3, "\x01\x00\x00\x00\x01\xab\x01\xff\x00\x02\x40\x00", "A"},
		{"blocks in descending order", dns.TypeNSEC, "\x01A\x00\x01\x01\x40\x00\x01\x40", "unknown"},
		{"half a block", dns.TypeNSEC, "\x01A\x00\x00\x02\x40", "unknown"},
		{"no bitmap", dns.TypeNSEC3, "\x01\x00\x00\x00\x09", "unknown"},
		{"another type", dns.TypeTLSA, "\x03\x01", "unknown"},
	} {
		msg, err := wireform.Unpack(reply(raw(dns.TypeA, "\xC0\x00\x02\x07"), raw(tt.rrtype, tt.rdata)))
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := msg.Answer[1].(*dns.RFC3597); !ok {
			t.Errorf("%s: %v", tt.name, msg.Answer[1])
		}
		var types []uint16
		switch record := wireform.Denials(msg.Answer)[1].(type) {
		case *dns.NSEC:
			types = record.TypeBitMap
		case *dns.NSEC3:
			types = record.TypeBitMap
		default:
			if tt.want != "unknown" {
				t.Errorf("%s: %v", tt.name, record)
			}
			continue
		}
		var names []string
		for _, rrtype := range types {
			names = append(names, dns.Type(rrtype).String())
		}
		if got := strings.Join(names, " "); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if _, ok := msg.Answer[1].(*dns.RFC3597); !ok {
			t.Errorf("%s: the record itself is %v", tt.name, msg.Answer[1])
		}
	}
}

// What miekg/dns reads from a message is read, too, and the same; and the canonical form
// of a record is that of its octets, names aside.
func FuzzUnpack(f *testing.F) {
	f.Add(reply(raw(dns.TypeMX, "\x00\x0a\x01A\xC0\x0C"), raw(dns.TypeTLSA, "\x03\x01"), raw(dns.TypeNSEC, "\x01A\x00\x00\x02\x40\x00")))
	f.Add(reply(raw(dns.TypeNXT, "\x01A\xC0\x0C\x40\x01"), raw(dns.TypeSOA, "\xC0\x0C\x01A\xC0\x0C"+strings.Repeat("\x01", 20))))
	for rrtype := range dns.TypeToRR {
		f.Add(reply(raw(rrtype, "")))
		f.Add(reply(raw(rrtype, "\x01A\x00\x01B\x00\x00\x01\x40"+strings.Repeat("\x00", 30))))
		f.Add(reply(raw(rrtype, "\x00\x01\x01A\x00\x01B\x00"+strings.Repeat("\x00", 20))))
		f.Add(reply(raw(rrtype, "\x01\x02\x03\x04\x05\x06\x07\x08\xC0\x0C")))
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		msg, err := wireform.Unpack(packet)
		var theirs dns.Msg
		theirErr := theirs.Unpack(packet)
		if err != nil {
			return // theirs are whole messages, too, that end early; see TestUnpackBrokenFrame
		}
		sections := [][]dns.RR{msg.Answer, msg.Ns, msg.Extra}
		if theirErr == nil {
			for i, section := range [][]dns.RR{theirs.Answer, theirs.Ns, theirs.Extra} {
				for j, rr := range sections[i] {
					if _, unknown := rr.(*dns.RFC3597); unknown {
						section[j] = rr
					}
				}
			}
			if diff := cmp.Diff(theirs.String(), msg.String()); diff != "" {
				t.Error(diff)
			}
		}
		for _, section := range sections {
			for _, rr := range wireform.Denials(section) {
				if rr == nil {
					t.Error("a record that is nil")
				}
			}
			for _, rr := range section {
				checkOctets(t, rr)
			}
		}
	})
}

// checkOctets writes a record without compression and reads it: nothing may change, and
// its canonical form must be its octets, but for capital letters.
func checkOctets(t *testing.T, rr dns.RR) {
	t.Helper()
	if rr.Header().Rrtype == dns.TypeOPT || rr.Header().Rrtype == dns.TypeTSIG {
		return
	}
	wire := make([]byte, dns.Len(rr)+300)
	end, err := dns.PackRR(dns.Copy(rr), wire, 0, nil, false)
	if err != nil {
		t.Fatalf("%v cannot be written: %v", rr, err)
	}
	_, name, err := dns.UnpackDomainName(wire, 0)
	if err != nil {
		t.Fatal(err)
	}
	rdata := wire[name+10 : end]
	got, err := canonical.AppendRData(nil, rr)
	if err != nil || !bytes.EqualFold(got, rdata) && !bytes.Equal(bytes.ToLower(got), bytes.ToLower(rdata)) {
		t.Errorf("%v: canonical form %x, octets %x: %v", rr, got, rdata, err)
	}
	packet := append(reply(wire[:end])[:25], wire[:end]...)
	again, err := wireform.Unpack(packet)
	if _, unknown := rr.(*dns.RFC3597); unknown && slices.ContainsFunc(rdata, func(c byte) bool { return c >= 0xC0 }) {
		return // a pointer that led nowhere may lead somewhere in another message
	}
	if err != nil || len(again.Answer) != 1 || again.Answer[0].String() != rr.String() {
		t.Errorf("%v is read again as %v: %v", rr, again, err)
	}
}

// Names are in lower case in what signatures cover, for some types (RFC 4034 §6.2, RFC 6840
// §5.1), and nothing else is.
func TestToLower(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rrtype      uint16
		rdata, want string
	}{
		{dns.TypeMX, "AB\x02CD\x00", "AB\x02cd\x00"},
		{dns.TypeMX, "AB\x02CD\x00E", "AB\x02CD\x00E"},
		{dns.TypeMX, "A", "A"},
		{dns.TypeNXT, "\x02CD\x00AB", "\x02cd\x00AB"},
		{dns.TypeNSEC, "\x02CD\x00AB", "\x02CD\x00AB"},
		{dns.TypeNAPTR, "ABCD\x01E\x01F\x00\x02GH\x00", "ABCD\x01E\x01F\x00\x02gh\x00"},
		{dns.TypeNAPTR, "ABCD\x09E", "ABCD\x09E"},
		{dns.TypeSOA, "\x01A\x00\x01B\x00CDEFGHIJKLMNOPQRSTUV", "\x01a\x00\x01b\x00CDEFGHIJKLMNOPQRSTUV"},
		{dns.TypeTLSA, "\x01A\x00", "\x01A\x00"},
	} {
		rdata := []byte(tt.rdata)
		if wireform.ToLower(tt.rrtype, rdata); string(rdata) != tt.want {
			t.Errorf("type %d: %q, want %q", tt.rrtype, rdata, tt.want)
		}
		rr := &dns.RFC3597{Hdr: dns.RR_Header{Name: "Example.", Rrtype: tt.rrtype}, Rdata: hex.EncodeToString([]byte(tt.rdata))}
		if got, err := canonical.AppendRData(nil, rr); err != nil || string(got) != tt.want {
			t.Errorf("type %d: canonical form %q, %v", tt.rrtype, got, err)
		}
	}
}

// A pointer has fourteen bits (RFC 1035 §4.1.4), and a message more octets: the name of a
// question that lies farther than that is no owner's.
func TestOwnerOfManyQuestions(t *testing.T) {
	t.Parallel()
	const typeAndClass = "\x00\x01\x00\x01"
	questions := strings.Repeat("\x01x\x00"+typeAndClass, 2339) + "\x05fifth\x00" + typeAndClass
	if 12+len(questions) != 1<<14|12 {
		t.Fatal(len(questions))
	}
	packet := []byte{0x12, 0x34, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0}
	binary.BigEndian.PutUint16(packet[4:], 2339+2)
	packet = append(append(packet, questions...), "\x01y\x00"+typeAndClass...)
	packet = append(packet, raw(dns.TypeA, "\xC0\x00\x02\x01")...)
	msg, err := wireform.Unpack(packet)
	if err != nil || len(msg.Answer) != 1 || msg.Answer[0].Header().Name != "x." {
		t.Errorf("%v, %v", msg.Answer, err)
	}
}
