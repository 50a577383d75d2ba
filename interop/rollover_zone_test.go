//go:build interop

package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

const day = 24 * time.Hour

// A rollingKey is a key-signing key and the days on which dnssec-signzone has to do
// something about it; 0 is never.
type rollingKey struct {
	name                              string
	publish, activate, revoke, remove int
}

// A rollingZone is signed anew for every stage of a rollover, by the times that BIND's
// tools keep beside its keys, and served by a named.
//
// Its days begin with 1, and the last one is today. The signatures are valid from the day
// for which they are made until long after today: so servers that know no time but the
// machine's get on with every stage.
type rollingZone struct {
	name string
	ttl  int // of the keys, in seconds
	keys []rollingKey
	last int // day

	today   time.Time
	now     time.Time // by the clock of our resolvers
	dir     string
	files   map[string]string        // of the keys, by their names here
	anchors map[string]anchor.Anchor // the same
	come    map[string]int           // how many times of a key have come
	serial  int
	port    int
	server  *daemon
}

// serve makes the keys and starts the name server on the first day.
func (z *rollingZone) serve(t *testing.T) *rollingZone {
	t.Helper()
	if err := z.start(t); err != nil {
		t.Fatal(err)
	}
	return z
}

func (z *rollingZone) start(t *testing.T) (err error) {
	z.dir = t.TempDir() // which goes when the servers have ended
	lab.stopAfter(t)
	z.today = time.Now().UTC().Truncate(time.Second) // whose days have 24 hours
	z.files, z.anchors, z.come = make(map[string]string), make(map[string]anchor.Anchor), make(map[string]int)
	for _, k := range z.keys {
		// Without times: each stage has its own.
		if z.files[k.name], err = lab.makeKey(z.dir, z.name, "ECDSAP256SHA256", "-f", "KSK", "-G"); err != nil {
			return err
		}
		set, err := anchor.ReadFile(filepath.Join(z.dir, z.files[k.name]+".key"))
		if err != nil {
			return err
		}
		z.anchors[k.name] = set[0]
	}
	if _, err := lab.makeKey(z.dir, z.name, "ECDSAP256SHA256"); err != nil {
		return err
	}
	if err := z.sign(1); err != nil {
		return err
	}
	if z.port, err = freePort(); err != nil {
		return err
	}
	conf := fmt.Sprintf(namedOptions, z.port, "recursion no; dnssec-validation no;") +
		fmt.Sprintf("zone %q { type primary; file %q; };\n", z.name, z.path("signed"))
	if err := lab.startNamed(z.unique("named"), conf, z.serves); err != nil {
		return err
	}
	z.server = lab.daemons[len(lab.daemons)-1]
	return nil
}

func (z *rollingZone) path(name string) string { return filepath.Join(z.dir, name) }

// unique makes a name for a daemon out of one for its test.
func (z *rollingZone) unique(name string) string {
	return fmt.Sprintf("rollover-%s-%d", name, len(lab.daemons))
}

// at is an instant of a day.
func (z *rollingZone) at(day int) time.Time { return z.today.AddDate(0, 0, day-z.last) }

// turn goes on to a day, for our resolvers and the name server.
func (z *rollingZone) turn(t *testing.T, day int) {
	t.Helper()
	if err := z.sign(day); err != nil {
		t.Fatal(err)
	}
	if err := z.server.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if err := z.server.await(z.serves); err != nil {
		t.Fatal(err)
	}
}

// sign signs the zone as it is on a day. BIND's tools have no clock but the machine's, so
// the times of a key are moved instead, whenever one of them has come.
func (z *rollingZone) sign(day int) error {
	for _, k := range z.keys {
		argv := []string{"dnssec-settime", "-K", z.dir}
		come := 0
		for _, event := range []struct {
			option string
			day    int
		}{{"-P", k.publish}, {"-A", k.activate}, {"-R", k.revoke}, {"-D", k.remove}} {
			date := "none"
			if event.day != 0 {
				date = bindTime(z.today.AddDate(0, 0, event.day-day))
			}
			if event.day != 0 && event.day <= day {
				come++
			}
			argv = append(argv, event.option, date)
		}
		if come == z.come[k.name] {
			continue
		}
		z.come[k.name] = come
		if _, err := command(z.dir, append(argv, z.files[k.name])...); err != nil {
			return err
		}
	}
	z.now = z.at(day)
	z.serial++
	text := fmt.Sprintf("$TTL 300\n@ SOA ns hostmaster %d 7200 3600 86400 300\n@ NS ns\nns A 127.0.0.1\n", z.serial)
	if err := os.WriteFile(z.path("unsigned"), []byte(text), 0o644); err != nil {
		return err
	}
	// -P: the check of the result refuses a zone whose keys are all revoked.
	_, err := command(z.dir, "dnssec-signzone", "-q", "-P", "-S", "-K", z.dir, "-d", z.dir, "-o", z.name, "-O", "full",
		"-T", fmt.Sprint(z.ttl), "-s", bindTime(z.now.Add(-time.Hour)), "-e", bindTime(z.today.AddDate(0, 0, 60)),
		"-f", z.path("signed"), z.path("unsigned"))
	return err
}

func bindTime(at time.Time) string { return at.UTC().Format("20060102150405") }

