package diagnosis_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dnssec/compare"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// The servers of a.example, and that of the root.
const (
	firstServer  = "198.51.100.1"
	secondServer = "198.51.100.2"
	rootServer   = "198.18.0.1"
)

// A serverTest is a.example with two name servers, one of which is at odds with the other.
type serverTest struct {
	name string
	// second may change what the second server says, and root what that of the root does;
	// false keeps it back.
	second, root func(i *danetest.Internet, q dns.Question, reply *dns.Msg) bool
	all          func(reply *dns.Msg) // of all servers
	dial         func(network, server string) error
	zone         func(*dnssectest.Zone)
	edit         func(*compare.Report)
	at           time.Duration // when it is diagnosed, after the beginning
	twoRoots     bool
	tlsa         []string // of the first server

	state     diagnosis.State
	code      diagnosis.Code
	severity  diagnosis.Severity
	actor     diagnosis.Actor
	text, fix string // contained
	also      []diagnosis.Code
}

func setServFail(_ *danetest.Internet, _ dns.Question, reply *dns.Msg) bool {
	reply.Rcode, reply.Authoritative, reply.Answer, reply.Ns = dns.RcodeServerFailure, false, nil, nil
	return true
}

// changed changes the records of a type, and signs them again.
func changed(rrtype uint16, change func(dns.RR)) func(*danetest.Internet, dns.Question, *dns.Msg) bool {
	return func(i *danetest.Internet, q dns.Question, reply *dns.Msg) bool {
		var set []dns.RR
		for n, rr := range reply.Answer {
			if rr.Header().Rrtype == rrtype {
				reply.Answer[n] = dns.Copy(rr)
				change(reply.Answer[n])
				set = append(set, reply.Answer[n])
			}
		}
		for n, rr := range reply.Answer {
			if sig, ok := rr.(*dns.RRSIG); ok && sig.TypeCovered == rrtype {
				reply.Answer[n] = i.DNS.Sign("a.example.", set...)
			}
		}
		return true
	}
}

func onlyFor(rrtype uint16, then func(*danetest.Internet, dns.Question, *dns.Msg) bool) func(*danetest.Internet, dns.Question, *dns.Msg) bool {
	return func(i *danetest.Internet, q dns.Question, reply *dns.Msg) bool {
		return q.Qtype != rrtype || then(i, q, reply)
	}
}

// ownTLSA makes the records those of the certificate that the server presents.
func ownTLSA(i *danetest.Internet, q dns.Question, reply *dns.Msg) bool {
	leaf := i.Servers["mail.a.example"].Certificates[0].Certificate[0]
	return changed(dns.TypeTLSA, func(rr dns.RR) {
		record := rr.(*dns.TLSA)
		sum := sha256.Sum256(leaf)
		record.Usage, record.Selector, record.MatchingType, record.Certificate = 3, 0, 1, hex.EncodeToString(sum[:])
	})(i, q, reply)
}

// denied proves that there are no such records.
func denied(i *danetest.Internet, q dns.Question, reply *dns.Msg) bool {
	name := reply.Question[0].Name
	nsec := &dns.NSEC{
		Hdr:        dns.RR_Header{Name: name, Rrtype: dns.TypeNSEC, Class: dns.ClassINET, Ttl: 300},
		NextDomain: "\\000." + name, TypeBitMap: []uint16{dns.TypeRRSIG, dns.TypeNSEC},
	}
	reply.Answer, reply.Ns = nil, []dns.RR{nsec, i.DNS.Sign("a.example.", nsec)}
	return true
}

// withTLSA has a record where the zone has none.
func withTLSA(i *danetest.Internet, q dns.Question, reply *dns.Msg) bool {
	rr, err := dns.NewRR(q.Name + " 300 IN TLSA 3 1 1 " + otherKey)
	if err != nil {
		panic(err)
	}
	reply.Rcode, reply.Answer, reply.Ns = dns.RcodeSuccess, []dns.RR{rr, i.DNS.Sign("a.example.", rr)}, nil
	return true
}

func silent(*danetest.Internet, dns.Question, *dns.Msg) bool { return false }

// unproven takes the signatures out of answers.
func unproven(_ *danetest.Internet, _ dns.Question, reply *dns.Msg) bool {
	reply.Answer = slices.DeleteFunc(reply.Answer, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeRRSIG })
	return true
}

