package main

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/tlsrpt"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// mailboxes is a domain whose hosts are mailboxes, at the first addresses.
func mailboxes(hosts ...string) danetest.Domain {
	d := danetest.Domain{Name: "a.example"}
	for _, host := range hosts {
		d.Hosts = append(d.Hosts, danetest.Host{Name: host})
	}
	return d
}

// except refuses recipients by their local parts.
func except(refusals map[string]*smtp.SMTPError) func(string) error {
	return func(to string) error {
		local, _ := split(to)
		if refusal := refusals[local]; refusal != nil {
			return refusal
		}
		return nil
	}
}

// Each recipient gets what the hosts say of it, and one message at most.
func TestRecipients(t *testing.T) {
	t.Parallel()
	first := &mailbox{refuse: except(map[string]*smtp.SMTPError{"nobody": noSuchUser, "later": greylisted, "second": greylisted})}
	second := &mailbox{refuse: except(map[string]*smtp.SMTPError{"later": greylisted})}
	v := serveAt(t, danetest.New(t, append([]danetest.Domain{mailboxes("mx1", "mx2")}, danetest.Domains()...)...), first, second)
	exit, out := runMTA(t.Context(), v, text, "-from", "me@sender.example",
		"you@A.example", "nobody@a.example", "second@a.example", "later@a.example", "me@a.example", "me@A.EXAMPLE", "you@good.example", "you@none.such")
	const want = `you@A.example delivered 2.0.0
nobody@a.example bounced 5.1.1
second@a.example delivered 2.0.0
later@a.example deferred 4.2.0
me@a.example delivered 2.0.0
you@good.example delivered 2.0.0
you@none.such bounced 5.1.2
`
	if diff := cmp.Diff(want, out); diff != "" || exit != exitLater {
		t.Errorf("exit status %d (-want +got)\n%s", exit, diff)
	}
	for name, tt := range map[string]struct {
		box  *mailbox
		want []string
	}{
		"the first host":  {first, []string{"you@a.example", "me@a.example"}},
		"the second host": {second, []string{"second@a.example"}},
	} {
		got := tt.box.deliveries()
		if diff := cmp.Diff([]delivery{{"me@sender.example", tt.want, text}}, got, cmp.AllowUnexported(delivery{})); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

// More recipients than a server must take are several transactions.
func TestManyRecipients(t *testing.T) {
	t.Parallel()
	box := &mailbox{}
	v := serveAt(t, danetest.New(t, mailboxes("mail")), box)
	args := []string{"-from", "me@sender.example"}
	for range 150 {
		args = append(args, strings.Repeat("x", len(args))+"@a.example")
	}
	if exit, out := runMTA(t.Context(), v, text, args...); exit != exitDelivered {
		t.Error(exit, out)
	}
	got := box.deliveries()
	if len(got) != 2 || len(got[0].to) != 100 || len(got[1].to) != 50 {
		t.Errorf("%d transactions", len(got))
	}
}

// What is sent has CRLF at the end of each line and nowhere else, and dots survive.
func TestText(t *testing.T) {
	t.Parallel()
	box := &mailbox{}
	v := serveAt(t, danetest.New(t, mailboxes("mail")), box)
	for in, want := range map[string]string{
		"":                       "",
		"a":                      "a\r\n",
		"a\n":                    "a\r\n",
		"a\r\n":                  "a\r\n",
		"a\r":                    "a\r\n",
		"a\n\nb":                 "a\r\n\r\nb\r\n",
		"a\r\rb\r\n":             "a\r\n\r\nb\r\n",
		"a\r\r\nb":               "a\r\n\r\nb\r\n",
		"a\n\rb":                 "a\r\n\r\nb\r\n",
		".\n..\n.a\n":            ".\r\n..\r\n.a\r\n",
		"a\n.\r\nMAIL FROM:<b>":  "a\r\n.\r\nMAIL FROM:<b>\r\n",
		"a\r.\rMAIL FROM:<b>\r.": "a\r\n.\r\nMAIL FROM:<b>\r\n.\r\n",
		"a\x00\xff\n":            "a\x00\xff\r\n",
	} {
		got, err := readText(strings.NewReader(in))
		if err != nil || string(got) != want {
			t.Errorf("%q: %q, %v, want %q", in, got, err, want)
		}
		before := len(box.deliveries())
		if exit, _ := runMTA(t.Context(), v, in, "-from", "me@sender.example", "you@a.example"); exit != exitDelivered {
			t.Errorf("%q: exit status %d", in, exit)
			continue
		}
		sent := box.deliveries()[before:]
		if want == "" {
			want = "\r\n" // DATA has no other way to say so
		}
		if len(sent) != 1 || sent[0].text != want {
			t.Errorf("%q arrived as %+v", in, sent)
		}
	}
	if _, err := readText(strings.NewReader(strings.Repeat("x", maxText+1))); err == nil {
		t.Error("without a limit")
	}
}

// What would be another command, or another parameter, is no address.
func TestAddresses(t *testing.T) {
	t.Parallel()
	for address, good := range map[string]bool{
		"you@a.example": true, `"a@b"@a.example`: true, "you@[192.0.2.1]": true, "you@xn--bcher-kva.example": true,
		"": false, "you": false, "@a.example": false, "you@": false, "you@a.example> NOTIFY=NEVER": false, "a b@a.example": false,
		"you@a.example\r\nDATA": false, "yöu@a.example": false, "you@bücher.example": false, "<you@a.example>": false, strings.Repeat("x", 250) + "@a.example": false,
	} {
		if err := checkAddress(address); (err == nil) != good {
			t.Errorf("%q: %v", address, err)
		}
		if good {
			continue
		}
		if exit, _ := runMTA(t.Context(), new(dane.Verifier), text, "-from", "me@sender.example", "you@a.example", address); exit != exitUsage {
			t.Errorf("%q: exit status %d", address, exit)
		}
	}
}

// What DANE made of the hosts goes to tlsrpt-reporter.
func TestTLSReports(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "mta") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "socket")
	collector, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: socket})
	if err != nil {
		t.Fatal(err)
	}
	defer collector.Close()
	domain := danetest.Domain{
		Name: "a.example", Hosts: []danetest.Host{{Name: "mx1", TLSA: []string{"3 1 1 " + strings.Repeat("00", 32)}}, {Name: "mx2", TLSA: []string{"3 1 1"}}},
		Zone: dnssectest.Zone{Records: `_smtp._tls TXT "v=TLSRPTv1; rua=mailto:tls@a.example"`},
	}
	exit, _ := runMTA(t.Context(), danetest.New(t, domain).Verifier(), text, "-from", "me@sender.example", "-tlsrpt", socket, "you@a.example")
	if exit != exitDelivered {
		t.Fatalf("exit status %d", exit)
	}
	payload := make([]byte, 1<<16)
	collector.SetReadDeadline(time.Now().Add(10 * time.Second))
	n, err := collector.Read(payload)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Domain   string `json:"d"`
		Policies []struct {
			Domain   string `json:"policy-domain"`
			Failures []struct {
				Code int `json:"c"`
			} `json:"failure-details"`
			Final int `json:"f"`
		} `json:"policies"`
	}
	if err := json.Unmarshal(payload[:n], &got); err != nil {
		t.Fatal(err)
	}
	if p := got.Policies; got.Domain != "a.example" || len(p) != 2 || p[0].Final != 1 || len(p[0].Failures) != 1 || p[0].Failures[0].Code != 203 ||
		p[1].Domain != "mx2.a.example" || p[1].Final != 0 {
		t.Errorf("%s", payload[:n])
	}
}

// slowTXT is a resolver that has no answer about TXT records.
type slowTXT struct{ dane.Resolver }

func (r slowTXT) Lookup(ctx context.Context, name string, qtype uint16) (*dnssec.Answer, error) {
	if qtype == dns.TypeTXT {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return r.Resolver.Lookup(ctx, name, qtype)
}

// What a reporter has to look up keeps no result back, and no other delivery.
func TestTLSReportsDelayNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := danetest.New(t).Verifier()
		v.Resolver = slowTXT{v.Resolver}
		m := &mailer{verifier: v, reporter: &tlsrpt.Reporter{Socket: "unused", Verifier: v}, log: quiet()}
		begin := time.Now()
		r := m.deliver(t.Context(), &message{open: inMemory([]byte(text))}, []string{"you@good.example"})[0]
		if took := time.Since(begin); !r.sent || took > time.Second {
			t.Errorf("%v after %v", r.err, took)
		}
		m.reports.Wait()
		if took := time.Since(begin); took < 5*time.Second || m.reporter.Counters.FailedLookups.Load() != 1 {
			t.Errorf("it was over after %v", took)
		}
	})
}
