//go:build interop

package interop

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/dane"
)

// The levels, as a profile of ours and as Postfix has them. Postfix's policy
// "encrypt" for insecure MX records, which we have not, goes with our default.
var levels = [...]struct {
	name       string
	insecureMX bool // is of interest for domains whose MX record is insecure only
	profile    dane.Profile
	finger     []string // options of posttls-finger
	postfix    []string // of smtp(8)
}{
	{"dane", false, dane.Profile{}, []string{"-l", "dane", "-M", "may"},
		[]string{"smtp_tls_security_level=dane", "smtp_tls_dane_insecure_mx_policy=may"}},
	{"dane-mx", true, dane.Profile{UseInsecureMX: true}, []string{"-l", "dane", "-M", "dane"},
		[]string{"smtp_tls_security_level=dane", "smtp_tls_dane_insecure_mx_policy=dane"}},
	{"encrypt-mx", true, dane.Profile{}, []string{"-l", "dane", "-M", "encrypt"},
		[]string{"smtp_tls_security_level=dane", "smtp_tls_dane_insecure_mx_policy=encrypt"}},
	{"dane-only", false, dane.Profile{DANE: dane.DANEMandatory}, []string{"-l", "dane-only"},
		[]string{"smtp_tls_security_level=dane-only"}},
}

// A trial is a domain at a level.
type trial struct {
	*scenario
	level int
}

func (c trial) String() string { return c.name + "@" + levels[c.level].name }

// address of the recipient by which Postfix knows the trial.
func (c trial) address() string { return levels[c.level].name + "@" + c.domain() }

func trials() (all []trial) {
	for i := range scenarios {
		for level := range levels {
			if c := (trial{&scenarios[i], level}); !levels[level].insecureMX || strings.HasSuffix(c.domain(), ".plain") {
				all = append(all, c)
			}
		}
	}
	return all
}

// TestPostfix has a Verifier, posttls-finger and smtp(8) decide about the domains of
// the table at every level. Each has to come to the treatment that stands there, but
// for the differences that are explained.
func TestPostfix(t *testing.T) {
	w := newWorld(t)
	t.Run("scenarios", w.testScenarios)
	t.Run("mta", w.testMTA)
	t.Run("mta-queue", w.testMTAQueue)
	t.Run("danetool", w.testDanetool)
}

func (w *world) testScenarios(t *testing.T) {
	attempts := map[string]map[string]attempt{"smtp": w.smtp(t), "posttls-finger": w.fingers(t), "danesmtp": w.ours(t)}
	explained := map[string]bool{} // whether it has occurred
	for who, list := range differences {
		for at := range list {
			explained[who+" "+at] = false
		}
	}
	for _, c := range trials() {
		want := c.want[c.level]
		t.Logf("%-28s %-14s posttls-finger %-14s smtp %-14s %s", c, attempts["danesmtp"][c.address()].treatment,
			attempts["posttls-finger"][c.address()].treatment, attempts["smtp"][c.address()].treatment, attempts["danesmtp"][c.address()].text)
		for who, of := range attempts {
			got := of[c.address()]
			at := c.String()
			if _, ok := explained[who+" "+at]; !ok {
				at = c.name
			}
			switch d := differences[who][at]; {
			case got.treatment == want:
			case got.treatment == d.treatment && got.treatment != "":
				explained[who+" "+at] = true
			default:
				t.Errorf("%s: %s: %s: %q, want %s\n%s", c, c.why, who, got.treatment, want, got.text)
			}
		}
	}
	for _, at := range slices.Sorted(maps.Keys(explained)) {
		if !explained[at] {
			t.Errorf("the difference %s is no more", at)
		}
	}
	t.Logf("%d scenarios, %d trials, %d differences", len(scenarios), len(trials()), len(explained))
}

// smtp delivers to all domains.
func (w *world) smtp(t *testing.T) map[string]attempt {
	t.Helper()
	var recipients []string
	for _, c := range trials() {
		recipients = append(recipients, c.address())
	}
	return w.deliveries(t, recipients)
}

func (w *world) ours(t *testing.T) map[string]attempt {
	t.Helper()
	attempts := map[string]attempt{}
	var verifiers [len(levels)]*dane.Verifier
	for i, l := range levels {
		verifiers[i] = w.verifier(t, l.profile)
	}
	for _, c := range trials() {
		attempts[c.address()] = send(t, verifiers[c.level], c.domain())
	}
	return attempts
}

