package nsupdate_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/examples/daneverify/internal/nsupdate"
	"github.com/danesmtp/danesmtp/examples/daneverify/internal/nsupdate/nsupdatetest"
)

const (
	owner  = "_25._tcp.mx.example."
	first  = "TLSA 3 1 1 aa"
	second = "TLSA 3 1 1 bb"
)

// record is the data of a text such as first.
func record(text string) *dns.TLSA {
	rr, err := dns.NewRR(". " + text)
	if err != nil {
		panic(err)
	}
	return rr.(*dns.TLSA)
}

func newPrimary(records ...string) *nsupdatetest.Primary {
	p := &nsupdatetest.Primary{Zone: "example.", KeyName: "ddns.", KeyAlgo: dns.HmacSHA256, Secret: secret}
	p.Set(owner, records...)
	return p
}

func newClient(t *testing.T, p *nsupdatetest.Primary, key string) *nsupdate.Client {
	t.Helper()
	k, err := nsupdate.ParseKey(sample(key))
	if err != nil {
		t.Fatal(err)
	}
	return &nsupdate.Client{Address: "192.0.2.1:53", Key: k, Dial: p.Dial, Timeout: time.Second}
}

// TestUpdate adds a second record to a set that is thought to have the first one alone.
func TestUpdate(t *testing.T) {
	t.Parallel()
	const good = "hmac-sha256:ddns:SECRET"
	done, undone := []string{first, second}, []string{first}
	for _, tt := range []struct {
		name    string
		key     string
		world   func(*nsupdatetest.Primary)
		dial    func(context.Context, string, string) (net.Conn, error)
		want    string // of the error
		unknown bool   // whether it was done
		changed bool   // by somebody else
		records []string
	}{
		{name: "the usual one", records: done},
		{name: "somebody has added the record before", world: func(p *nsupdatetest.Primary) { p.Set(owner, first, second) }, want: "NXRRSET", changed: true, records: done},
		{name: "somebody has replaced the record", world: func(p *nsupdatetest.Primary) { p.Set(owner, "TLSA 3 1 1 cc") }, want: "somebody else", changed: true, records: []string{"TLSA 3 1 1 cc"}},
		{name: "somebody has removed all", world: func(p *nsupdatetest.Primary) { p.Set(owner) }, want: "NXRRSET", changed: true},
		{name: "somebody has put an alias there", world: func(p *nsupdatetest.Primary) { p.Set(owner, "CNAME other.example.") }, want: "YXRRSET", changed: true, records: []string{"CNAME other.example."}},
		{name: "a key that the server does not know", key: "hmac-sha256:other:SECRET", want: "BADKEY", unknown: true, records: undone},
		{name: "another algorithm", key: "hmac-sha512:ddns:SECRET", want: "BADKEY", unknown: true, records: undone},
		{name: "another secret", key: "hmac-sha256:ddns:AAAA", want: "BADSIG", unknown: true, records: undone},
		{name: "a server whose clock is ahead", world: func(p *nsupdatetest.Primary) { p.Skew = time.Hour }, want: "BADTIME: the clock of the server is 1h0m0s ahead of that of this machine", records: undone},
		{name: "a server whose clock is behind", world: func(p *nsupdatetest.Primary) { p.Skew = -time.Hour }, want: "1h0m0s behind that", records: undone},
		{name: "a clock that differs by five minutes", world: func(p *nsupdatetest.Primary) { p.Skew = 5 * time.Minute }, records: done},
		{name: "a server that refuses", world: func(p *nsupdatetest.Primary) { p.NoUpdates = true }, want: "REFUSED: the key is not allowed", records: undone},
		{name: "a secondary", world: func(p *nsupdatetest.Primary) { p.Zone = "other." }, want: "NOTAUTH", records: undone},
		{name: "SERVFAIL", world: rcode(dns.RcodeServerFailure), want: "SERVFAIL: the server cannot", records: done},
		{name: "NOTZONE", world: rcode(dns.RcodeNotZone), want: "NOTZONE", records: done},
		{name: "NOTIMP", world: rcode(dns.RcodeNotImplemented), want: "NOTIMP", records: done},
		{name: "a code that nobody knows", world: rcode(13), want: "RCODE 13", records: done},
		{name: "a reply to another message", world: packed(func(b []byte) []byte { b[1]++; return b }), want: "another message", unknown: true, records: done},
		{name: "a reply that is cut short", world: func(p *nsupdatetest.Primary) {
			p.Reply = func(_, reply *dns.Msg) bool { reply.Truncated = true; return true }
		}, want: "(TC)", unknown: true, records: done},
		{name: "no reply", world: func(p *nsupdatetest.Primary) {
			p.Reply = func(_, reply *dns.Msg) bool { return false }
		}, want: "does not reply within 1s", unknown: true, records: done},
		{name: "a reply without a signature", world: packed(unsigned), want: "not signed: it may be of anybody", unknown: true, records: done},
		{name: "a refusal without a signature", world: packed(func(b []byte) []byte { return unsigned(with(b, dns.RcodeRefused)) }), want: "REFUSED", unknown: true, records: done},
		{name: "a forged success", key: "hmac-sha256:ddns:AAAA", world: packed(func(b []byte) []byte {
			b = with(b, dns.RcodeSuccess)
			return bytes.Replace(b, []byte{0, 16, 0, 0}, []byte{0, 0, 0, 0}, 1) // BADSIG in the TSIG
		}), want: "not signed by the key", unknown: true, records: undone},
		{name: "a forged failure", world: packed(func(b []byte) []byte { return with(b, dns.RcodeNXRrset) }), want: "not signed by the key", unknown: true, records: done},
		{name: "a forged NOTAUTH", world: packed(func(b []byte) []byte { return with(b, dns.RcodeNotAuth) }), want: "not signed by the key", unknown: true, records: done},
		{name: "a signature that is cut short", world: packed(shortMAC), want: "not signed by the key", unknown: true, records: done},
		{name: "records behind the signature", world: packed(func(b []byte) []byte { return behind(b, "a.example. A 192.0.2.1") }), want: "not signed: it may be of anybody", unknown: true, records: done},
		{name: "a reply of two octets", world: packed(func([]byte) []byte { return []byte{0, 0} }), want: "cannot be read", unknown: true, records: done},
		{name: "a server that is not there", dial: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("refused") }, want: "cannot be reached over TCP", records: undone},
		{name: "a server that hangs up", dial: func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			theirs.Close()
			return ours, nil
		}, want: "ends the connection", unknown: true, records: undone},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPrimary(first)
				if tt.key == "" {
					tt.key = good
				}
				c := newClient(t, p, tt.key)
				if tt.dial != nil {
					c.Dial = tt.dial
				}
				if tt.world != nil {
					tt.world(p)
				}
				err := c.Update(t.Context(), &nsupdate.Change{
					Zone: "example.", Owner: owner, TTL: 600, Before: []*dns.TLSA{record(first)}, Add: []*dns.TLSA{record(second)},
				})
				if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) || errors.Is(err, nsupdate.ErrNoReply) != tt.unknown {
					t.Errorf("%v; want %q, unknown %t", err, tt.want, tt.unknown)
				}
				if refusal, ok := errors.AsType[*nsupdate.Refusal](err); (ok && refusal.Changed() && refusal.Signed) != tt.changed {
					t.Errorf("changed by somebody else: want %t: %v", tt.changed, err)
				}
				got := p.Get(owner)
				slices.Sort(got)
				if diff := cmp.Diff(tt.records, got); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// rcode has the server reply with a code, signed.
