package report_test

import (
	"crypto/tls"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// nextKey is a record of a key that no server has.
const nextKey = "3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

// A customer of a provider has its mail servers, of which there are some; weight says how
// likely that is.
type provider struct {
	name   string
	hosts  int
	weight int
	tlsa   []string
	zone   dnssectest.Zone
	server func(*smtptest.Server)
	issuer string
}

func providers() []provider {
	unsigned := dnssectest.Zone{Unsigned: true}
	old := func(s *smtptest.Server) { s.TLS = &tls.Config{MaxVersion: tls.VersionTLS12} }
	return []provider{
		{"bigmail.example", 2, 30, nil, unsigned, nil, "Bigmail Trust"},
		{"hosted-office.example", 1, 20, nil, unsigned, old, "Global Sign-Off"},
		{"wal-post.example", 2, 13, []string{"3 1 1", nextKey}, dnssectest.Zone{}, nil, "Let's Pretend"},
		{"sicher-mail.example", 1, 8, []string{"3 1 1", "2 1 1"}, dnssectest.Zone{Denial: dnssectest.NSEC3}, nil, "Let's Pretend"},
		{"mailkant.example", 1, 6, []string{"2 1 1"}, dnssectest.Zone{Algorithm: dns.ED25519}, nil, "Global Sign-Off"},
		{"tulip-hosting.example", 1, 7, []string{"3 1 1"}, dnssectest.Zone{}, old, "Let's Pretend"},
		{"forgotten-isp.example", 1, 3, []string{nextKey}, dnssectest.Zone{}, nil, "Forgotten ISP"},
		{"quick-relay.example", 1, 5, nil, dnssectest.Zone{}, nil, "Let's Pretend"},
		{"busy-relay.example", 1, 3, []string{"3 1 1"}, dnssectest.Zone{}, func(s *smtptest.Server) {
			s.Replies = map[smtptest.Stage]string{smtptest.AtGreeting: "421 4.3.2 too many connections"}
		}, ""},
	}
}

// example is a survey of an invented Internet, with providers large and small.
func example(t *testing.T) [][]byte {
	random := rand.New(rand.NewPCG(1, 2))
	all, weights := providers(), 0
	var domains []danetest.Domain
	for _, p := range all {
		d := danetest.Domain{Name: p.name, Zone: p.zone}
		for i := range p.hosts {
			d.Hosts = append(d.Hosts, danetest.Host{Name: fmt.Sprintf("mx%d", i+1), TLSA: p.tlsa, Server: p.server})
		}
		domains, weights = append(domains, d), weights+p.weight
	}
	var names []string
	for i := range 600 {
		d := danetest.Domain{Name: fmt.Sprintf("d%03d.example", i)}
		switch at := random.IntN(100); {
		case at < 8: // nobody's customer
			records := [][]string{{"3 1 1"}, {"3 1 1"}, {"3 1 1", nextKey}, {"2 1 1"}, {"3 1 1", "2 1 1"}, {"3 0 1"}, {"3 1 2"}, nil}
			d.Hosts = []danetest.Host{{Name: "mail", TLSA: records[random.IntN(len(records))]}}
			if at == 0 {
				d.Hosts[0].Server = func(s *smtptest.Server) { s.NoStartTLS = true }
			}
		case at < 11:
			d.Zone.Records = "@ MX 0 ."
		default:
			left, chosen := random.IntN(weights), 0
			for left -= all[0].weight; left >= 0; left -= all[chosen].weight {
				chosen++
			}
			for h := range all[chosen].hosts {
				d.Zone.Records += fmt.Sprintf("@ MX %d mx%d.%s.\n", 10*(h+1), h+1, all[chosen].name)
			}
		}
		d.Zone.Unsigned = random.IntN(100) < 50 && len(d.Hosts) == 0
		d.Zone.Algorithm = []uint8{0, 0, 0, 0, dns.ED25519, dns.ECDSAP384SHA384}[random.IntN(6)]
		if random.IntN(60) == 0 && !d.Zone.Unsigned {
			d.Zone.Faults = map[string]dnssectest.Fault{dnssectest.WholeZone: []dnssectest.Fault{dnssectest.Expired, dnssectest.BadSignature}[random.IntN(2)]}
		}
		names, domains = append(names, d.Name), append(domains, d)
		if random.IntN(120) == 0 {
			names = append(names, fmt.Sprintf("gone%d.example", i), "not a domain")
		}
	}
	return varied(t, surveyOf(t, []string{""}, names, domains...))
}

// varied makes dates, issuers and addresses of name servers different from each other, which
// in the Internet of package danetest, made at one instant and of one hand, are not.
func varied(t *testing.T, rows [][]byte) [][]byte {
	issuers := make(map[string]string)
	for _, p := range providers() {
		issuers[p.name] = p.issuer
	}
	for i := range rows {
		rows[i] = changed(t, rows[i], func(object map[string]any) {
			at, err := time.Parse(time.RFC3339, object["at"].(string))
			if err != nil {
				t.Fatal(err)
			}
			object["at"] = at.Add(time.Duration(i) * 1700 * time.Millisecond)
			for _, l := range list(object["lookups"]) {
				varyChain(list(l["chain"]), object["input"].(string))
			}
			for _, h := range list(object["hosts"]) {
				varyCertificates(h, issuers)
			}
		})
	}
	return rows
}

func varyChain(chain []map[string]any, domain string) {
	servers := []string{"192.0.2.7:53", "192.0.2.53:53", "203.0.113.9:53", "198.18.5.1:53", "[2001:db8:53::1]:53"}
	for at, one := range chain {
		zone, _ := one["zone"].(string)
		if one["expiration"] != nil && strings.Count(zone, ".") > 1 {
			days := 1 + spread(zone, 9) + spread(zone+"2", 5)
			one["expiration"] = surveyed.Add(time.Duration(24*days+spread(zone, 24)) * time.Hour)
		}
		one["server"] = "198.51.100.4:53"
		if at == len(chain)-1 {
			one["server"] = servers[spread(domain, 9)*spread(domain+"2", 5)/8]
		}
	}
}

func varyCertificates(h map[string]any, issuers map[string]string) {
	name, _ := h["host"].(string)
	_, domain, _ := strings.Cut(name, ".")
	for _, p := range list(h["probes"]) {
		for _, c := range list(p["certificates"])[:min(1, len(list(p["certificates"])))] {
			c["not_after"] = surveyed.Add(time.Duration(2+spread(name, 88)) * 24 * time.Hour)
			if c["issuer"] = "CN=R1,O=Let's Pretend,C=XX"; issuers[domain] != "" {
				c["issuer"] = "CN=CA,O=" + issuers[domain] + ",C=XX"
			}
		}
	}
}

func list(value any) (all []map[string]any) {
	values, _ := value.([]any)
	for _, v := range values {
		if object, ok := v.(map[string]any); ok {
			all = append(all, object)
		}
	}
	return all
}

// spread is a number below n that a name always has.
func spread(name string, n int) int {
	h := fnv.New32a()
	h.Write([]byte(name))
	return int(h.Sum32()>>8) % n
}
