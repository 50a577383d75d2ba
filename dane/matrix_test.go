package dane_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/smtp"
	"os"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// A matrixCell is what an attacker on the path does to the DNS, and at the same time to SMTP,
// for a domain in one of the worlds, to a sender with one of the policies. The domain has
// usable TLSA records, and the policy asks for DANE. So a message goes, over TLS and
// authenticated, to the server that the domain has named, or it stays queued (RFC 7672 §2.2).
// Bad is, for Verify and for the loop of the README: clear text, TLS without authentication,
// the attacker's server, OutcomeNone, and a bounce, which the attacker would have forged.
type matrixCell struct {
	world  matrixWorld
	policy dane.Profile
	stage  string // types of the questions whose replies are changed
	dns    dnsAttack
	// fault of the signatures of those RRsets, as of data that was once published
	fault dnssectest.Fault
	smtp  smtpAttack
}

func (c matrixCell) String() string {
	return fmt.Sprintf("%s; DANE %s, TLS %s, insecure MX %v; DNS: %s at %s, fault %d; SMTP: %s", c.world.name, c.policy.DANE, c.policy.TLS, c.policy.UseInsecureMX,
		c.dns.name, c.stage, c.fault, c.smtp.name)
}

// attacks is how many of DNS and SMTP are attacked.
func (c matrixCell) attacks() (n int) {
	if c.dns.name != leavesAlone || c.fault != 0 {
		n++
	}
	if c.smtp.name != leavesAlone {
		n++
	}
	return n
}

type matrixWorld struct {
	name    string
	domains func(host danetest.Host, faults map[string]dnssectest.Fault) []danetest.Domain
}

// worlds have a domain victim.example, which mail is for.
func matrixWorlds() []matrixWorld {
	type faults = map[string]dnssectest.Fault
	return []matrixWorld{
		{"the host in the domain's zone", func(h danetest.Host, f faults) []danetest.Domain {
			return []danetest.Domain{{Name: "victim.example", Hosts: []danetest.Host{h}, Zone: dnssectest.Zone{Faults: f}}}
		}},
		{"the host in another zone", func(h danetest.Host, f faults) []danetest.Domain {
			return []danetest.Domain{{Name: "victim.example", Zone: dnssectest.Zone{Denial: dnssectest.NSEC3, Records: "@ MX 10 mail.provider.example.", Faults: only(f, "@ MX", dnssectest.WholeZone)}},
				{Name: "provider.example", Hosts: []danetest.Host{h}, Zone: dnssectest.Zone{Faults: only(f, "mail A", "_25._tcp.mail TLSA")}}}
		}},
		{"the host an alias", func(h danetest.Host, f faults) []danetest.Domain {
			return []danetest.Domain{{Name: "victim.example", Zone: dnssectest.Zone{Records: "@ MX 10 mx\nmx CNAME mail.provider.example.", Faults: only(f, "@ MX", dnssectest.WholeZone)}},
				{Name: "provider.example", Hosts: []danetest.Host{h}, Zone: dnssectest.Zone{Denial: dnssectest.NSEC3, Faults: only(f, "mail A", "_25._tcp.mail TLSA")}}}
		}},
	}
}

// only returns the faults of these RRsets, which a zone has.
func only(faults map[string]dnssectest.Fault, sets ...string) map[string]dnssectest.Fault {
	own := maps.Clone(faults)
	maps.DeleteFunc(own, func(set string, _ dnssectest.Fault) bool { return !slices.Contains(sets, set) })
	return own
}

func matrixPolicies() []dane.Profile {
	return []dane.Profile{
		{}, {DANE: dane.DANEMandatory}, {UseInsecureMX: true}, {DANE: dane.DANEMandatory, UseInsecureMX: true},
		{TLS: dane.TLSRequired}, {TLS: dane.TLSPreferredVerify}, {TLS: dane.TLSRequiredVerify, UseInsecureMX: true}, {TLS: dane.TLSRequiredVerifyHosted, UseInsecureMX: true},
	}
}

func matrixStages() []string {
	return []string{"MX", "A", "AAAA", "TLSA", "CNAME", "DNSKEY", "DS", "MX A AAAA TLSA", "TLSA DNSKEY DS", "MX A AAAA TLSA CNAME DNSKEY DS"}
}

// matrixCells returns all cells.
func matrixCells() (cells []matrixCell) {
	for _, world := range matrixWorlds() {
		for _, policy := range matrixPolicies() {
			for _, smtp := range smtpAttacks() {
				attacks := dnsAttacks()
				for _, stage := range matrixStages() {
					for _, dns := range attacks {
						cells = append(cells, matrixCell{world: world, policy: policy, stage: stage, dns: dns, smtp: smtp})
					}
				}
				for _, fault := range []dnssectest.Fault{dnssectest.Expired, dnssectest.NotYetValid, dnssectest.BadSignature, dnssectest.NoSignature, dnssectest.Refused, dnssectest.ServFail} {
					for _, stage := range []string{"@ MX", "mail A", "_25._tcp.mail TLSA", dnssectest.WholeZone} {
						cells = append(cells, matrixCell{world: world, policy: policy, stage: stage, dns: attacks[0], fault: fault, smtp: smtp})
					}
				}
			}
		}
	}
	return cells
}