func withoutNS(server string) func(*danetest.Internet, dns.Question, *dns.Msg) bool {
	return func(_ *danetest.Internet, q dns.Question, reply *dns.Msg) bool {
		reply.Ns = slices.DeleteFunc(reply.Ns, func(rr dns.RR) bool { ns, ok := rr.(*dns.NS); return ok && ns.Ns == server })
		return true
	}
}

func dialErrors(errno syscall.Errno, servers ...string) func(string, string) error {
	return func(network, server string) error {
		if slices.Contains(servers, server) || slices.Contains(servers, network+" "+server) || len(servers) == 0 {
			return &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", errno)}
		}
		return nil
	}
}

func serverTests() []serverTest {
	serial := changed(dns.TypeSOA, func(rr dns.RR) { rr.(*dns.SOA).Serial = 6 })
	tlsaOfOther := changed(dns.TypeTLSA, func(rr dns.RR) { rr.(*dns.TLSA).Certificate = otherKey })
	answers := byte(0)
	return []serverTest{
		{name: "the servers agree", state: diagnosis.StateOK},
		{name: "another TLSA record at one server", second: tlsaOfOther, state: diagnosis.StateBroken,
			code: diagnosis.CodeServersDiffer, severity: diagnosis.Broken, actor: diagnosis.DNSOperator,
			text: "By what ns2.a.example (198.51.100.2) says, the certificate of mail.a.example is not the right one", fix: "raise the serial number"},
		{name: "the same, and an old serial", second: func(i *danetest.Internet, q dns.Question, reply *dns.Msg) bool {
			return serial(i, q, reply) && tlsaOfOther(i, q, reply)
		}, state: diagnosis.StateBroken, code: diagnosis.CodeServersDiffer, severity: diagnosis.Broken, actor: diagnosis.DNSOperator,
			text: "_25._tcp.mail.a.example TLSA", fix: "why ns2.a.example (198.51.100.2) has an old zone", also: []diagnosis.Code{diagnosis.CodeSerialsDiffer}},
		{name: "the first server is wrong, and by chance was asked", tlsa: []string{"3 1 1 " + otherKey, "2 1 1 " + otherKey}, second: ownTLSA, state: diagnosis.StateBroken,
			code: diagnosis.CodeServersDiffer, severity: diagnosis.Broken, actor: diagnosis.DNSOperator,
			text: "By what ns1.a.example (198.51.100.1) says, the certificate of mail.a.example is not the right one"},
		{name: "no TLSA record at one server", second: onlyFor(dns.TypeTLSA, denied), state: diagnosis.StateBroken,
			code: diagnosis.CodeServersDiffer, severity: diagnosis.Broken, actor: diagnosis.DNSOperator,
			text: "happens to ask ns2.a.example (198.51.100.2) deliver without authentication. By what ns1"},
		{name: "no TLSA record at the first server, and by chance it was asked", tlsa: []string{}, second: onlyFor(dns.TypeTLSA, withTLSA), state: diagnosis.StateBroken,
			code: diagnosis.CodeServersDiffer, severity: diagnosis.Broken, actor: diagnosis.DNSOperator,
			text: "happens to ask ns1.a.example (198.51.100.1) deliver without authentication.", fix: "transfer the zone anew"},
		{name: "one record less at one server, in the middle of a change", second: changedSet(dns.TypeTLSA, func(set []dns.RR) []dns.RR { return set[:1] }),
			state: diagnosis.StateWarning, code: diagnosis.CodeServersDiffer, severity: diagnosis.Warning, actor: diagnosis.DNSOperator, text: "in the middle of a change"},
		{name: "another MX record at one server", second: changed(dns.TypeMX, func(rr dns.RR) { rr.(*dns.MX).Preference = 77 }),
			state: diagnosis.StateBroken, code: diagnosis.CodeServersDiffer, severity: diagnosis.Broken, actor: diagnosis.DNSOperator, text: "a.example MX", fix: "Do not edit the zone"},
		{name: "another address at one server", second: changed(dns.TypeA, func(rr dns.RR) { rr.(*dns.A).A = net.IPv4(192, 0, 2, 99) }),
			state: diagnosis.StateWarning, code: diagnosis.CodeServersDiffer, severity: diagnosis.Warning, actor: diagnosis.DNSOperator, text: "mail.a.example A"},
		{name: "another address each time", second: changed(dns.TypeA, func(rr dns.RR) { answers++; rr.(*dns.A).A = net.IPv4(192, 0, 2, 99+answers) }),
			state: diagnosis.StateOK, code: diagnosis.CodeAnswerVaries, severity: diagnosis.Note, actor: diagnosis.DNSOperator, text: "each time"},
		{name: "an old serial at one server", second: serial, state: diagnosis.StateOK,
			code: diagnosis.CodeSerialsDiffer, severity: diagnosis.Note, actor: diagnosis.DNSOperator, text: "ns2.a.example (198.51.100.2) has an older version"},
		{name: "an old serial, and signatures that end soon", second: serial, at: 28 * 24 * time.Hour, state: diagnosis.StateWarning,
			code: diagnosis.CodeSerialsDiffer, severity: diagnosis.Warning, actor: diagnosis.DNSOperator, text: "from then on what that says fails validation"},
		{name: "one server has an unsigned copy", second: unproven, state: diagnosis.StateBroken,
			code: diagnosis.CodeServerBogus, severity: diagnosis.Broken, actor: diagnosis.DNSOperator, text: "ns2.a.example (198.51.100.2)", fix: "serve the signed zone"},
		{name: "one server has expired signatures", second: func(i *danetest.Internet, q dns.Question, reply *dns.Msg) bool {
			for n, rr := range reply.Answer {
				if sig, ok := rr.(*dns.RRSIG); ok && sig.TypeCovered == dns.TypeTLSA {
					old := dns.Copy(sig).(*dns.RRSIG)
					old.Inception, old.Expiration = old.Inception-90*86400, old.Inception-86400
					reply.Answer[n] = old
				}
			}
			return true
		}, state: diagnosis.StateBroken, code: diagnosis.CodeServerBogus, severity: diagnosis.Broken, actor: diagnosis.DNSOperator,
			text: "_25._tcp.mail.a.example TLSA (the signature expired on", fix: "why ns2.a.example still has old signatures"},
		{name: "one server drops questions for TLSA", second: onlyFor(dns.TypeTLSA, silent), state: diagnosis.StateWarning,
			code: diagnosis.CodeServerFailsType, severity: diagnosis.Warning, actor: diagnosis.DNSOperator, text: "drops _25._tcp.mail.a.example TLSA", fix: "RFC 3597"},
		{name: "one server fails for TLSA", second: onlyFor(dns.TypeTLSA, setServFail), state: diagnosis.StateWarning,
			code: diagnosis.CodeServerFailsType, severity: diagnosis.Warning, actor: diagnosis.DNSOperator, text: "answers SERVFAIL to _25._tcp.mail.a.example TLSA", fix: "RFC 3597"},
		{name: "one server fails", second: setServFail, state: diagnosis.StateWarning,
			code: diagnosis.CodeServerLame, severity: diagnosis.Warning, actor: diagnosis.DNSOperator, text: "it answers with SERVFAIL", fix: "configured on ns2.a.example"},
		{name: "one server is a resolver", second: func(_ *danetest.Internet, _ dns.Question, reply *dns.Msg) bool {
			reply.Authoritative, reply.RecursionAvailable = false, true
			return true
		}, state: diagnosis.StateWarning, code: diagnosis.CodeServerLame, severity: diagnosis.Warning, actor: diagnosis.DNSOperator, text: "as a resolver does"},
		{name: "one server is down", second: silent, state: diagnosis.StateWarning,
			code: diagnosis.CodeServerSilent, severity: diagnosis.Warning, actor: diagnosis.DNSOperator, text: "ns2.a.example (198.51.100.2)", fix: "port 53"},
		{name: "all servers are down", dial: dialErrors(syscall.ECONNREFUSED, firstServer, secondServer), state: diagnosis.StateBroken,
			code: diagnosis.CodeServerSilent, severity: diagnosis.Broken, actor: diagnosis.DNSOperator, text: "No other one answers"},
		{name: "one server is not reached from here", dial: dialErrors(syscall.ENETUNREACH, secondServer), state: diagnosis.StateOK,
			code: diagnosis.CodeServerNotAsked, severity: diagnosis.Note, actor: diagnosis.Sender, text: "for a lack of its own"},
		{name: "no server is reached from here", dial: dialErrors(syscall.ENETUNREACH, firstServer, secondServer), state: diagnosis.StateUnknown,
			code: diagnosis.CodeServerNotAsked, severity: diagnosis.Unknown, actor: diagnosis.Sender},
		{name: "one server has no address", zone: func(z *dnssectest.Zone) { z.Records += "@ NS gone\n" }, state: diagnosis.StateWarning,
			code: diagnosis.CodeServerNoAddress, severity: diagnosis.Warning, actor: diagnosis.DNSOperator, text: "gone.a.example"},
		{name: "one server is on loopback", zone: func(z *dnssectest.Zone) { z.Records += "@ NS local\nlocal A 127.0.0.1\n" }, state: diagnosis.StateWarning,
			code: diagnosis.CodeServerNoAddress, severity: diagnosis.Warning, actor: diagnosis.DNSOperator, text: "local.a.example (127.0.0.1)"},
		{name: "one server has no TCP", dial: dialErrors(syscall.ECONNREFUSED, "tcp "+secondServer), state: diagnosis.StateWarning,
			code: diagnosis.CodeServerTransport, severity: diagnosis.Warning, actor: diagnosis.DNSOperator, text: "does not answer over TCP", fix: "port 53 for TCP"},
		{name: "one server has no UDP", dial: dialErrors(syscall.ECONNREFUSED, "udp "+secondServer), edit: func(r *compare.Report) {
			// A port that is closed for UDP alone is dead to a Client, which does not try the other.
			s := &r.Zones[0].Servers[1]
			s.Outcome, s.Problem, s.Flaws = compare.Answered, "", []compare.Flawed{{Flaw: compare.NoUDP, Problem: "an answer came over TCP alone"}}
		}, state: diagnosis.StateWarning, code: diagnosis.CodeServerTransport, severity: diagnosis.Warning, actor: diagnosis.DNSOperator, text: "does not answer over UDP"},
		{name: "one server does not know EDNS", second: func(_ *danetest.Internet, _ dns.Question, reply *dns.Msg) bool {
			if reply.IsEdns0() != nil {
				reply.Rcode, reply.Answer, reply.Ns, reply.Extra = dns.RcodeFormatError, nil, nil, nil
			}
			return true
		}, state: diagnosis.StateBroken, code: diagnosis.CodeServerNoEDNS, severity: diagnosis.Broken, actor: diagnosis.DNSOperator, text: "with EDNS FORMERR comes", fix: "RFC 6891"},
		{name: "one server takes each version of EDNS", second: func(_ *danetest.Internet, _ dns.Question, reply *dns.Msg) bool {
			if reply.Rcode == dns.RcodeBadVers {
				reply.Rcode = dns.RcodeSuccess
			}
			return true
		}, state: diagnosis.StateOK, code: diagnosis.CodeServerEDNS, severity: diagnosis.Note, actor: diagnosis.DNSOperator, text: "unknown version"},
		{name: "the zone above does not know one server", root: withoutNS("ns2.a.example."), state: diagnosis.StateWarning,
			code: diagnosis.CodeDelegationDiffers, severity: diagnosis.Warning, actor: diagnosis.Registrar, text: "ns2.a.example is named in the zone alone", fix: "registrar"},
		{name: "the zone above has one server more", root: func(_ *danetest.Internet, q dns.Question, reply *dns.Msg) bool {
			if strings.EqualFold(q.Name, "a.example.") && q.Qtype == dns.TypeNS {
				reply.Ns = append(reply.Ns, &dns.NS{Hdr: dns.RR_Header{Name: "a.example.", Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 300}, Ns: "old.a.example."})
			}
			return true
		}, state: diagnosis.StateWarning, code: diagnosis.CodeDelegationDiffers, severity: diagnosis.Warning, actor: diagnosis.Registrar, text: "old.a.example is named above alone",
			also: []diagnosis.Code{diagnosis.CodeServerNoAddress}},
		{name: "the zone above has old glue", root: func(_ *danetest.Internet, q dns.Question, reply *dns.Msg) bool {
			for n, rr := range reply.Extra {
				if rr, ok := rr.(*dns.A); ok && rr.Hdr.Name == "ns2.a.example." {
					reply.Extra[n] = &dns.A{Hdr: rr.Hdr, A: net.IPv4(198, 51, 100, 9)}
				}
			}
			return true
		}, state: diagnosis.StateWarning, code: diagnosis.CodeGlueDiffers, severity: diagnosis.Warning, actor: diagnosis.Registrar,
			text: "198.51.100.9", fix: "host object ns2.a.example by 198.51.100.2"},
		{name: "the zone above has two sets of DS records", twoRoots: true, state: diagnosis.StateBroken,
			code: diagnosis.CodeDSDiffers, severity: diagnosis.Broken, actor: diagnosis.Registrar, text: "DS records of a.example", fix: "old key"},
		{name: "the servers are not found", edit: func(r *compare.Report) { r.Zones[0].Servers = nil }, state: diagnosis.StateUnknown,
			code: diagnosis.CodeServerNotAsked, severity: diagnosis.Unknown, actor: diagnosis.Sender, text: "which name servers there are for a.example"},
		{name: "the time is over", edit: func(r *compare.Report) { r.Incomplete = true }, state: diagnosis.StateUnknown,
			code: diagnosis.CodeNotProbed, severity: diagnosis.Unknown, actor: diagnosis.Sender, text: "time was over"},
		{name: "there is too much to ask", edit: func(r *compare.Report) { r.Omitted = 3 }, state: diagnosis.StateUnknown,
			code: diagnosis.CodeNotProbed, severity: diagnosis.Unknown, actor: diagnosis.Sender, text: "not asked everything"},
		{name: "port 53 is blocked", dial: func(network, server string) error { return context.DeadlineExceeded }, state: diagnosis.StateUnknown,
			code: diagnosis.CodePathBlocked, severity: diagnosis.Unknown, actor: diagnosis.Sender, text: "through"},
		{name: "somebody else answers at all addresses", all: func(reply *dns.Msg) {
			reply.Authoritative, reply.RecursionAvailable = false, true
			reply.Answer, reply.Ns = append(reply.Answer, reply.Ns...), nil
		}, state: diagnosis.StateUnknown, code: diagnosis.CodePathBlocked, severity: diagnosis.Unknown, actor: diagnosis.Sender, text: "in their place"},
	}
}

