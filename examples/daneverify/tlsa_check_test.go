package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// A publisher has a zone with three servers, 192.0.2.1 to 3, each of which may have other
// records, and the certificates of a rollover.
type publisher struct {
	*testing.T
	folder
	world        *dnssectest.Internet
	ca           *tlsatest.CA
	current      *tlsatest.Certificate
	next         *tlsatest.Certificate
	oldPEM, file string // of the next certificate
	state        string
	ttl          int

	mu   sync.Mutex
	sets map[string][]tlsa.Record       // what a server has now, in place of the zone's
	said map[string]func(*dns.Msg) bool // what a server does to a reply
	dead map[string]syscall.Errno       // addresses that cannot be reached
}

// newPublisher makes the zone example. with the records of the current certificate.
func newPublisher(t *testing.T, change func(*dnssectest.Zone, *publisher)) *publisher {
	p := &publisher{T: t, folder: folder{t, t.TempDir()}, ttl: 600,
		sets: map[string][]tlsa.Record{}, said: map[string]func(*dns.Msg) bool{}, dead: map[string]syscall.Errno{}}
	ca := tlsatest.NewCA(tlsatest.Authority{Name: "CA"})
	leaf := tlsatest.Leaf{Names: []string{"mx.example"}}
	p.ca, p.current, p.next = ca, ca.Issue(leaf), ca.Issue(leaf)
	p.oldPEM = p.folder.chain("old.pem", p.current.Leaf, ca.Certificate)
	p.file, p.state = p.folder.chain("new.pem", p.next.Leaf, ca.Certificate), filepath.Join(p.dir, "state")
	zone := dnssectest.Zone{Name: "example."}
	if change != nil {
		change(&zone, p)
	}
	zone.Records += fmt.Sprintf(`
		@   3600 SOA ns1 hostmaster 1 7200 900 604800 300
		@   NS ns1
		@   NS ns2
		@   NS ns3
		ns1 A 192.0.2.1
		ns2 A 192.0.2.2
		ns3 A 192.0.2.3
		mx  A 192.0.2.25
		_25._tcp.mx %d TLSA %s`, p.ttl, p.record(p.current))
	p.world = dnssectest.New(t, zone)
	p.world.TamperAt = p.tamper
	return p
}

func (p *publisher) record(c *tlsatest.Certificate) tlsa.Record {
	return c.Record(tlsa.SPKI, tlsa.SHA256)
}

// publish gives servers other records.
func (p *publisher) publish(records []tlsa.Record, servers ...int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range servers {
		p.sets[fmt.Sprintf("192.0.2.%d", n)] = records
	}
}

// both are the records of the current and of the next certificate.
func (p *publisher) both() []tlsa.Record { return []tlsa.Record{p.record(p.current), p.record(p.next)} }

func (p *publisher) tamper(server netip.Addr, q dns.Question, reply *dns.Msg) bool {
	p.mu.Lock()
	records, change := p.sets[server.String()], p.said[server.String()]
	p.mu.Unlock()
	if records != nil && q.Qtype == dns.TypeTLSA && len(reply.Answer) > 0 {
		var set []dns.RR
		for _, r := range records {
			rr, err := dns.NewRR(fmt.Sprintf("%s %d IN TLSA %s", q.Name, p.ttl, r))
			if err != nil {
				panic(err)
			}
			set = append(set, rr)
		}
		reply.Answer = append(set, p.world.Sign("example.", set...))
	}
	return change == nil || change(reply)
}

func (p *publisher) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, _ := net.SplitHostPort(address)
	p.mu.Lock()
	errno, dead := p.dead[host]
	p.mu.Unlock()
	if dead {
		return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", errno)}
	}
	return p.world.Dial(ctx, network, address)
}

// run runs a command in this world. Each has a resolver with an empty cache.
func (p *publisher) run(ctx context.Context, args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	tool := &tlsaTool{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, now: time.Now, zones: zoneNetwork{
		resolver: &dnssec.Resolver{Exchanger: p.world, Anchors: p.world.Anchors()}, dial: p.dial, timeout: time.Second,
	}}
	status = tool.run(ctx, args)
	return status, out.String(), errs.String()
}