// serves checks that the name server has the zone as it was signed last.
func (z *rollingZone) serves() error {
	reply, err := ask(address(z.port), z.name, dns.TypeSOA)
	if err != nil {
		return err
	}
	for _, rr := range reply.Answer {
		if soa, ok := rr.(*dns.SOA); ok && soa.Serial == uint32(z.serial) {
			return nil
		}
	}
	return fmt.Errorf("the zone with serial %d is not served", z.serial)
}

// ds is the DS records of keys, as lines.
func (z *rollingZone) ds(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintln(&b, z.anchors[name].Key.ToDS(dns.SHA256))
	}
	return b.String()
}

// resolver asks the zone's name server, and starts from the keys named first unless the
// store has something.
func (z *rollingZone) resolver(store anchor.Store, first ...string) *dnssec.Resolver {
	tracker := &anchor.Tracker{Store: store}
	for _, name := range first {
		tracker.Start = append(tracker.Start, anchor.Anchor{Zone: z.name, DS: z.anchors[name].Key.ToDS(dns.SHA256)})
	}
	return &dnssec.Resolver{
		Exchanger: poolOf(&upstream.Client{Address: address(z.port)}),
		Anchors:   tracker,
		Time:      func() time.Time { return z.now },
	}
}

// wantStatus looks up a name of the zone.
func (z *rollingZone) wantStatus(t *testing.T, r *dnssec.Resolver, want dnssec.Status) {
	t.Helper()
	l := lookup{"the zone that rolls its keys over", "ns." + z.name, dns.TypeA, want, dns.RcodeSuccess}
	l.check(t, r, 10*time.Second)
}

// tracked reads the keys in a state file, by their names here. An error is a file that is
// not of this zone alone, or has a key with the wrong flags for its state.
func (z *rollingZone) tracked(path string) (map[string]anchor.TrackedKey, error) {
	points, err := (&anchor.FileStore{Path: path, ReadOnly: true}).Load()
	if err != nil {
		return nil, err
	}
	if len(points) != 1 || points[0].Zone != z.name || len(points[0].DS) > 0 {
		return nil, fmt.Errorf("not the keys of one zone: %+v", points)
	}
	found := make(map[string]anchor.TrackedKey)
	for _, k := range points[0].Keys {
		name := fmt.Sprintf("unknown key %d", k.Key.KeyTag())
		for known, a := range z.anchors {
			if a.Key.PublicKey == k.Key.PublicKey {
				name = known
			}
		}
		if revoked := k.Key.Flags&dns.REVOKE != 0; revoked != (k.State == anchor.Revoked) {
			return nil, fmt.Errorf("%s is %s with flags %d", name, k.State, k.Key.Flags)
		}
		found[name] = k
	}
	return found, nil
}

// states is what a state file says of the keys.
type states map[string]anchor.State

func (z *rollingZone) statesIn(path string) (states, error) {
	keys, err := z.tracked(path)
	found := make(states)
	for name, k := range keys {
		found[name] = k.State
	}
	return found, err
}

// wantStates waits for the states in a file: a lookup does not wait for the refresh that it
// began.
func (z *rollingZone) wantStates(t *testing.T, path string, want states) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		got, err := z.statesIn(path)
		if err != nil {
			t.Fatal(err)
		}
		diff := cmp.Diff(want, got)
		if diff == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s has other keys or states (-want +got):\n%s", path, diff)
		}
	}
}

// startUnbound starts an Unbound that keeps its anchors in a file, and checks that it has
// no complaint.
func (z *rollingZone) startUnbound(t *testing.T, anchors, options string) (*daemon, string) {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	conf := fmt.Sprintf(unboundServer, port, "validator iterator") +
		fmt.Sprintf(" auto-trust-anchor-file: %q\n", anchors) + options +
		fmt.Sprintf("stub-zone:\n name: %q\n stub-addr: 127.0.0.1@%d\n", z.name, z.port)
	name := z.unique("unbound")
	file, err := lab.writeFile(name+".conf", conf)
	if err != nil {
		t.Fatal(err)
	}
	if output, err := command(lab.dir, "unbound-checkconf", file); err != nil {
		t.Fatal(output, err)
	}
	server := address(port)
	if err := lab.startDaemon(name, answers(server, "ns."+z.name, dns.TypeA), lab.path("bin-unbound"), "-d", "-c", file); err != nil {
		t.Fatal(err)
	}
	d := lab.daemons[len(lab.daemons)-1]
	t.Cleanup(func() {
		log, err := os.ReadFile(d.log)
		if err != nil || strings.Contains(string(log), " error: ") {
			t.Errorf("unbound complains: %v\n%s", err, log)
		}
	})
	return d, server
}

// wantAD asks a validating server.
func (z *rollingZone) wantAD(t *testing.T, server string, want bool) {
	t.Helper()
	reply, err := ask(server, "ns."+z.name, dns.TypeA)
	if err != nil || reply.Rcode != dns.RcodeSuccess || len(reply.Answer) == 0 || reply.AuthenticatedData != want {
		t.Errorf("%v\n%v\nwant an answer with AD %t", err, reply, want)
	}
}

func copyFile(t *testing.T, from, to string) string {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return to
}