// changedSet is changed for all records of a type at once.
func changedSet(rrtype uint16, change func([]dns.RR) []dns.RR) func(*danetest.Internet, dns.Question, *dns.Msg) bool {
	return func(i *danetest.Internet, q dns.Question, reply *dns.Msg) bool {
		var set []dns.RR
		for _, rr := range reply.Answer {
			if rr.Header().Rrtype == rrtype {
				set = append(set, rr)
			}
		}
		if len(set) > 0 {
			set = change(set)
			reply.Answer = append(slices.Clone(set), i.DNS.Sign("a.example.", set...))
		}
		return true
	}
}

func (tt *serverTest) run(t *testing.T) (*dane.Result, *compare.Report) {
	records := "@ SOA ns1 hostmaster 7 3600 900 604800 300\n@ NS ns1\n@ NS ns2\nns1 A " + firstServer + "\nns2 A " + secondServer + "\n"
	host := danetest.Host{TLSA: tt.tlsa}
	if tt.tlsa == nil {
		host.TLSA = []string{"3 1 1", "2 1 1"}
	}
	w := oneHost(host, records)
	if tt.zone != nil {
		tt.zone(&w.domains[0].Zone)
	}
	if tt.twoRoots {
		w.domains = append(w.domains, danetest.Domain{Name: "example", Zone: dnssectest.Zone{Records: "@ NS x\n@ NS y\nx A 198.51.100.11\ny A 198.51.100.12\n"}})
	}
	internet := danetest.New(t, w.domains...)
	internet.DNS.TamperAt = func(server netip.Addr, q dns.Question, reply *dns.Msg) bool {
		if tt.all != nil {
			tt.all(reply)
		}
		switch {
		case server.String() == secondServer && tt.second != nil:
			return tt.second(internet, q, reply)
		case server.String() == rootServer && tt.root != nil:
			return tt.root(internet, q, reply)
		case server.String() == "198.51.100.12" && tt.twoRoots && q.Qtype == dns.TypeDS:
			for n, rr := range reply.Answer {
				if ds, ok := rr.(*dns.DS); ok {
					ds.Digest = strings.Repeat("ab", 32)
					reply.Answer = []dns.RR{ds, internet.DNS.Sign("example.", reply.Answer[n])}
					break
				}
			}
		}
		return true
	}
	comparer := &compare.Comparer{Resolver: internet.DNS.Resolver(), Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		server, _, _ := net.SplitHostPort(address)
		if tt.dial != nil {
			if err := tt.dial(network, server); err != nil {
				return nil, err
			}
		}
		return internet.DNS.Dial(ctx, network, address)
	}}
	first, next := diagnosis.ServerQuestions("a.example", 0)
	comparer.Next = next
	result, _ := internet.Checker().Verify(t.Context(), "a.example")
	report, err := comparer.Compare(t.Context(), first)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	if tt.edit != nil {
		tt.edit(report)
	}
	return result, report
}