// TestTLSACheck has a rollover in all its states: safe only where every server has had the
// new record for the old TTL.
func TestTLSACheck(t *testing.T) {
	t.Parallel()
	week := 7 * 24 * 3600
	for _, tt := range []struct {
		name   string
		zone   func(*dnssectest.Zone, *publisher)
		world  func(*publisher)
		args   []string
		status int
		want   string
	}{
		{"before anything is published", nil, nil, nil, 1, "no record of this certificate"},
		{"all servers, for long", nil, func(p *publisher) { p.publish(p.both(), 1, 2, 3) }, []string{"-since", "1h"}, 0, "SAFE: senders accept"},
		{"all servers, since when is not known", nil, func(p *publisher) { p.publish(p.both(), 1, 2, 3) }, nil, 1, "caches may have older ones until"},
		{"all servers, just now", nil, func(p *publisher) { p.publish(p.both(), 1, 2, 3) }, []string{"-since", "599s"}, 1, "caches may have older ones"},
		{"all servers, but a margin is wanted", nil, func(p *publisher) { p.publish(p.both(), 1, 2, 3) }, []string{"-since", "1h", "-margin", "51m"}, 1, "caches may have older ones"},
		{"one secondary is behind", nil, func(p *publisher) { p.publish(p.both(), 1, 2) }, []string{"-since", "1h"}, 1, "ns3.example (192.0.2.3): no record of this certificate"},
		{"one secondary drops the record, without a proof", nil, func(p *publisher) {
			p.publish(p.both(), 1, 2)
			p.said["192.0.2.3"] = func(r *dns.Msg) bool {
				if r.Question[0].Qtype == dns.TypeTLSA {
					r.Answer, r.Ns = nil, nil
				}
				return true
			}
		}, []string{"-since", "1h"}, 1, "does not validate"},
		{"one secondary is silent", nil, func(p *publisher) {
			p.publish(p.both(), 1, 2, 3)
			p.said["192.0.2.3"] = func(*dns.Msg) bool { return false }
		}, []string{"-since", "1h"}, 2, "UNKNOWN: not all name servers could be asked: ns3.example (192.0.2.3)"},
		{"one secondary refuses", nil, func(p *publisher) {
			p.publish(p.both(), 1, 2, 3)
			p.said["192.0.2.3"] = func(r *dns.Msg) bool { r.Answer, r.Rcode = nil, dns.RcodeRefused; return true }
		}, []string{"-since", "1h"}, 2, "REFUSED"},
		{"one secondary forges", nil, func(p *publisher) {
			p.publish(p.both(), 1, 2, 3)
			p.said["192.0.2.3"] = func(r *dns.Msg) bool {
				for _, rr := range r.Answer {
					if rr, ok := rr.(*dns.TLSA); ok {
						rr.Certificate = strings.Repeat("ee", 32)
					}
				}
				return true
			}
		}, []string{"-since", "1h"}, 1, "does not validate"},
		{"an address in a family that this machine lacks", func(z *dnssectest.Zone, _ *publisher) { z.Records = "ns1 AAAA 2001:db8::1" }, func(p *publisher) {
			p.publish(p.both(), 1, 2, 3)
			p.dead["2001:db8::1"] = syscall.ENETUNREACH
		}, []string{"-since", "1h"}, 0, "note: ns1.example (2001:db8::1) cannot be reached from this machine"},
		{"a server that this machine cannot reach at all", nil, func(p *publisher) {
			p.publish(p.both(), 1, 2, 3)
			p.dead["192.0.2.3"] = syscall.ENETUNREACH
		}, []string{"-since", "1h"}, 2, "ns3"},
		{"an address that the network says is dead", func(z *dnssectest.Zone, _ *publisher) { z.Records = "ns1 AAAA 2001:db8::1" }, func(p *publisher) {
			p.publish(p.both(), 1, 2, 3)
			p.dead["2001:db8::1"] = syscall.EHOSTUNREACH
		}, []string{"-since", "1h"}, 2, "UNKNOWN: not all name servers could be asked: ns1.example (2001:db8::1)"},
		{"another IPv6 address with old records", func(z *dnssectest.Zone, _ *publisher) { z.Records = "ns1 AAAA 2001:db8::1" }, func(p *publisher) {
			p.publish(p.both(), 1, 2, 3)
		}, []string{"-since", "1h"}, 1, "ns1.example (2001:db8::1): no record of this certificate"},
		{"TTL 0", func(_ *dnssectest.Zone, p *publisher) { p.ttl = 0 }, func(p *publisher) { p.publish(p.both(), 1, 2, 3) }, []string{"-since", "306s"}, 0, "SAFE"},
		{"TTL of a week", func(_ *dnssectest.Zone, p *publisher) { p.ttl = week }, func(p *publisher) { p.publish(p.both(), 1, 2, 3) }, []string{"-since", "167h"}, 1, "note: the TTL of the records is 168h0m0s"},
		{"an unsigned zone", func(z *dnssectest.Zone, _ *publisher) { z.Unsigned = true }, nil, []string{"-since", "1h"}, 1, "nobody will use the records"},
		{"a signed zone without a DS record", func(z *dnssectest.Zone, _ *publisher) { z.NoDS = true }, nil, []string{"-since", "1h"}, 1, "nobody will use the records"},
		{"a bogus zone", func(z *dnssectest.Zone, _ *publisher) {
			z.Faults = map[string]dnssectest.Fault{dnssectest.WholeZone: dnssectest.Expired}
		}, nil, []string{"-since", "1h"}, 1, "bogus"},
		{"a server without an address", func(z *dnssectest.Zone, _ *publisher) { z.Records = "@ NS nowhere" }, func(p *publisher) { p.publish(p.both(), 1, 2, 3) }, []string{"-since", "1h"}, 0, "note: nowhere.example. has no address"},
		{"the current certificate", nil, nil, []string{"-since", "1h", "-cert", "OLD"}, 0, "SAFE"},
		{"the current certificate, which is installed", nil, nil, []string{"-cert", "OLD", "-current", "OLD"}, 0, "it has the key of the one that is installed"},
		{"another key than that of the one that is installed", nil, func(p *publisher) { p.publish(p.both(), 1, 2, 3) }, []string{"-current", "OLD"}, 1, "caches may have older ones"},
		{"only the next record", nil, func(p *publisher) { p.publish([]tlsa.Record{p.record(p.next)}, 1, 2, 3) }, []string{"-since", "1h"}, 0, "SAFE"},
		{"records that mean nothing", nil, func(p *publisher) {
			p.publish([]tlsa.Record{{Usage: 1, Selector: 1, Matching: 1, Data: p.record(p.next).Data}}, 1, 2, 3)
		}, []string{"-since", "1h"}, 1, "usable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPublisher(t, tt.zone)
				if tt.world != nil {
					tt.world(p)
				}
				args := []string{"check", "mx.example", "-cert", p.file}
				for _, arg := range tt.args {
					args = append(args, strings.ReplaceAll(arg, "OLD", p.oldPEM))
				}
				status, stdout, stderr := p.run(t.Context(), args...)
				if status != tt.status || !strings.Contains(stdout, tt.want) || stderr != "" {
					t.Errorf("exit status %d, want %d with %q\n%s%s", status, tt.status, tt.want, stdout, stderr)
				}
				var parsed jsonCheck
				again, stdout, _ := p.run(t.Context(), append(args, "-json")...)
				if err := json.Unmarshal([]byte(stdout), &parsed); err != nil || again != tt.status || parsed.Version != 1 ||
					parsed.Verdict != []string{"safe", "not safe", "unknown"}[tt.status] {
					t.Errorf("JSON: exit status %d, %v: %s", again, err, stdout)
				}
			})
		})
	}
}

