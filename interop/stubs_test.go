//go:build interop

package interop

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
)

const (
	// stubsForDig is how many questions dig gets, which is a process for each.
	stubsForDig = 60
	// stubsForHost is the same for unbound-host, which also starts a validator each time.
	stubsForHost = 60
)

// askStubs asks the questions of TestDifferential of the program validator, as clients do that look
// at the AD bit: all over TCP by a client of our own, and some by dig. The verdict has to be
// that of the library, which has been compared with Unbound's already; unless a record that
// denies too much has denied the answer, for validator uses such records aggressively. unbound-host, which
// validates for itself by Unbound's library, is asked about some, too, and differs by the
// rules for Unbound alone.
func (w *differentialWorld) askStubs(ctx context.Context, t *testing.T, opinions []*opinion) {
	port, err := w.startValidator()
	if err != nil {
		t.Fatal(err)
	}
	conf := "server:\n do-not-query-localhost: no\n do-ip6: no\n trust-anchor-signaling: no\n" + differentialUnbound +
		fmt.Sprintf("forward-zone:\n name: \".\"\n forward-addr: 127.0.0.1@%d\n", w.recursor)
	if _, err := lab.writeFile("differential-host.conf", conf); err != nil {
		t.Fatal(err)
	}
	asked := map[string]*atomic.Int64{"validator": {}, "dig": {}, "unbound-host": {}}
	var denied atomic.Int64
	agree := func(who string, o *opinion, got dnssec.Status, detail string) {
		asked[who].Add(1)
		want := o.ours.Status
		if want == dnssec.Indeterminate {
			want = dnssec.Bogus // SERVFAIL, as far as a stub can see
		}
		switch {
		case got == want:
		case got == dnssec.Secure && slices.ContainsFunc(denyTooMuch, o.has):
			denied.Add(1)
		default:
			t.Errorf("%s says %s, want %s (%s)\n\t%v", who, got, want, detail, o)
		}
	}
	indexes := make([]int, len(opinions))
	for i := range indexes {
		indexes[i] = i
	}
	inParallel(indexes, func(i int) {
		o := opinions[i]
		status, detail, err := askStub(ctx, port, o.question)
		if err != nil {
			t.Errorf("%s: %v", o.question, err)
			return
		}
		agree("validator", o, status, detail)
		if i%(len(opinions)/stubsForDig) == 0 {
			status, detail := digStub(ctx, port, o.question)
			agree("dig", o, status, detail)
		}
		if i%(len(opinions)/stubsForHost) == 1 {
			v := w.askHost(ctx, o.question)
			asked["unbound-host"].Add(1)
			if v.status != o.unbound.status && v.status != o.ours.Status {
				t.Errorf("unbound-host says %s: %s\n\t%v", v.status, v.detail, o)
			}
		}
	})
	t.Logf("%5d answers of validator are denied by a record for another question (RFC 8198)", denied.Load())
	for who, n := range asked {
		t.Logf("%5d questions for %s", n.Load(), who)
		if n.Load() < stubsForDig/2 {
			t.Errorf("%s was asked too little", who)
		}
	}
}

// denyTooMuch are the faults by which a record denies what there is.
var denyTooMuch = []string{
	"a denial lacks a type", "a denial goes too far", "a denial covers something else", "the denial of DS lacks the type NS",
}

// startValidator builds the program, and runs it before the same resolver as the others.
func (w *differentialWorld) startValidator() (port int, err error) {
	if port, err = freePort(); err != nil {
		return 0, err
	}
	if _, err := command("..", "go", "build", "-o", lab.path("differential-stub"), "./examples/validator"); err != nil {
		return 0, err
	}
	return port, lab.startDaemon("differential-stub", answers(address(port), ".", dns.TypeSOA), lab.path("differential-stub"),
		"-listen", address(port), "-resolver", address(w.recursor), "-anchors", w.anchorsBIND)
}

// askStub returns the status as a stub sees it, which asks with AD and without DO.
func askStub(ctx context.Context, port int, q question) (dnssec.Status, string, error) {
	client := &dns.Client{Net: "tcp", Timeout: 20 * time.Second}
	query := new(dns.Msg).SetQuestion(dns.Fqdn(q.name), dns.StringToType[q.qtype])
	query.SetEdns0(1232, false)
	query.AuthenticatedData = true
	reply, _, err := client.ExchangeContext(ctx, query, address(port))
	if err != nil {
		return 0, "", err
	}
	detail := extendedErrors(reply)
	switch {
	case reply.Rcode == dns.RcodeServerFailure:
		if detail == "" {
			err = errors.New("SERVFAIL without a reason")
		}
		return dnssec.Bogus, detail, err
	case reply.Rcode != dns.RcodeSuccess && reply.Rcode != dns.RcodeNameError:
		return 0, dns.RcodeToString[reply.Rcode], nil
	case reply.AuthenticatedData:
		return dnssec.Secure, detail, nil
	}
	return dnssec.Insecure, detail, nil
}

var digHeader = regexp.MustCompile(`status: (\w+), id: \d+\s+;; flags: ([^;]*);`)

// digStub has dig ask.
func digStub(ctx context.Context, port int, q question) (dnssec.Status, string) {
	out, err := exec.CommandContext(ctx, "dig", "+ad", "+time=10", "@127.0.0.1", "-p", fmt.Sprint(port), q.name, q.qtype).CombinedOutput()
	f := digHeader.FindStringSubmatch(string(out))
	switch {
	case err != nil || f == nil:
		return dnssec.Indeterminate, fmt.Sprintf("%v: %s", err, out)
	case f[1] == "SERVFAIL":
		return dnssec.Bogus, string(out)
	case strings.Contains(" "+f[2]+" ", " ad "):
		return dnssec.Secure, string(out)
	}
	return dnssec.Insecure, string(out)
}

// askHost has unbound-host validate what the resolver before validator says. It starts with the
// keys of the root, which it calls bogus, and all else, where they come late; then it is asked again.
func (w *differentialWorld) askHost(ctx context.Context, q question) verdict {
	var out []byte
	var err error
	for range 3 {
		out, err = exec.CommandContext(ctx, "unbound-host", "-v", "-C", lab.path("differential-host.conf"),
			"-y", w.anchorsUnbound, "-t", q.qtype, q.name).CombinedOutput()
		if !strings.Contains(string(out), "no DNSKEY rrset for trust anchor .") {
			break
		}
	}
	v := verdict{peer: "Unbound", detail: fmt.Sprintf("%v: %s", err, out)}
	switch text := string(out); {
	case strings.Contains(text, "(BOGUS"):
		v.status = dnssec.Bogus
	case strings.Contains(text, "(insecure)"):
		v.status = dnssec.Insecure
	case strings.Contains(text, "(secure)"):
		v.status = dnssec.Secure
	}
	return v
}