// Where one name server is at odds with the others, it is told which one, in what, and who must
// act. What this machine lacks is no fault of theirs.
func TestDiagnoseServers(t *testing.T) {
	t.Parallel()
	for _, tt := range serverTests() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				result, report := tt.run(t)
				options := diagnosis.Options{Servers: report}
				if tt.at > 0 {
					options.Now = result.Started.Add(tt.at)
				}
				d := diagnosis.Diagnose(result, options)
				if d.State != tt.state {
					t.Errorf("%s, want %s: %s", d.State, tt.state, codes(d))
				}
				allowed := append([]diagnosis.Code{tt.code, diagnosis.CodeSignatureEnds}, tt.also...)
				for _, f := range d.Findings {
					if !slices.Contains(allowed, f.Code) {
						t.Errorf("beside it: %s %s: %s", f.Severity, f.Code, f.Text)
					}
				}
				if tt.code == "" {
					return
				}
				f := find(d, tt.code)
				if f == nil {
					t.Fatalf("%s is not found: %s", tt.code, codes(d))
				}
				if f.Severity != tt.severity || f.Actor != tt.actor || !strings.Contains(f.Text, tt.text) || !strings.Contains(f.Fix, tt.fix) || len(f.Evidence) == 0 && tt.code != diagnosis.CodeServerNoAddress && tt.code != diagnosis.CodeNotProbed {
					t.Errorf("%s, %s:\n%s\n%s\n%q", f.Severity, f.Actor, f.Text, f.Fix, f.Evidence)
				}
			})
		})
	}
}

