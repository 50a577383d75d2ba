package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/examples/daneverify/internal/nsupdate/nsupdatetest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

const (
	updateKey   = "hmac-sha256:ddns:7iDm0VDNa15o8OXv/HIFDrM/YmmT39DgV3l0Xx+7OoY="
	updateOwner = "_25._tcp.mx.example."
)

// An updater is a publisher whose servers get their zone from a hidden primary, 192.0.2.53.
type updater struct {
	*publisher
	primary  *nsupdatetest.Primary
	presents *tlsatest.Certificate // by the mail server; nil if it is down
	key      string                // file
}

func newUpdater(t *testing.T, change func(*dnssectest.Zone, *publisher)) *updater {
	u := &updater{publisher: newPublisher(t, change)}
	_, secret, _ := strings.Cut(updateKey, "ddns:")
	u.primary = &nsupdatetest.Primary{Zone: "example.", KeyName: "ddns.", KeyAlgo: dns.HmacSHA256, Secret: secret}
	u.primary.Set(updateOwner, u.text(u.current))
	u.key = u.raw("ddns.key", updateKey)
	if err := os.Chmod(u.key, 0o600); err != nil {
		t.Fatal(err)
	}
	u.presents = u.current
	return u
}

func (u *updater) text(c *tlsatest.Certificate) string { return "TLSA " + u.record(c).String() }

// sync has the name servers get what the primary has.
func (u *updater) sync() {
	var records []tlsa.Record
	for _, text := range u.primary.Get(updateOwner) {
		records = append(records, must(tlsa.Parse(strings.TrimPrefix(text, "TLSA "))))
	}
	u.publish(records, 1, 2, 3)
}

func (u *updater) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if address == "192.0.2.53:53" {
		return u.primary.Dial(ctx, network, address)
	}
	return u.publisher.dial(ctx, network, address)
}

func (u *updater) dialMail(ctx context.Context, network, address string) (net.Conn, error) {
	if u.presents == nil {
		return nil, fmt.Errorf("%s: connection refused", address)
	}
	return smtptest.NewUnstartedServer(u.presents.TLS()).Dial(ctx, network, address)
}

// update runs the command.
func (u *updater) update(args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	tool := &tlsaTool{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, now: time.Now, zones: zoneNetwork{
		resolver: &dnssec.Resolver{Exchanger: u.world, Anchors: u.world.Anchors()}, dial: u.dial, timeout: time.Second,
	}, network: serverNetwork{dial: u.dialMail}}
	usual := []string{"update", "-server", "192.0.2.53", "-key", u.key, "-current", u.oldPEM, "-next", u.file, "mx.example"}
	status = tool.run(u.Context(), append(usual, args...))
	return status, out.String(), errs.String()
}

