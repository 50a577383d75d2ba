package dane_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane"
)

const (
	// theHost is what most rules are about: a signed domain with one signed host.
	theHost = "example.org MX secure 10 mx.example.org.\nmx.example.org A secure 192.0.2.1\n"
	theTLSA = "_25._tcp.mx.example.org TLSA "
	aTarget = "_25._tcp.mx.example.net TLSA "
	good    = "secure 3 1 1 " + digest + "\n"
	alias   = "mx.example.org A secure ->mx.example.net; 192.0.2.1\n"
)

// planRules are rules about what to do, each with a DNS and the plan that follows:
// a host a line with its action and, under DANE, the names; then what was asked
// besides MX and addresses.
var planRules = []struct {
	lines   string // of the checklist
	rule    string
	script  string
	profile dane.Profile
	want    string
}{
	{"1 6", "RFC 7672 §2.1.2: a bogus MX lookup: delay, no connection, no fallback to the address", theHost + "example.org MX bogus\nexample.org A secure 192.0.2.1", dane.Profile{}, "temporary"},
	{"1", "RFC 7672 §2.1.1: SERVFAIL counts as bogus does", theHost + "example.org MX servfail", dane.Profile{}, "temporary"},
	{"1", "RFC 7672 §2.1.1: so does a timeout", theHost + "example.org MX silent", dane.Profile{}, "temporary"},
	{"1", "RFC 7672 §2.1.1: and an answer that is none", theHost + "example.org MX nil", dane.Profile{}, "temporary"},
	{"2 21", "RFC 7672 §2.1.1: insecure is no error", theHost + "example.org MX insecure 10 mx.example.org.", dane.Profile{}, "mx.example.org may-encrypt"},
	{"3 31", "RFC 7672 §2.1.1: secure NODATA is an answer: the domain is its own host", "example.org A secure 192.0.2.1\n_25._tcp.example.org TLSA " + good, dane.Profile{}, "example.org must-authenticate example.org\nasked _25._tcp.example.org"},
	{"3 31", "RFC 5321 §5.1: after insecure NODATA there is no DANE", "example.org MX insecure\nexample.org A secure 192.0.2.1\n_25._tcp.example.org TLSA " + good, dane.Profile{}, "example.org may-encrypt"},
	{"4", "RFC 7672 §2.1.1: NXDOMAIN is an answer", theHost + "example.org MX nxdomain", dane.Profile{}, "permanent"},
	{"4", "RFC 7672 §2.1.1: of a TLSA lookup it means no record", theHost + theTLSA + "nxdomain", dane.Profile{}, "mx.example.org may-encrypt\nasked _25._tcp.mx.example.org"},
	{"7", "RFC 7672 §2.1.2: the failed address lookup of one host leaves the others", theHost + "example.org MX secure 10 bad.example.org.; 20 mx.example.org.\nbad.example.org A bogus\nbad.example.org AAAA bogus\n" + theTLSA + good, dane.Profile{}, "bad.example.org skip\nmx.example.org must-authenticate mx.example.org,example.org\nasked _25._tcp.mx.example.org"},
	{"8 9", "RFC 7672 §2.1.2: a failed TLSA lookup: the host is unreachable, the next one may do", theHost + "example.org MX secure 10 mx.example.org.; 20 b.example.org.\nb.example.org A secure 192.0.2.2\n" + theTLSA + "servfail", dane.Profile{}, "mx.example.org skip\nb.example.org may-encrypt\nasked _25._tcp.mx.example.org _25._tcp.b.example.org"},
	{"13", "RFC 7672 §2.1.3: an error in the expansion of an alias fails the lookup", theHost + "mx.example.org A bogus ->mx.example.net\nmx.example.org AAAA bogus ->mx.example.net", dane.Profile{}, "mx.example.org skip"},
	{"14", "RFC 7672 §2.1.3: a separate CNAME query decides about the first name", theHost + "mx.example.org A insecure ->mx.example.net unknown; 192.0.2.1\nmx.example.org CNAME secure mx.example.net.\n" + theTLSA + good, dane.Profile{}, "mx.example.org must-authenticate mx.example.org,example.org\nasked mx.example.org CNAME _25._tcp.mx.example.org"},
	{"19", "RFC 7672 §2.2: usable secure records: authentication is mandatory", theHost + theTLSA + good, dane.Profile{}, "mx.example.org must-authenticate mx.example.org,example.org\nasked _25._tcp.mx.example.org"},
	{"20 51 52 53", "RFC 7672 §2.2: only unusable ones: TLS is", theHost + theTLSA + "secure 0 0 1 " + digest + "; 3 1 1 abcd; 17 0 1 " + digest, dane.Profile{}, "mx.example.org must-encrypt mx.example.org,example.org\nasked _25._tcp.mx.example.org"},
	{"21", "RFC 7672 §2.2: proven absence: opportunistic TLS", theHost, dane.Profile{}, "mx.example.org may-encrypt\nasked _25._tcp.mx.example.org"},
	{"21", "RFC 7672 §2.2: insecure records: opportunistic TLS", theHost + theTLSA + "in" + good, dane.Profile{}, "mx.example.org may-encrypt\nasked _25._tcp.mx.example.org"},
	{"22", "RFC 7672 §2.2: an address literal has no DANE", "", dane.Profile{Route: dane.Route{Hosts: []string{"[192.0.2.7]"}}}, "[192.0.2.7] may-encrypt"},
	{"23", "RFC 7672 §2.2: nor has an MX record with an address, which names no host", theHost + "example.org MX secure 10 192.0.2.7.", dane.Profile{}, "192.0.2.7. skip"},
	{"24 25", "RFC 7672 §2.2.1: a worse host with records does not pre-empt a better one without", theHost + "example.org MX secure 10 a.example.org.; 20 mx.example.org.\na.example.org A secure 192.0.2.2\n" + theTLSA + good, dane.Profile{}, "a.example.org may-encrypt\nmx.example.org must-authenticate mx.example.org,example.org\nasked _25._tcp.a.example.org _25._tcp.mx.example.org"},
	{"26", "RFC 7672 §2.2.1: an insecure alias to the MX records: no DANE", "example.org MX insecure ->example.net insecure; 10 mx.example.org.\n" + theTLSA + good + "mx.example.org A secure 192.0.2.1", dane.Profile{}, "mx.example.org may-encrypt"},
	{"26 67", "RFC 7672 §2.2.1: it may be used; then the host's own is the only name", theHost + "example.org MX insecure 10 mx.example.org.\n" + theTLSA + good, dane.Profile{UseInsecureMX: true}, "mx.example.org must-authenticate mx.example.org\nasked _25._tcp.mx.example.org"},
	{"28", "RFC 7672 §6: mandatory DANE and insecure MX records: delay", theHost + "example.org MX insecure 10 mx.example.org.\n" + theTLSA + good, dane.Profile{DANE: dane.DANEMandatory}, "mx.example.org skip"},
	{"29 65 66", "RFC 7672 §2.2.1: of an aliased domain the target's MX records are used, and both are names", theHost + "example.org MX secure ->example.com; 10 mx.example.org.\n" + theTLSA + good, dane.Profile{}, "mx.example.org must-authenticate mx.example.org,example.org,example.com\nasked _25._tcp.mx.example.org"},
	{"30", "RFC 7505 §3: a null MX record: permanent, no address lookup", "example.org MX secure 0 .", dane.Profile{}, "permanent"},
	{"32 33", "RFC 7672 §2.2.2: insecure addresses: no TLSA query", theHost + "mx.example.org A insecure 192.0.2.1\n" + theTLSA + good, dane.Profile{}, "mx.example.org may-encrypt"},
	{"32 33", "RFC 7672 §2.2.2: nor with a TLSA server that is broken", theHost + "mx.example.org A insecure 192.0.2.1\n" + theTLSA + "servfail", dane.Profile{}, "mx.example.org may-encrypt"},
	{"34", "RFC 7672 §2.2.2: no address: unreachable, no TLSA query", theHost + "mx.example.org A secure\n" + theTLSA + good, dane.Profile{}, "mx.example.org skip"},
	{"35", "RFC 7672 §2.2.2: no alias: the original name only", theHost + theTLSA + "nxdomain", dane.Profile{}, "mx.example.org may-encrypt\nasked _25._tcp.mx.example.org"},
	{"36", "RFC 7672 §2.2.2: a secure alias to an insecure address: the original name", theHost + "mx.example.org A insecure ->mx.example.net; 192.0.2.1\n" + theTLSA + good + aTarget + good, dane.Profile{}, "mx.example.org must-authenticate mx.example.org,example.org\nasked _25._tcp.mx.example.org"},
	{"12 37", "RFC 7672 §2.2.2: an insecure alias: no DANE", theHost + "mx.example.org A insecure ->mx.example.net insecure; 192.0.2.1\n" + theTLSA + good, dane.Profile{}, "mx.example.org may-encrypt"},
	{"38 39", "RFC 7672 §2.2.3: the expanded name, then the original, none between", theHost + "mx.example.org A secure ->m.example.net; ->mx.example.net; 192.0.2.1\n" + theTLSA + good + "_25._tcp.m.example.net TLSA " + good, dane.Profile{}, "mx.example.org must-authenticate mx.example.org,example.org\nasked _25._tcp.mx.example.net _25._tcp.mx.example.org"},
	{"38 64 80", "RFC 7672 §2.2.2: the base domain, and SNI, is the name with the records", theHost + alias + aTarget + good + theTLSA + good, dane.Profile{}, "mx.example.org must-authenticate mx.example.net,example.org\nasked _25._tcp.mx.example.net"},
	{"40", "RFC 7672 §2.2.2: an error at the expanded name ends it", theHost + alias + aTarget + "bogus\n" + theTLSA + good, dane.Profile{}, "mx.example.org skip\nasked _25._tcp.mx.example.net"},
	{"41", "RFC 7672 §2.2.3: unusable records at the expanded name end it", theHost + alias + aTarget + "secure 1 0 1 " + digest + "\n" + theTLSA + good, dane.Profile{}, "mx.example.org must-encrypt mx.example.net,example.org\nasked _25._tcp.mx.example.net"},
	{"42 46", "RFC 7672 §2.2.3: insecure ones do not", theHost + alias + aTarget + "in" + good + theTLSA + good, dane.Profile{}, "mx.example.org must-authenticate mx.example.org,example.org\nasked _25._tcp.mx.example.net _25._tcp.mx.example.org"},
	{"43", "RFC 7672 §2.2.2: one secure family is enough, if the other is insecure", theHost + "mx.example.org AAAA insecure 2001:db8::1\n" + theTLSA + good, dane.Profile{}, "mx.example.org must-authenticate mx.example.org,example.org\nasked _25._tcp.mx.example.org"},
	{"43", "RFC 7672 §2.2.2: and if the other fails", theHost + "mx.example.org A servfail\nmx.example.org AAAA secure 2001:db8::1\n" + theTLSA + good, dane.Profile{}, "mx.example.org must-authenticate mx.example.org,example.org\nasked _25._tcp.mx.example.org"},
	{"44", "RFC 7672 §2.2.3: another port has another name", "relay.example A secure 192.0.2.1\n_587._tcp.relay.example TLSA " + good, dane.Profile{Route: dane.Route{Hosts: []string{"relay.example"}, Port: 587}}, "relay.example must-authenticate relay.example\nasked _587._tcp.relay.example"},
	{"45", "RFC 7672 §2.2.3: an alias at the TLSA name is followed, and leaves the base domain", theHost + theTLSA + "secure ->tlsa.example.net; 3 1 1 " + digest, dane.Profile{}, "mx.example.org must-authenticate mx.example.org,example.org\nasked _25._tcp.mx.example.org"},
	{"46", "RFC 7672 §2.2.3: an insecure link in it: the next candidate", theHost + alias + aTarget + "insecure ->tlsa.example.com insecure; 3 1 1 " + digest + "\n" + theTLSA + good, dane.Profile{}, "mx.example.org must-authenticate mx.example.org,example.org\nasked _25._tcp.mx.example.net _25._tcp.mx.example.org"},
	{"47", "RFC 7672 §2.2.3: one secure record, usable or not: never clear text", theHost + theTLSA + "secure 255 255 255 00", dane.Profile{TLS: dane.TLSPreferred}, "mx.example.org must-encrypt mx.example.org,example.org\nasked _25._tcp.mx.example.org"},
	{"68", "RFC 7672 §3.2.2: without MX record, and with an expanded base, the original is a name, too", "example.org A secure ->mx.example.net; 192.0.2.1\n" + aTarget + good, dane.Profile{}, "example.org must-authenticate mx.example.net,example.org\nasked _25._tcp.mx.example.net"},
	{"69", "RFC 7672 §3.2.2: the names of its example", theHost + "example.org MX secure ->example.com; 10 mx10.example.com.\nmx10.example.com A secure 192.0.2.10\n_25._tcp.mx10.example.com TLSA " + good, dane.Profile{}, "mx10.example.com must-authenticate mx10.example.com,example.org,example.com\nasked _25._tcp.mx10.example.com"},
	{"78", "RFC 7672 §6: mandatory, and no record: delay", theHost, dane.Profile{DANE: dane.DANEMandatory}, "mx.example.org skip\nasked _25._tcp.mx.example.org"},
	{"78", "RFC 7672 §6: mandatory, and only unusable ones: delay", theHost + theTLSA + "secure 0 0 1 " + digest, dane.Profile{DANE: dane.DANEMandatory}, "mx.example.org skip\nasked _25._tcp.mx.example.org"},
	{"78", "RFC 7672 §6: mandatory, and insecure ones: delay", theHost + theTLSA + "in" + good, dane.Profile{DANE: dane.DANEMandatory}, "mx.example.org skip\nasked _25._tcp.mx.example.org"},
	{"85", "RFC 7672 §9.1: DANE can be switched off for a destination", theHost + theTLSA + good, dane.Profile{DANE: dane.DANENone}, "mx.example.org may-encrypt"},
	{"85", "RFC 7672 §9.1: or be audited", theHost + theTLSA + good, dane.Profile{Audit: true}, "mx.example.org may-encrypt, audited: must-authenticate\nasked _25._tcp.mx.example.org"},
}