// testedAtServers reports whether a code has a world in serverTests.
func testedAtServers(code diagnosis.Code) bool {
	return slices.ContainsFunc(serverTests(), func(tt serverTest) bool { return tt.code == code })
}

// The schema of results has what the command adds of the name servers.
func TestSchemaOfNameServers(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../schema.json")
	if err != nil {
		t.Fatal(err)
	}
	type object struct {
		Properties map[string]json.RawMessage
		Required   []string
		Enum       []string
	}
	var schema struct {
		Properties map[string]json.RawMessage
		Defs       map[string]object `json:"$defs"`
	}
	var report object
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(schema.Properties["name_servers"], &report); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		schema      object
		full, empty any
	}{
		"name_servers": {report, compare.Report{Incomplete: true, Omitted: 1}, compare.Report{}},
		"ns_zone": {schema.Defs["ns_zone"], compare.Zone{Problem: "x", Parent: "x", Delegations: []compare.Delegation{{}}, Omitted: 1},
			compare.Zone{}},
		"ns_delegation": {schema.Defs["ns_delegation"], compare.Delegation{Problem: "x", NS: []string{""}, Glue: []compare.Glue{{}}}, compare.Delegation{}},
		"ns_server": {schema.Defs["ns_server"], compare.Server{Address: netip.IPv4Unspecified(), Problem: "x", Serial: 1, Authoritative: true, UDPSize: 1, Elapsed: 1,
			Flaws: []compare.Flawed{{Flaw: compare.NoTCP}}, Answers: []compare.Answer{{}}}, compare.Server{}},
		"ns_answer": {schema.Defs["ns_answer"], compare.Answer{Alias: "x", Records: []string{""}, SignatureEnds: time.Unix(1, 0), Problem: "x", Varies: true}, compare.Answer{}},
	} {
		var keys, always map[string]json.RawMessage
		for value, into := range map[any]*map[string]json.RawMessage{&tt.full: &keys, &tt.empty: &always} {
			text, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text, into); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(slices.Sorted(maps.Keys(tt.schema.Properties)), slices.Sorted(maps.Keys(keys))); diff != "" {
			t.Errorf("%s (-schema +code):\n%s", name, diff)
		}
		if diff := cmp.Diff(slices.Sorted(slices.Values(tt.schema.Required)), slices.Sorted(maps.Keys(always))); diff != "" {
			t.Errorf("%s, what is always there (-schema +code):\n%s", name, diff)
		}
	}
	var outcomes []string
	for o := compare.NotAsked; o <= compare.Failed; o++ {
		outcomes = append(outcomes, o.String())
	}
	if diff := cmp.Diff(schema.Defs["ns_outcome"].Enum, outcomes); diff != "" {
		t.Errorf("-schema +code:\n%s", diff)
	}
}