// send does so as the documentation of package dane says, short of the message itself,
// and sees that Verify comes to the same.
func send(t *testing.T, v *dane.Verifier, domain string) attempt {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	got, host, err := deliver(ctx, v, domain)
	r, fault := (&dane.Checker{Verifier: v}).Verify(ctx, domain)
	if fault != nil {
		t.Errorf("%s: %v", domain, fault)
	}
	// Verify looks no further where DANE does not apply.
	agrees := r.Outcome == dane.OutcomeNone
	switch {
	case got == authenticated && host.MXSecure:
		agrees = r.Outcome == dane.OutcomeSuccess
	case got == refused && (host == nil || host.Action != dane.MayEncrypt):
		agrees = r.Outcome == dane.OutcomeFailure
	}
	if !agrees {
		t.Errorf("%s: Verify says %s, the delivery is %s: %v, %v", domain, r.Outcome, got, r.Err, err)
	}
	text := []any{"no host"}
	if host != nil {
		text = []any{host.Name, host.Action}
	}
	if err != nil {
		text = append(text, err)
	}
	return attempt{got, fmt.Sprintln(text...)}
}

// deliver returns the treatment, and the last host that was tried.
func deliver(ctx context.Context, v *dane.Verifier, domain string) (treatment, *dane.Host, error) {
	d, err := v.LookupMX(ctx, domain)
	if err != nil {
		return refused, nil, err
	}
	own := *v
	own.AttemptTimeout = 5 * time.Second
	var last *dane.Host
	for _, mx := range d.MX {
		h := v.LookupHost(ctx, d, mx)
		var conn *dane.Conn
		if conn, err = own.Connect(ctx, h); err != nil {
			if h.Action != dane.Skip {
				last = h
			}
			continue
		}
		conn.Close()
		switch {
		case conn.Host.Action == dane.MustAuthenticate:
			return authenticated, h, nil
		case conn.ConnectionState().HandshakeComplete:
			return encrypted, h, nil
		}
		return cleartext, h, nil
	}
	return refused, last, err
}

// fingers runs posttls-finger.
func (w *world) fingers(t *testing.T) map[string]attempt {
	t.Helper()
	var mu sync.Mutex
	attempts := map[string]attempt{}
	var all sync.WaitGroup
	running := make(chan struct{}, 2*runtime.NumCPU())
	for _, c := range trials() {
		running <- struct{}{}
		all.Go(func() {
			defer func() { <-running }()
			argv := slices.Concat([]string{"posttls-finger", "-v", "-a", "ipv4"}, levels[c.level].finger, []string{c.domain()})
			output, err := w.command(argv...)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			attempts[c.address()] = attempt{readFinger(output, levels[c.level].name == "dane-only"), output}
		})
	}
	all.Wait()
	return attempts
}

var fingerTLS = regexp.MustCompile(`(?s)(\w+) TLS connection established.*< 250`)

// readFinger returns what smtp(8) would do by what posttls-finger says. Where no record
// is usable, that goes on as if a public authority were wanted ("secure"), and smtp(8)
// without authentication.
func readFinger(output string, mandatory bool) treatment {
	// What it found out about a host stands before the connection to it.
	hosts := strings.Split(output, "connect_addr: trying: ")
	if len(hosts) == 1 {
		return refused
	}
	session := hosts[len(hosts)-1]
	has := func(text string) bool { return strings.Contains(hosts[len(hosts)-2], text) }
	none := has("no TLSA records found") || has("MX RRset is insecure: try to encrypt")
	unusable := has("no usable TLSA records found") || strings.Contains(session, "all TLSA records unusable")
	trust := ""
	if tls := fingerTLS.FindStringSubmatch(session); tls != nil {
		trust = tls[1]
	}
	switch {
	case (none || unusable) && mandatory:
		return refused
	case (none || unusable || has("just encrypt")) && trust != "":
		return encrypted
	case none && strings.Contains(session, "< 250"):
		return cleartext
	case trust == "Verified", trust == "Trusted" && has("log verified as trusted"):
		return authenticated
	}
	return refused
}
