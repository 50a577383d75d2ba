//go:build interop

package interop

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/smtp"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/tlsa"
)

// Steps of the owners, after publication.
const (
	secondServer = 15 * time.Second // when the second of three servers gets a zone
	thirdServer  = 30 * time.Second
	afterwards   = 15 * time.Second // how long mail goes on when all is done
	hastyDomains = 6                // whose mail one in four or more defers, each for itself
)

// TestKeyChangeStopsNoMail has mail servers get another key while Postfix sends a message each
// second, at the level dane-only. It resolves by an Unbound that validates, behind which there
// is a cache. One kind of zone has a secondary that nobody notifies, the other three servers
// that get the zone one after the other.
//
// Those who do what docs/publishing.md says have no message deferred, from the plan until
// the old record is gone from all servers. Those who publish and sleep for a TTL have some:
// the test can fail.
func TestKeyChangeStopsNoMail(t *testing.T) {
	program, err := build()
	if err != nil {
		t.Fatal(err)
	}
	var domains, careful, hasty []*changeDomain
	for _, kind := range []string{"secondary", "three"} {
		careful = append(careful, &changeDomain{name: "careful." + kind, secondary: kind == "secondary"})
		for i := range hastyDomains {
			hasty = append(hasty, &changeDomain{name: fmt.Sprintf("hasty%d.%s", i, kind), secondary: kind == "secondary"})
		}
	}
	domains = append(append(domains, careful...), hasty...)
	w := newChangeWorld(t, domains)
	mail := w.startMail(t, careful, hasty)
	time.Sleep(3 * time.Second)

	var owners sync.WaitGroup
	for _, d := range careful {
		owners.Go(func() {
			if err := w.changeCarefully(t, program, d); err != nil {
				t.Errorf("%s: %v", d.name, err)
			}
		})
	}
	for _, d := range hasty {
		owners.Go(func() {
			if err := w.changeHastily(d); err != nil {
				t.Errorf("%s: %v", d.name, err)
			}
		})
	}
	owners.Wait()
	time.Sleep(afterwards)
	results := mail.stop(t)

	for _, d := range careful {
		r := results[d.name]
		t.Logf("%s: %d messages, %d delivered, %d deferred", d.name, r.sent+r.deferred, r.sent, r.deferred)
		if r.deferred > 0 || r.sent != mail.submitted[d.name] || r.sent < 30 {
			t.Errorf("%s: of %d messages, %d were delivered at once, and %d not: %s", d.name, mail.submitted[d.name], r.sent, r.deferred, r.why)
		}
	}
	for _, kind := range []string{"secondary", "three"} {
		deferred, sent := 0, 0
		for _, d := range hasty {
			if strings.HasSuffix(d.name, kind) {
				deferred, sent = deferred+results[d.name].deferred, sent+results[d.name].sent
				if r := results[d.name]; r.deferred > 0 && !strings.Contains(r.why, "Server certificate not") {
					t.Errorf("%s: for another reason: %s", d.name, r.why)
				}
			}
		}
		t.Logf("without wait, %s: %d delivered, %d deferred", kind, sent, deferred)
		if deferred == 0 || sent == 0 {
			t.Errorf("without wait, %s: %d delivered, %d deferred: want some of both", kind, sent, deferred)
		}
	}
}

// changeCarefully does what docs/publishing.md says.
func (w *changeWorld) changeCarefully(t *testing.T, program string, d *changeDomain) error {
	current, next := w.site.path(d.name+"-current.pem"), w.site.path(d.name+"-next.pem")
	run := func(want int, args ...string) (string, error) {
		args = append(args, "-recursive", "-hints", w.site.path("named.root"), "-anchors", w.site.rootDS, d.host())
		out, err := w.command(append([]string{program, "tlsa"}, args...)...)
		exit := 0
		if e, ok := errors.AsType[*exec.ExitError](err); ok {
			exit = e.ExitCode()
		} else if err != nil {
			return out, err
		}
		if exit != want {
			return out, fmt.Errorf("tlsa %s: exit status %d, want %d: %v\n%s", args[0], exit, want, err, out)
		}
		return out, nil
	}
	out, err := run(0, "plan", "-json", "-current", current, "-next", next)
	if err != nil {
		return err
	}
	steps, err := readPlan(out)
	if err != nil {
		return err
	}
	state := w.site.path(d.name + ".state")
	if _, err := run(1, "check", "-cert", next, "-state", state); err != nil {
		return err
	}
	if err := w.publish(d, steps["publish"]); err != nil {
		return err
	}
	start, complete := time.Now(), make(chan time.Time, 1)
	go func() { complete <- w.spread(t, d) }()
	if _, err = run(0, "wait", "-cert", next, "-state", state, "-interval", "1s", "-timeout", "2m"); err != nil {
		return err
	}
	waited := time.Since(start)
	select {
	case at := <-complete:
		if left := time.Until(at.Add(changeTTL * time.Second)); left > 0 {
			return fmt.Errorf("wait ended %v before the TTL of the old records was over", left)
		}
		t.Logf("%s: all servers after %v, safe after %v", d.name, at.Sub(start).Round(time.Second), waited.Round(time.Second))
	default:
		return fmt.Errorf("wait ended after %v, and not all servers have the zone", waited)
	}
	d.present(d.next)
	time.Sleep(2 * time.Second)
	if err := w.publish(d, steps["withdraw"]); err != nil {
		return err
	}
	w.spread(t, d)
	return nil
}