func rcode(code int) func(*nsupdatetest.Primary) {
	return func(p *nsupdatetest.Primary) {
		p.Reply = func(_, reply *dns.Msg) bool { reply.Rcode = code; return true }
	}
}

// packed changes what is on the wire.
func packed(change func([]byte) []byte) func(*nsupdatetest.Primary) {
	return func(p *nsupdatetest.Primary) {
		p.Packed = func(_ *dns.Msg, b []byte) []byte { return change(b) }
	}
}

func with(b []byte, rcode byte) []byte {
	b[3] = b[3]&^0xF | rcode
	return b
}

func rewrite(b []byte, change func(*dns.Msg)) []byte {
	m := new(dns.Msg)
	if err := m.Unpack(b); err != nil {
		panic(err)
	}
	change(m)
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

func unsigned(b []byte) []byte { return rewrite(b, func(m *dns.Msg) { m.Extra = nil }) }

func behind(b []byte, text string) []byte {
	return rewrite(b, func(m *dns.Msg) {
		rr, err := dns.NewRR(text)
		if err != nil {
			panic(err)
		}
		m.Extra = append(m.Extra, rr)
	})
}

func shortMAC(b []byte) []byte {
	return rewrite(b, func(m *dns.Msg) {
		s := m.IsTsig()
		octets, err := hex.DecodeString(s.MAC)
		if err != nil {
			panic(err)
		}
		s.MAC, s.MACSize = hex.EncodeToString(octets[:16]), 16
	})
}

func TestUpdateOfAnEmptySet(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "TXT x"} { // the name may be there
		p := newPrimary()
		want := []string{first}
		if name != "" {
			p.Set(owner, name)
			want = append([]string{`TXT "x"`}, want...)
		}
		c := newClient(t, p, "hmac-sha256:ddns:SECRET")
		change := &nsupdate.Change{Zone: "example.", Owner: owner, TTL: 3600, Add: []*dns.TLSA{record(first)}}
		if err := c.Update(t.Context(), change); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, p.Get(owner)); diff != "" {
			t.Error(diff)
		}
		refusal, ok := errors.AsType[*nsupdate.Refusal](c.Update(t.Context(), change))
		if !ok || !refusal.Changed() || refusal.RCode != dns.RcodeYXRrset {
			t.Errorf("the second time: %v", refusal)
		}
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		world func(*nsupdatetest.Primary)
		want  string // owner, aliases, records
		err   string
	}{
		{name: "records", want: owner + " [] 1 in example."},
		{name: "no records", world: func(p *nsupdatetest.Primary) { p.Set(owner) }, want: owner + " [] 0 in example."},
		{name: "an alias", world: func(p *nsupdatetest.Primary) {
			p.Set(owner, "CNAME Set.Example.")
			p.Set("set.example.", first, second)
		}, want: "set.example. [" + owner + "] 2 in example."},
		{name: "an alias to nothing", world: func(p *nsupdatetest.Primary) { p.Set(owner, "CNAME set.example.") }, want: "set.example. [" + owner + "] 0 in example."},
		{name: "an alias to elsewhere", world: func(p *nsupdatetest.Primary) { p.Set(owner, "CNAME set.other.") }, err: "set.other. TLSA: REFUSED: the server does not serve the zone"},
		{name: "aliases in a circle", world: func(p *nsupdatetest.Primary) {
			p.Set(owner, "CNAME set.example.")
			p.Set("set.example.", "CNAME "+owner)
		}, err: "more than 8 aliases"},
		{name: "another zone", world: func(p *nsupdatetest.Primary) { p.Zone = "other." }, err: "REFUSED"},
		{name: "a wildcard", world: func(p *nsupdatetest.Primary) {
			p.Reply = func(q, reply *dns.Msg) bool {
				if q.Question[0].Qtype == dns.TypeTLSA {
					rr, _ := dns.NewRR(owner + " 600 RRSIG TLSA 13 3 600 20300101000000 20200101000000 1 example. AAAA")
					reply.Answer = append(reply.Answer, rr)
				}
				return true
			}
		}, err: "wildcard"},
		{name: "a server without authority", world: func(p *nsupdatetest.Primary) {
			p.Reply = func(_, reply *dns.Msg) bool { reply.Authoritative = false; return true }
		}, err: "not an authority"},
		{name: "SERVFAIL", world: rcode(dns.RcodeServerFailure), err: "SERVFAIL"},
		{name: "a reply to another question", world: func(p *nsupdatetest.Primary) {
			p.Reply = func(_, reply *dns.Msg) bool { reply.Question[0].Name = "x.example."; return true }
		}, err: "another question"},
		{name: "no SOA", world: func(p *nsupdatetest.Primary) {
			p.Reply = func(_, reply *dns.Msg) bool { reply.Ns = nil; return true }
		}, err: "in which zone"},
		{name: "the SOA of a stranger", world: func(p *nsupdatetest.Primary) {
			p.Reply = func(_, reply *dns.Msg) bool {
				for _, rr := range reply.Ns {
					rr.Header().Name = "ample."
				}
				return true
			}
		}, err: "in which zone"},
		{name: "without a signature", world: packed(unsigned), err: "not signed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPrimary(first)
			if tt.world != nil {
				tt.world(p)
			}
			set, err := newClient(t, p, "hmac-sha256:ddns:SECRET").Lookup(t.Context(), "_25._TCP.mx.example.")
			got := ""
			if err == nil {
				got = fmt.Sprintf("%s %v %d in %s", set.Owner, set.Aliases, len(set.Records), set.Zone)
			}
			if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s, %v", got, err)
			}
		})
	}
}