func TestPlanRules(t *testing.T) {
	t.Parallel()
	for _, tt := range planRules {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			resolver := parseScript(tt.script)
			v := &dane.Verifier{Resolver: resolver, Policy: policy(t, tt.profile)}
			if diff := cmp.Diff(tt.want, planText(t, v, resolver)); diff != "" {
				t.Errorf("lines %s (-want +got):\n%s", tt.lines, diff)
			}
		})
	}
}

func planText(t *testing.T, v *dane.Verifier, resolver *script) string {
	d, err := v.LookupMX(t.Context(), "example.org")
	if err != nil {
		if len(resolver.asked) != 1 {
			t.Errorf("asked %v", resolver.asked)
		}
		if e, ok := errors.AsType[*dane.Error](err); !ok || !e.Permanent {
			return "temporary"
		}
		return "permanent"
	}
	var lines []string
	for _, mx := range d.MX {
		h := v.LookupHost(t.Context(), d, mx)
		line := h.Name + " " + h.Action.String()
		if len(h.Records) > 0 && h.Action != dane.Skip && h.Audited == nil {
			line += " " + strings.Join(h.Names, ",")
			if h.TLSConfig(nil).ServerName != h.Names[0] || h.MayCleartext() || h.Fallback() != nil {
				t.Errorf("%s: SNI %s, or it may be sent to in clear", h.Name, h.TLSConfig(nil).ServerName)
			}
		}
		if h.Audited != nil {
			line += ", audited: " + h.Audited.Action.String()
		}
		if (h.Action == dane.Skip) != (h.Err != nil && len(h.Addrs) == 0 && !h.Classify(h.Err).Permanent && h.Classify(h.Err).Code[0] == '4') {
			t.Errorf("%s: error %v, addresses %v", h.Name, h.Err, h.Addrs)
		}
		lines = append(lines, line)
	}
	asked := slices.DeleteFunc(slices.Clone(resolver.asked), func(q string) bool {
		return strings.HasSuffix(q, " MX") || strings.HasSuffix(q, " A") || strings.HasSuffix(q, " AAAA")
	})
	if len(asked) > 0 {
		lines = append(lines, strings.ReplaceAll("asked "+strings.Join(asked, " "), " TLSA", ""))
	}
	return strings.Join(lines, "\n")
}
