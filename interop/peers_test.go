//go:build interop

package interop

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// A question is a name and a type, in the words of DNS.
type question struct{ name, qtype string }

func (q question) String() string { return q.name + " " + q.qtype }

// questions are the three lookups of a domain, with the statuses of the table.
// A lookup that has no status there is left out.
func (d domain) questions() map[question]string {
	host := "mail." + d.name
	m := map[question]string{
		{d.name, "MX"}: d.mx,
		{host, "A"}:    d.a,
		{fmt.Sprintf("_%d._tcp.%s", lab.smtp, host), "TLSA"}: d.tlsaStatus,
	}
	for q, status := range m {
		if status == "" {
			delete(m, q)
		}
	}
	return m
}

// TestPeers shows that the table is right: BIND's delv and Unbound, which know
// nothing of us, come to the statuses in it.
func TestPeers(t *testing.T) {
	for _, d := range domains {
		for q, want := range d.questions() {
			for _, r := range lab.resolvers {
				t.Run("delv through "+r.name+"/"+q.String(), func(t *testing.T) {
					got, output, err := delv(t.Context(), r, lab.rootBIND, q)
					if err != nil {
						t.Fatal(err)
					}
					if got != want {
						t.Errorf("%s: %s is %s for delv, want %s\n%s", d.why, q, got, want, output)
					}
				})
			}
			t.Run("unbound/"+q.String(), func(t *testing.T) {
				got, reply, err := validatingUnbound(q)
				if err != nil {
					t.Fatal(err)
				}
				if got != want {
					t.Errorf("%s: %s is %s for Unbound, want %s\n%v", d.why, q, got, want, reply)
				}
			})
		}
	}
}

// TestOpenSSL shows the same for the certificates: OpenSSL accepts the server by
// the records it should accept it by, and by no others.
func TestOpenSSL(t *testing.T) {
	for _, tt := range []struct {
		name, record string
		want         bool
	}{
		{"the server's key", lab.certificate.endEntity, true},
		{"the authority's key", lab.certificate.authority, true},
		{"a stranger's key", lab.certificate.stranger, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			output, err := command(lab.dir, "openssl", "s_client", "-brief", "-verify_return_error",
				"-connect", address(lab.smtp), "-starttls", "smtp",
				"-dane_tlsa_domain", "mail.good.test", "-dane_tlsa_rrdata", tt.record)
			if got := err == nil; got != tt.want {
				t.Errorf("%s: verified = %t, want %t\n%s%v", tt.record, got, tt.want, output, err)
			}
		})
	}
}

// bogusForDelv are the causes of failure that are verdicts on the data.
var bogusForDelv = []string{
	"broken trust chain", "insecurity proof failed", "no valid DS", "no valid KEY",
	"no valid NSEC", "no valid RRSIG", "no valid signature found",
	"RRSIG failed to verify", "RRSIG has expired",
}

// delv validates with BIND's code, from the same trust anchor and over the same
// resolver, and returns the status in our words.
func delv(ctx context.Context, r resolver, anchors string, q question) (status, output string, err error) {
	// What failed it says on standard error, and exits 0.
	b, err := exec.CommandContext(ctx, "delv", "@127.0.0.1", "-p", fmt.Sprint(r.port),
		"-a", anchors, "+root=.", "+nocrypto", "-t", q.qtype, q.name).CombinedOutput()
	if err != nil {
		return "", string(b), err
	}
	output = string(b)
	switch {
	case strings.Contains(output, "; fully validated"),
		strings.Contains(output, "; negative response, fully validated"):
		return "secure", output, nil
	case strings.Contains(output, "; unsigned answer"),
		strings.Contains(output, "; negative response, unsigned answer"):
		return "insecure", output, nil
	}
	// A timeout or SERVFAIL is no verdict.
	if _, cause, found := strings.Cut(output, ";; resolution failed: "); found {
		cause, _, _ = strings.Cut(cause, "\n")
		if slices.Contains(bogusForDelv, cause) {
			return "bogus", output, nil
		}
	}
	return "", output, fmt.Errorf("delv gives no status for %s:\n%s", q, output)
}

// validatingUnbound tells the status from AD and SERVFAIL, as a stub would.
func validatingUnbound(q question) (status string, reply *dns.Msg, err error) {
	reply, err = ask(address(lab.validator), q.name, dns.StringToType[q.qtype])
	switch {
	case err != nil:
		return "", nil, err
	case reply.Rcode == dns.RcodeServerFailure:
		return "bogus", reply, nil
	case reply.Rcode != dns.RcodeSuccess && reply.Rcode != dns.RcodeNameError:
		return "", reply, fmt.Errorf("%s: %s", q, dns.RcodeToString[reply.Rcode])
	case reply.AuthenticatedData:
		return "secure", reply, nil
	}
	return "insecure", reply, nil
}
