package explanation_test

import (
	"crypto/tls"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/explanation"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// TestAnchorThatTheServerLeavesOut: what is said of a match names nothing that was not presented, and
// does not take the certificate that a key has signed for the one that it is of (RFC 7671 §5.2.2, §5.2.3).
func TestAnchorThatTheServerLeavesOut(t *testing.T) {
	t.Parallel()
	root := tlsatest.NewCA(tlsatest.Authority{Name: "Root"})
	between := root.NewCA(tlsatest.Authority{Name: "Between"})
	names := tlsatest.Leaf{Names: []string{"mail.a.example"}}
	direct, below := root.Issue(names), between.Issue(names)
	const own, sent = "the server's own certificate", " and certificate "
	for _, tt := range []struct {
		name    string
		server  tls.Certificate
		record  tlsa.Record
		matches string // what is said of the record
		by      string // what is said of the server after the record
	}{
		{"2 1 0 that has signed the server's certificate", direct.TLSWith(), root.Record(tlsa.SPKI, tlsa.Full),
			"its key has signed " + own, ": its key has signed " + own},
		{"2 1 0 that has signed an intermediate", below.TLSWith(between.Certificate), root.Record(tlsa.SPKI, tlsa.Full),
			"its key has signed the issuer 1 step above " + own, ": its key has signed the issuer 1 step above " + own},
		{"2 0 0 of the root", below.TLSWith(between.Certificate), root.Record(tlsa.Cert, tlsa.Full),
			"it matches the issuer 2 steps above " + own, ": it matches the issuer 2 steps above " + own},
		{"2 1 0 of a root that is sent", direct.TLS(), root.Record(tlsa.SPKI, tlsa.Full),
			"it matches the issuer 1 step above " + own, sent + "1"},
		{"2 1 1 of a root that is not sent in its place", below.TLSWith(root.Certificate, between.Certificate), between.Record(tlsa.SPKI, tlsa.SHA256),
			"it matches the issuer 1 step above " + own, ": it matches the issuer 1 step above " + own},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			checker := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{
				Name: "mail", TLSA: []string{tt.record.String()}, Server: func(s *smtptest.Server) { s.Certificates = []tls.Certificate{tt.server} },
			}}}).Checker()
			result, err := checker.Verify(t.Context(), "a.example")
			if err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			if err := explanation.Domain(result, explanation.Options{}).WriteText(&text, 0); err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"...: " + tt.matches + " (", "..." + tt.by + ", for the name mail.a.example. ("} {
				if !strings.Contains(text.String(), want) {
					t.Errorf("%q is not said:\n%s", want, text.String())
				}
			}
		})
	}
}