// -state makes the time between runs count.
func TestTLSACheckState(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPublisher(t, func(_ *dnssectest.Zone, p *publisher) { p.ttl = 7200 })
		check := func(want int, why string) {
			t.Helper()
			if status, stdout, stderr := p.run(t.Context(), "check", "-cert", p.file, "-state", p.state, "mx.example"); status != want {
				t.Errorf("%s: exit status %d, want %d\n%s%s", why, status, want, stdout, stderr)
			}
		}
		check(1, "nothing is published")
		p.publish(p.both(), 1, 2)
		check(1, "a secondary is behind")
		time.Sleep(3 * time.Hour)
		check(1, "it is behind still")
		p.publish(p.both(), 3)
		p.ttl = 60 // the new set's, which is not what caches keep
		check(1, "it has come")
		time.Sleep(119 * time.Minute)
		check(1, "the old TTL has not run out")
		time.Sleep(2 * time.Minute)
		check(0, "it has")
		p.publish([]tlsa.Record{p.record(p.current)}, 2)
		check(1, "a secondary has gone back")
		p.publish(p.both(), 2)
		check(1, "so that it begins anew")
		time.Sleep(121 * time.Minute)
		check(0, "and ends")
		if status, stdout, _ := p.run(t.Context(), "check", "-cert", p.oldPEM, "-state", p.state, "mx.example"); status != 1 {
			t.Errorf("the state of another certificate counts: %s", stdout)
		}
	})
}