// matrixSample is how many cells a test run tries: half of them with one attack, to the DNS or
// to SMTP, and half with both. DANE_SEED chooses others, and DANE_MATRIX=all every one, which
// takes most of an hour:
//
//	DANE_MATRIX=all go test ./dane -run TestMatrix -timeout 3h
const matrixSample = 300

// Nothing fails open, whatever an attacker does.
func TestMatrix(t *testing.T) {
	t.Parallel()
	cells := matrixCells()
	all := len(cells)
	if os.Getenv("DANE_MATRIX") != "all" {
		seed, _ := strconv.ParseUint(os.Getenv("DANE_SEED"), 10, 64)
		r := rand.New(rand.NewPCG(seed, 0))
		r.Shuffle(len(cells), func(i, j int) { cells[i], cells[j] = cells[j], cells[i] })
		slices.SortStableFunc(cells, func(a, b matrixCell) int { return cmp.Compare(a.attacks(), b.attacks()) })
		both, _ := slices.BinarySearchFunc(cells, 2, func(c matrixCell, n int) int { return cmp.Compare(c.attacks(), n) })
		cells = slices.Concat(cells[:1], cells[both-matrixSample/2:both], cells[both:both+matrixSample/2])
	}
	t.Logf("%d of %d cells", len(cells), all)
	outcomes := make(map[string]int)
	for n, cell := range cells {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, outcome := range []string{matrixVerify(t, cell), matrixLoop(t, cell)} {
					outcomes[outcome]++
					// Whoever does nothing is no attacker, and the mail goes through.
					if cell.attacks() == 0 && outcome != "delivered" {
						t.Errorf("%s: %s", cell, outcome)
					}
				}
			})
		})
	}
	t.Logf("%v", outcomes)
}

const leavesAlone = "leaves it alone"

// matrixInternet has the attacker in it.
func matrixInternet(t *testing.T, cell matrixCell) (*attacker, *dane.Verifier) {
	host := danetest.Host{Name: "mail", TLSA: []string{"3 1 1"}, Server: func(s *smtptest.Server) { s.Faults = cell.smtp.fault }}
	var faults map[string]dnssectest.Fault
	if cell.fault != 0 {
		faults = map[string]dnssectest.Fault{cell.stage: cell.fault}
	}
	domains := append(cell.world.domains(host, faults), danetest.Domain{Name: "attacker.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}}}})
	internet := danetest.New(t, domains...)
	a := newAttacker(internet, cell)
	t.Cleanup(a.close)
	v := internet.Verifier()
	resolver := internet.DNS.Resolver()
	resolver.Exchanger = a
	v.Resolver, v.Dial, v.RootCAs, v.Policy = resolver, a.Dial, internet.CA.Pool(), policy(t, cell.policy)
	return a, v
}

// matrixPatience is longer than Verify and the DNS take for anything.
const matrixPatience = 10 * time.Minute

func matrixVerify(t *testing.T, cell matrixCell) string {
	_, v := matrixInternet(t, cell)
	ctx, cancel := context.WithTimeout(t.Context(), matrixPatience)
	defer cancel()
	result, _ := checker(v).Verify(ctx, "victim.example")
	switch {
	case result.Permanent():
		t.Errorf("%s: Verify: a bounce: %v", cell, result.Err)
	case result.Outcome == dane.OutcomeNone:
		t.Errorf("%s: Verify: none\n%s", cell, result)
	case result.Outcome == dane.OutcomeFailure:
		return "queued"
	}
	for _, h := range result.Hosts {
		for _, p := range h.Attempts {
			if p.Err == nil && (!p.Authenticated || cell.smtp.dial != nil || h.Name == "mail.attacker.example") {
				t.Errorf("%s: Verify: success at another server\n%s", cell, result)
			}
		}
	}
	return "delivered"
}

func matrixLoop(t *testing.T, cell matrixCell) string {
	a, v := matrixInternet(t, cell)
	ctx, cancel := context.WithTimeout(t.Context(), matrixPatience)
	defer cancel()
	err := deliver(ctx, v, "victim.example", func(client *smtp.Client) error {
		return sendMessage(client, "user@victim.example")
	})
	if stolen := a.messages(); len(stolen) > 0 {
		t.Errorf("%s: loop: the attacker has the message: %+v", cell, stolen)
	}
	if dane.Classify(err).Permanent {
		t.Errorf("%s: loop: a bounce: %v", cell, err)
	}
	delivered := 0
	for name, server := range a.internet.Servers {
		for _, message := range server.Messages() {
			if delivered++; !message.TLS {
				t.Errorf("%s: loop: %s got it in clear", cell, name)
			}
		}
	}
	if (err == nil) != (delivered == 1) {
		t.Errorf("%s: loop: %d messages, and %v", cell, delivered, err)
	}
	if delivered > 0 {
		return "delivered"
	}
	return "queued"
}