// changeHastily publishes, sleeps for a TTL, and has the key change.
func (w *changeWorld) changeHastily(d *changeDomain) error {
	records := append([]tlsa.Record{d.next.Record(tlsa.SPKI, tlsa.SHA256)}, d.records...)
	if err := w.publish(d, records); err != nil {
		return err
	}
	time.Sleep(changeTTL * time.Second)
	d.present(d.next)
	return nil
}

// spread brings the zone to its other servers, and returns when the last had it. A secondary
// comes by itself.
func (w *changeWorld) spread(t *testing.T, d *changeDomain) time.Time {
	start := time.Now()
	if !d.secondary {
		for i, after := range []time.Duration{secondServer, thirdServer} {
			time.Sleep(time.Until(start.Add(after)))
			if err := w.deliver(d, i+1); err != nil {
				t.Errorf("%s: %v", d.name, err)
			}
		}
		return time.Now()
	}
	for time.Since(start) < 2*changeRefresh*time.Second {
		if w.serialAt(d, 1) == d.serial {
			return time.Now()
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Errorf("%s: the secondary has not come", d.name)
	return time.Now()
}

// readPlan reads the records that are in DNS after each step.
func readPlan(text string) (map[string][]tlsa.Record, error) {
	var plan struct {
		Steps []struct {
			Kind    string
			Records []struct{ Text string }
		}
	}
	if err := json.Unmarshal([]byte(text), &plan); err != nil {
		return nil, fmt.Errorf("%w: %s", err, text)
	}
	steps := map[string][]tlsa.Record{}
	for _, step := range plan.Steps {
		for _, r := range step.Records {
			record, err := tlsa.Parse(r.Text)
			if err != nil {
				return nil, err
			}
			steps[step.Kind] = append(steps[step.Kind], record)
		}
	}
	if len(steps["publish"]) != 2 || len(steps["withdraw"]) != 1 {
		return nil, fmt.Errorf("not the usual plan: %s", text)
	}
	return steps, nil
}

// A mailStream sends a message each second.
type mailStream struct {
	world     *changeWorld
	end       chan struct{}
	ended     chan struct{}
	submitted map[string]int // by domain
}

// startMail sends to the careful each second, and to the others every third.
func (w *changeWorld) startMail(t *testing.T, careful, hasty []*changeDomain) *mailStream {
	m := &mailStream{world: w, end: make(chan struct{}), ended: make(chan struct{}), submitted: map[string]int{}}
	go func() {
		defer close(m.ended)
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for n := 0; ; n++ {
			to := careful
			if n%3 == 0 {
				to = append(append([]*changeDomain(nil), careful...), hasty...)
			}
			for _, d := range to {
				m.submitted[d.name]++
			}
			if err := m.submit(t, n, to); err != nil {
				t.Errorf("message %d: %v", n, err)
			}
			select {
			case <-ticker.C:
			case <-m.end:
				return
			}
		}
	}()
	return m
}

// submit gives Postfix one message for all.
func (m *mailStream) submit(t *testing.T, n int, to []*changeDomain) error {
	conn, err := m.world.Dial(t.Context(), "tcp", worldMail+":25")
	if err != nil {
		return err
	}
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	client, err := smtp.NewClient(conn, worldMail)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Mail(""); err != nil { // a bounce, which does not bounce
		return err
	}
	for _, d := range to {
		if err := client.Rcpt(fmt.Sprintf("n%d@%s", n, d.name)); err != nil {
			return err
		}
	}
	data, err := client.Data()
	if err != nil {
		return err
	}
	fmt.Fprintf(data, "Subject: %d\r\n\r\n", n)
	if err := data.Close(); err != nil {
		return err
	}
	return client.Quit()
}

// A mailResult is what became of the messages to a domain at the first attempt.
type mailResult struct {
	sent, deferred int
	why            string // of the first that was deferred
}

var firstStatus = regexp.MustCompile(`to=<(\S+)@(\S+)>, .*status=(\w+) (\(.*)`)

// stop ends the mail, and reads the log.
func (m *mailStream) stop(t *testing.T) map[string]mailResult {
	t.Helper()
	close(m.end)
	<-m.ended
	time.Sleep(5 * time.Second)
	log, err := os.ReadFile(m.world.site.path("postfix.log"))
	if err != nil {
		t.Fatal(err)
	}
	seen, results := map[string]bool{}, map[string]mailResult{}
	for line := range strings.Lines(string(log)) {
		f := firstStatus.FindStringSubmatch(line)
		if f == nil || seen[f[1]+"@"+f[2]] {
			continue
		}
		seen[f[1]+"@"+f[2]] = true
		r := results[f[2]]
		if f[3] == "sent" {
			r.sent++
		} else if r.deferred++; r.why == "" {
			r.why = f[4]
		}
		results[f[2]] = r
	}
	return results
}