// What is not understood changes no file and asks nobody.
func TestTLSACheckRefuses(t *testing.T) {
	t.Parallel()
	p := newPublisher(t, nil)
	bad := p.raw("bad", "not JSON")
	for _, tt := range []struct {
		want string
		args []string
	}{
		{"no host", []string{"-cert", p.file}},
		{"one too many", []string{"-cert", p.file, "mx.example", "mx2.example"}},
		{"-cert FILE", []string{"mx.example"}},
		{"no such file", []string{"-cert", filepath.Join(p.dir, "none"), "mx.example"}},
		{"is no state", []string{"-cert", p.file, "-state", bad, "mx.example"}},
		{"-margin", []string{"-cert", p.file, "-margin", "-1s", "mx.example"}},
		{"-since", []string{"-cert", p.file, "-since", "yesterday", "mx.example"}},
		{"-since", []string{"-cert", p.file, "-since", "2999-01-01T00:00:00Z", "mx.example"}},
		{"-recursive", []string{"-cert", p.file, "-recursive", "-resolver", "192.0.2.1", "mx.example"}},
		{"-hints", []string{"-cert", p.file, "-hints", p.file, "mx.example"}},
		{"port", []string{"-cert", p.file, "mx.example:0"}},
	} {
		for _, command := range []string{"check", "wait"} {
			if command == "wait" && tt.want == "-since" {
				continue
			}
			status, stdout, stderr := p.run(t.Context(), append([]string{command}, tt.args...)...)
			if status != 2 || stdout != "" || !strings.Contains(stderr, tt.want) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("%s %q: exit status %d, %s%s", command, tt.args, status, stdout, stderr)
			}
		}
	}
	if len(p.world.Questions()) > 0 {
		t.Errorf("asked: %v", p.world.Questions())
	}
	if text, err := os.ReadFile(bad); err != nil || string(text) != "not JSON" {
		t.Errorf("the file was changed: %s, %v", text, err)
	}
}

// Where the records are behind an alias, the servers of both zones count.
func TestTLSACheckFollowsAliases(t *testing.T) {
	t.Parallel()
	for _, behind := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := newPublisher(t, nil)
			set := func(records []tlsa.Record) (text string) {
				for _, r := range records {
					text += fmt.Sprintf("mx 600 TLSA %s\n", r)
				}
				return text
			}
			p.world = dnssectest.New(t,
				dnssectest.Zone{Name: "example.", Records: "@ NS ns1\nns1 A 192.0.2.1\nmx A 192.0.2.25\n_25._tcp.mx CNAME mx.provider.test."},
				dnssectest.Zone{Name: "provider.test.", Records: "@ NS ns1\n@ NS ns2\nns1 A 192.0.2.11\nns2 A 192.0.2.12\n" + set(p.both())})
			old := must(dns.NewRR(fmt.Sprintf("mx.provider.test. 600 TLSA %s", p.record(p.current))))
			p.world.TamperAt = func(server netip.Addr, q dns.Question, reply *dns.Msg) bool {
				if behind && server.String() == "192.0.2.12" && q.Qtype == dns.TypeTLSA {
					reply.Answer = []dns.RR{dns.Copy(old), p.world.Sign("provider.test.", old)}
				}
				return true
			}
			status, stdout, stderr := p.run(t.Context(), "check", "-cert", p.file, "-since", "1h", "mx.example")
			if want := map[bool]int{true: 1}[behind]; status != want || strings.Contains(stdout, "ns2.provider.test (192.0.2.12): no record") != behind {
				t.Errorf("exit status %d, want %d\n%s%s", status, want, stdout, stderr)
			}
			for _, server := range []string{"ns1.example (192.0.2.1)", "ns1.provider.test (192.0.2.11)", "ns2.provider.test (192.0.2.12)"} {
				if !strings.Contains(stdout, server) {
					t.Errorf("%s was not asked:\n%s", server, stdout)
				}
			}
		})
	}
}

// What commands print can be given back to them, and is then the same instant.
func TestSinceReadsWhatIsPrinted(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 16, 11, 6, 0, time.UTC)
	for text, want := range map[string]time.Time{
		stamp(now): now, now.Format(time.RFC3339): now, "2026-11-29": now.Truncate(24*time.Hour).AddDate(0, 0, -1),
		"2026-11-30 16:11 UTC": now.Truncate(time.Minute), "2d": now.AddDate(0, 0, -2), "1w": now.AddDate(0, 0, -7), "48h": now.AddDate(0, 0, -2),
	} {
		if got, err := parseSince(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{stamp(now.Add(time.Second)), "2026-12-01", "yesterday", "-1h", "2026-11-30 16:11:06 CET"} {
		if got, err := parseSince(text, now); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}
