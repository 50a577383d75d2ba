package canonical

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// packed is AppendRData in the simplest way: the record as miekg/dns writes it, with
// the names that RFC 4034 §6.2 says in lower case.
func packed(rr dns.RR) ([]byte, error) {
	rr = lowerNames(rr)
	wire := make([]byte, dns.Len(rr)+1)
	end, err := dns.PackRR(rr, wire, 0, nil, false)
	if err != nil {
		return nil, err
	}
	_, owner, err := dns.UnpackDomainName(wire, 0)
	if err != nil {
		return nil, err
	}
	return wire[owner+2+2+4+2 : end], nil
}

func checkRData(t *testing.T, rr dns.RR) {
	t.Helper()
	want, wantErr := packed(rr)
	before := dns.Copy(rr)
	got, err := AppendRData([]byte("before"), rr)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%v: %v, want %v", rr, err, wantErr)
	}
	if err == nil && string(got) != "before"+string(want) {
		t.Errorf("%v:\ngot  %x\nwant %x", rr, got, want)
	}
	if diff := cmp.Diff(before, dns.Copy(rr)); diff != "" {
		t.Errorf("%v was changed: %s", before, diff)
	}
}

// records are of the types that have a way of their own, of others, and such as only
// somebody's mistake makes.
func records(t testing.TB) []dns.RR {
	var all []dns.RR
	for _, text := range []string{
		"A 192.0.2.1", "AAAA 2001:db8::1", "AAAA ::ffff:192.0.2.1", "NS Ns.Example.", "CNAME .", `CNAME \.\001\255.Example.`,
		"MX 10 Mail.Example.", "SOA Ns.Example. Root.Example. 1 2 3 4 5", "TLSA 3 1 1 00ff", "DS 1 13 2 00ff", "DNSKEY 257 3 13 AAAAAQ==",
		"NSEC Next.Example. A MX RRSIG NSEC TYPE256 CAA TYPE65535", "NSEC . TYPE1234", "NSEC A. MX A",
		"NSEC3 1 1 150 00ff 2VPTU5TIMAMQTTGL4LUU9KG21E0AOR3S A RRSIG", "NSEC3 1 0 0 - 2vptu5timamqttgl4luu9kg21e0aor3s",
		`TXT "A" "\000"`, "SRV 1 2 3 Host.Example.", "RRSIG A 13 2 300 20300101000000 20200101000000 1 Example. AAAA",
		`NAPTR 1 2 "S" "A" "" Host.Example.`, `TYPE65280 \# 3 414243`, "PTR Host.Example.", "DNAME Host.Example.", `CAA 0 issue "Ca.Example"`,
	} {
		rr, err := dns.NewRR("Owner.Example. 300 IN " + text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		all = append(all, rr)
	}
	header := dns.RR_Header{Name: "example.", Class: dns.ClassINET}
	return append(all,
		&dns.A{Hdr: header}, &dns.A{Hdr: header, A: []byte{1}}, &dns.AAAA{Hdr: header, AAAA: []byte{1, 2, 3, 4}}, &dns.MX{Hdr: header},
		&dns.MX{Hdr: header, Mx: "relative"}, &dns.NSEC{Hdr: header, NextDomain: "a.", TypeBitMap: []uint16{1, 1, 300, 2}},
		&dns.NSEC{Hdr: header, NextDomain: "a.", TypeBitMap: []uint16{3, 2}}, &dns.TLSA{Hdr: header, Certificate: "0"},
		&dns.TLSA{Hdr: header, Certificate: string(bytes.Repeat([]byte("00"), 1<<16))}, &dns.DNSKEY{Hdr: header, PublicKey: "AA=\n="},
		&dns.DNSKEY{Hdr: header, PublicKey: "?"}, &dns.NSEC3{Hdr: header, NextDomain: "?"}, &dns.NSEC3{Hdr: header, Salt: "0"},
	)
}

func TestAppendRData(t *testing.T) {
	t.Parallel()
	for _, rr := range records(t) {
		checkRData(t, rr)
	}
}

// Whatever comes from the network is written as miekg/dns does it.
func FuzzAppendRData(f *testing.F) {
	for _, rr := range records(f) {
		if rdata, err := packed(rr); err == nil && len(rdata) < 100 {
			f.Add(rr.Header().Rrtype, rdata)
		}
	}
	for rrtype := range dns.TypeToRR {
		f.Add(rrtype, []byte(nil))
		f.Add(rrtype, append([]byte("\x01A\x00\x01B\x00\x00\x01\x40"), make([]byte, 30)...))
		f.Add(rrtype, append([]byte("\x00\x01\x01A\x00\x01B\x00"), make([]byte, 20)...))
	}
	f.Fuzz(func(t *testing.T, rrtype uint16, rdata []byte) {
		wire := binary.BigEndian.AppendUint16([]byte{0}, rrtype)
		wire = append(wire, 0, 1, 0, 0, 0, 0)
		wire = append(binary.BigEndian.AppendUint16(wire, uint16(len(rdata))), rdata...)
		if rr, _, err := dns.UnpackRR(wire, 0); err == nil {
			checkRData(t, rr)
		}
	})
}