func TestServerAddress(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"192.0.2.1": "192.0.2.1:53", "192.0.2.1:5353": "192.0.2.1:5353", "2001:db8::1": "[2001:db8::1]:53", "[2001:db8::1]": "[2001:db8::1]:53",
		"[2001:db8::1]:5353": "[2001:db8::1]:5353", "ns1.example.org": "ns1.example.org:53", "ns1.example.org:54": "ns1.example.org:54",
		"": "", ":53": "", "192.0.2.1:0": "", "192.0.2.1:65536": "", "192.0.2.1:x": "", "192.0.2.1:5 3": "", "tls://192.0.2.1": "", "a b": "", "a\nserver b": "", "[::1": "",
	} {
		got, err := nsupdate.ServerAddress(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
}

func ExampleChange_Script() {
	change := &nsupdate.Change{
		Zone: "example.org.", Owner: "_25._tcp.mx.example.org.", TTL: 3600,
		Before: []*dns.TLSA{{Usage: 3, Selector: 1, MatchingType: 1, Certificate: "aa"}},
		Add:    []*dns.TLSA{{Usage: 3, Selector: 1, MatchingType: 1, Certificate: "bb"}},
	}
	fmt.Print(change.Script("192.0.2.1:53"))
	// Output:
	// server 192.0.2.1 53
	// zone example.org.
	// prereq nxrrset _25._tcp.mx.example.org. IN CNAME
	// prereq yxrrset _25._tcp.mx.example.org. IN TLSA 3 1 1 aa
	// update add _25._tcp.mx.example.org. 3600 IN TLSA 3 1 1 bb
	// send
}

// Where records are to go, the whole set is replaced at once.
func ExampleChange_Script_remove() {
	old := &dns.TLSA{Usage: 3, Selector: 1, MatchingType: 1, Certificate: "aa"}
	next := &dns.TLSA{Usage: 3, Selector: 1, MatchingType: 1, Certificate: "bb"}
	change := &nsupdate.Change{
		Zone: "example.org.", Owner: "_25._tcp.mx.example.org.", TTL: 3600,
		Before: []*dns.TLSA{old, next}, Remove: []*dns.TLSA{old},
	}
	fmt.Print(change.Script("192.0.2.1:53"))
	// Output:
	// server 192.0.2.1 53
	// zone example.org.
	// prereq nxrrset _25._tcp.mx.example.org. IN CNAME
	// prereq yxrrset _25._tcp.mx.example.org. IN TLSA 3 1 1 aa
	// prereq yxrrset _25._tcp.mx.example.org. IN TLSA 3 1 1 bb
	// update delete _25._tcp.mx.example.org. IN TLSA
	// update add _25._tcp.mx.example.org. 3600 IN TLSA 3 1 1 bb
	// send
}