func TestTLSAUpdate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		zone   func(*dnssectest.Zone, *publisher)
		world  func(*updater)
		args   []string
		status int
		want   string
		has    string // what the primary has in the end: old, next, other
	}{
		{name: "the first step", want: "next: daneverify tlsa wait -cert ", has: "next old"},
		{name: "the first step, though the next certificate is installed", args: []string{"-deployed"}, world: func(u *updater) { u.presents = u.next }, want: "DONE", has: "next old"},
		{name: "the first step again, before the servers have it", world: func(u *updater) { u.primary.Set(updateOwner, u.text(u.current), u.text(u.next)) }, want: "ALREADY THERE", has: "next old"},
		{name: "the first step again, while one has it", world: func(u *updater) {
			u.primary.Set(updateOwner, u.text(u.current), u.text(u.next))
			u.publish(u.both(), 1)
		}, want: "ALREADY THERE", has: "next old"},
		{name: "the second step", world: func(u *updater) { u.both2(); u.presents = u.next }, args: []string{"-deployed"}, want: "next: destroy the old key at 20", has: "next"},
		{name: "the second step, while the old certificate is installed", world: func(u *updater) { u.both2() }, args: []string{"-deployed"}, status: 1, want: "presents the old certificate", has: "next old"},
		{name: "the second step, while another is installed", world: func(u *updater) {
			u.both2()
			u.presents = tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{"mx.example"}})
		}, args: []string{"-deployed"}, status: 1, want: "senders would not accept", has: "next old"},
		{name: "the second step, while the server is down", world: func(u *updater) { u.both2(); u.presents = nil }, args: []string{"-deployed"}, status: 2, want: "it is not known what it presents", has: "next old"},
		{name: "the second step, before the servers have the first", world: func(u *updater) {
			u.primary.Set(updateOwner, u.text(u.current), u.text(u.next))
			u.presents = u.next
		}, args: []string{"-deployed"}, status: 1, want: "do not have the records that the primary has", has: "next old"},
		{name: "the second step again", world: func(u *updater) {
			u.primary.Set(updateOwner, u.text(u.next))
			u.sync()
			u.presents = u.next
		}, args: []string{"-deployed"}, want: "ALREADY THERE", has: "next"},
		{name: "servers that differ", world: func(u *updater) { u.publish(u.both(), 3) }, status: 1, want: "the name servers differ", has: "old"},
		{name: "servers that have something else than the primary", world: func(u *updater) { u.publish(u.both(), 1, 2, 3) }, status: 1, want: "do not have the records that the primary has", has: "old"},
		{name: "a silent name server", world: func(u *updater) { u.said["192.0.2.2"] = func(*dns.Msg) bool { return false } }, status: 2, want: "ns2.example (192.0.2.2)", has: "old"},
		{name: "a certificate of another name", args: []string{"-next", "OTHER"}, want: "is for www.example, not for mx.example", has: "old other"},
		{name: "an unsigned zone", zone: func(z *dnssectest.Zone, _ *publisher) { z.Unsigned = true }, status: 1, want: "nobody will use the records", has: "old"},
		{name: "a bogus zone", zone: func(z *dnssectest.Zone, _ *publisher) {
			z.Faults = map[string]dnssectest.Fault{dnssectest.WholeZone: dnssectest.BadSignature}
		}, status: 1, want: "bogus", has: "old"},
		{name: "records that do not match the current certificate", world: func(u *updater) {
			u.primary.Set(updateOwner, "TLSA 3 1 1 "+strings.Repeat("ee", 32))
			u.sync()
		}, status: 1, want: "there is no plan", has: "other"},
		{name: "somebody else changes the set meanwhile", world: func(u *updater) {
			u.primary.Before = func(m *dns.Msg) {
				if m.Opcode == dns.OpcodeUpdate {
					u.primary.Set(updateOwner, u.text(u.current), "TLSA 3 1 1 "+strings.Repeat("ee", 32))
				}
			}
		}, status: 1, want: "NXRRSET", has: "old other"},
		{name: "the reply gets lost", world: func(u *updater) {
			u.primary.Reply = func(q, _ *dns.Msg) bool { return q.Opcode != dns.OpcodeUpdate }
		}, want: "DONE", has: "next old"},
		{name: "a primary that says it is done, and has not", world: func(u *updater) {
			u.primary.Reply = func(q, reply *dns.Msg) bool {
				if q.Opcode == dns.OpcodeUpdate {
					u.primary.Set(updateOwner, u.text(u.current))
				}
				return true
			}
		}, status: 1, want: "has other records than it should have", has: "old"},
		{name: "a primary that refuses", world: func(u *updater) { u.primary.NoUpdates = true }, status: 2, want: "REFUSED", has: "old"},
		{name: "another secret", world: func(u *updater) { u.primary.Secret = "AAAA" }, status: 2, want: "BADSIG", has: "old"},
		{name: "another clock", world: func(u *updater) { u.primary.Skew = -time.Hour }, status: 2, want: "BADTIME", has: "old"},
		{name: "the primary of another zone", world: func(u *updater) { u.primary.Zone = "mx.example." }, status: 2, want: "ask the primary that the name servers have their zone from", has: "old"},
		{name: "an alias at the primary that leads elsewhere", world: func(u *updater) { u.primary.Set(updateOwner, "CNAME set.other.") }, status: 2, want: "does not serve the zone", has: "other"},
		{name: "a script", args: []string{"-dry-run"}, want: "prereq yxrrset", has: "old"},
		{name: "a script, of nothing", args: []string{"-dry-run", "-next", "OLD"}, want: "ALREADY THERE", has: "old"},
		{name: "another scheme, of the same certificate", args: []string{"-next", "OLD", "-scheme", "key+issuer"}, want: "IN TLSA 2 1 1", has: "old other"},
		{name: "another scheme, once the issuer's record is there", args: []string{"-next", "OLD", "-scheme", "issuer"}, world: func(u *updater) {
			u.primary.Set(updateOwner, u.text(u.current), "TLSA "+u.current.Issuer.Record(tlsa.SPKI, tlsa.SHA256).String())
			u.sync()
		}, want: "removed", has: "other"},
		{name: "a key that everybody can read", world: func(u *updater) { os.Chmod(u.key, 0o644) }, want: "warning: everybody on this machine can read the key", has: "next old"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				u := newUpdater(t, tt.zone)
				if tt.world != nil {
					tt.world(u)
				}
				args := slices.Clone(tt.args)
				for i := range args {
					args[i] = strings.NewReplacer("OLD", u.oldPEM, "OTHER", otherName(u.publisher)).Replace(args[i])
				}
				status, stdout, stderr := u.update(args...)
				if status != tt.status || !strings.Contains(stdout+stderr, tt.want) || status != 0 && (stdout != "" || strings.Count(stderr, "\n") != 1) {
					t.Errorf("exit status %d, want %d with %q\n%s%s", status, tt.status, tt.want, stdout, stderr)
				}
				if strings.Contains(stdout+stderr, u.primary.Secret[:4]) {
					t.Error("it tells the secret")
				}
				if diff := cmp.Diff(tt.has, u.has()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// both2 has all servers serve both records.
func (u *updater) both2() {
	u.primary.Set(updateOwner, u.text(u.current), u.text(u.next))
	u.sync()
}

// has says what the primary has, in words.
func (u *updater) has() string {
	found := map[string]bool{}
	for _, text := range u.primary.Get(updateOwner) {
		switch text {
		case u.text(u.current):
			found["old"] = true
		case u.text(u.next):
			found["next"] = true
		default:
			found["other"] = true
		}
	}
	var all []string
	for _, word := range []string{"next", "old", "other"} {
		if found[word] {
			all = append(all, word)
		}
	}
	return strings.Join(all, " ")
}

// A rollover as one would do it, with the JSON of each step. The TTL stays what it was.
func TestTLSAUpdateWholeRollover(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := newUpdater(t, nil)
		want := func(result, step string, args ...string) {
			t.Helper()
			status, stdout, stderr := u.update(append(args, "-json")...)
			var got jsonUpdate
			if err := json.Unmarshal([]byte(stdout), &got); err != nil || status != 0 || got.Result != result || got.Step != step || got.Owner != updateOwner {
				t.Fatalf("exit status %d, %v, want %s %s\n%s%s", status, err, result, step, stdout, stderr)
			}
			if ttl := u.primary.TTL(updateOwner); ttl != 600 {
				t.Errorf("TTL %d", ttl)
			}
		}
		want("done", "publish")
		want("already", "deploy")
		if status, stdout, _ := u.run(t.Context(), "check", "-cert", u.file, "-state", u.state, "mx.example"); status != 1 {
			t.Errorf("before the servers have it: %s", stdout)
		}
		u.sync()
		if status, stdout, _ := u.run(t.Context(), "wait", "-cert", u.file, "-state", u.state, "mx.example"); status != 0 {
			t.Errorf("wait: %s", stdout)
		}
		u.presents = u.next
		want("done", "withdraw", "-deployed")
		u.sync()
		if status, stdout, _ := u.run(t.Context(), "check", "-cert", u.file, "-state", u.state, "mx.example"); status != 0 {
			t.Errorf("in the end: %s", stdout)
		}
		if n := u.primary.Updates(); n != 2 {
			t.Errorf("%d updates", n)
		}
	})
}

// What is not understood asks nobody.
func TestTLSAUpdateRefuses(t *testing.T) {
	t.Parallel()
	u := newUpdater(t, nil)
	for want, args := range map[string][]string{
		"-server ADDR":        {"-server", ""},
		"a port from 1":       {"-server", "192.0.2.53:0"},
		"-key FILE":           {"-key", ""},
		"no such file":        {"-key", "/nonexistent"},
		"no key in a form":    {"-key", u.raw("bad.key", "secret")},
		"-current FILE":       {"-current", ""},
		"no certificate":      {"-next", u.key},
		"-deployed is about":  {"-next", "", "-deployed"},
		"two forms of output": {"-dry-run", "-json"},
		"-ttl":                {"-ttl", "4294967296"},
		"-scheme":             {"-scheme", "x"},
		"one too many":        {"other.example"},
	} {
		if status, stdout, stderr := u.update(args...); status != 2 || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%q: exit status %d, %s%s; want %q", args, status, stdout, stderr, want)
		}
	}
	if len(u.world.Questions()) > 0 {
		t.Errorf("asked: %v", u.world.Questions())
	}
}
