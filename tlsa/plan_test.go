package tlsa_test

import (
	"crypto/x509"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// A site has what a rollover is about: two certificates of one authority, one of another,
// and a renewal of the first with the same key.
type site struct {
	old, next, elsewhere, renewed *tlsatest.Certificate
	ca, otherCA                   *tlsatest.CA
}

func newSite() site {
	leaf := tlsatest.Leaf{Names: []string{mx}}
	ca, other := tlsatest.NewCA(tlsatest.Authority{Time: noon}), tlsatest.NewCA(tlsatest.Authority{Name: "Other", Time: noon})
	s := site{ca: ca, otherCA: other, old: ca.Issue(leaf), next: ca.Issue(leaf), elsewhere: other.Issue(leaf)}
	s.renewed = ca.Issue(tlsatest.Leaf{Names: []string{mx}, Key: s.old.Key})
	return s
}

// records reads records such as "3 1 1 old, 2 1 1 ca". What is not of this form is read as
// it stands.
func (s site) records(t *testing.T, text string) []tlsa.Record {
	t.Helper()
	var all []tlsa.Record
	for part := range strings.SplitSeq(text, ", ") {
		var u, sel, m uint8
		var whose string
		if text == "" {
			break
		}
		if _, err := fmt.Sscanf(part, "%d %d %d %s", &u, &sel, &m, &whose); err != nil {
			t.Fatal(part, err)
		}
		cert, known := s.certificates()[whose]
		if !known {
			all = append(all, mustParse(part))
			continue
		}
		all = append(all, record(tlsa.Usage(u), tlsa.Selector(sel), tlsa.Matching(m), cert))
	}
	return all
}

func (s site) certificates() map[string]*x509.Certificate {
	return map[string]*x509.Certificate{
		"old": s.old.Leaf, "next": s.next.Leaf, "elsewhere": s.elsewhere.Leaf,
		"renewed": s.renewed.Leaf, "ca": s.ca.Certificate, "other": s.otherCA.Certificate,
	}
}

// name writes records as records reads them.
func (s site) name(set []tlsa.Record) string {
	var all []string
	for _, r := range set {
		text := r.String()
		for _, whose := range []string{"old", "next", "elsewhere", "renewed", "ca", "other"} {
			if as, err := tlsa.New(r.Usage, r.Selector, r.Matching, s.certificates()[whose]); err == nil && as.Equal(r) {
				text = fmt.Sprintf("%d %d %d %s", r.Usage, r.Selector, r.Matching, whose)
				break
			}
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// plan writes a plan down, a task a line.
func (s site) plan(tasks []tlsa.Task) string {
	var b strings.Builder
	for _, task := range tasks {
		fmt.Fprintf(&b, "%v after %v", task.Kind, task.NotBefore.Sub(noon))
		if len(task.Add) > 0 {
			fmt.Fprintf(&b, " + %s", s.name(task.Add))
		}
		if len(task.Remove) > 0 {
			fmt.Fprintf(&b, " - %s", s.name(task.Remove))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestPlan(t *testing.T) {
	t.Parallel()
	const hour = time.Hour
	s := newSite()
	zone := tlsa.Rollover{TTL: hour, NegativeTTL: 5 * time.Minute, Propagation: 10 * time.Minute, SignatureValidity: 14 * 24 * hour}
	since := func(d time.Duration) tlsa.Rollover { z := zone; z.Since = noon.Add(-d); return z }
	with := func(scheme tlsa.Scheme) tlsa.Rollover { z := zone; z.Scheme = scheme; return z }
	for _, c := range []struct {
		name      string
		published string
		current   *tlsatest.Certificate // nil means old
		next      *tlsatest.Certificate // nil means next
		other     *tlsatest.Certificate // beside them; nil means that there is no other
		rollover  tlsa.Rollover
		want      string
	}{
		{
			name: "the usual one", published: "3 1 1 old", rollover: zone,
			want: "publish after 0s + 3 1 1 next\ndeploy after 1h10m0s\nwithdraw after 1h10m0s - 3 1 1 old\nretire after 337h10m0s\n",
		},
		{
			name: "the next key is there, and it is not known for how long", published: "3 1 1 old, 3 1 1 next", rollover: zone,
			want: "deploy after 1h10m0s\nwithdraw after 1h10m0s - 3 1 1 old\nretire after 337h10m0s\n",
		},
		{
			name: "the next key is there for less than the TTL", published: "3 1 1 old, 3 1 1 next", rollover: since(20 * time.Minute),
			want: "deploy after 40m0s\nwithdraw after 40m0s - 3 1 1 old\nretire after 336h40m0s\n",
		},
		{
			name: "the next key is there for exactly the TTL", published: "3 1 1 old, 3 1 1 next", rollover: since(hour),
			want: "deploy after 0s\nwithdraw after 0s - 3 1 1 old\nretire after 336h0m0s\n",
		},
		{
			name: "the next key is deployed already", published: "3 1 1 old, 3 1 1 next", current: s.next, rollover: zone,
			want: "", // the old record matches neither: Check tells
		},
		{
			name: "the same key in a new certificate", published: "3 1 1 old", next: s.renewed, rollover: zone,
			want: "deploy after 0s\n",
		},
		{
			name: "the same key in a new certificate, by records that are new", published: "3 1 1 old", next: s.renewed, rollover: since(0),
			want: "deploy after 1h0m0s\n",
		},
		{
			name: "the same key in a new certificate, of which there is a digest, too", published: "3 1 1 old, 3 0 1 old", next: s.renewed, rollover: zone,
			want: "publish after 0s + 3 0 1 renewed\ndeploy after 1h10m0s\nwithdraw after 1h10m0s - 3 0 1 old\n",
		},
		{
			name: "the same certificate", published: "3 1 1 old", next: s.old, rollover: zone, want: "",
		},
		{
			name: "two digests: each must match at any time (RFC 7671 §8.4)", published: "3 1 1 old, 3 1 2 old", rollover: zone,
			want: "publish after 0s + 3 1 1 next, 3 1 2 next\ndeploy after 1h10m0s\nwithdraw after 1h10m0s - 3 1 1 old, 3 1 2 old\nretire after 337h10m0s\n",
		},
		{
			name: "the record in full", published: "3 1 0 old", rollover: zone,
			want: "publish after 0s + 3 1 0 next\ndeploy after 1h10m0s\nwithdraw after 1h10m0s - 3 1 0 old\nretire after 337h10m0s\n",
		},

		{
			name: "key and issuer, of which the issuer stays (RFC 7671 §8.1)", published: "3 1 1 old, 2 1 1 ca", rollover: zone,
			want: "deploy after 0s\nwithdraw after 0s + 3 1 1 next - 3 1 1 old\nretire after 336h0m0s\n",
		},
		{
			name: "key and issuer, of which the issuer stays, but not for long yet", published: "3 1 1 old, 2 1 1 ca", rollover: since(50 * time.Minute),
			want: "deploy after 10m0s\nwithdraw after 10m0s + 3 1 1 next - 3 1 1 old\nretire after 336h10m0s\n",
		},
		{
			name: "key and issuer, of which both change", published: "3 1 1 old, 2 1 1 ca", next: s.elsewhere, rollover: zone,
			want: "publish after 0s + 3 1 1 elsewhere, 2 1 1 other\ndeploy after 1h10m0s\nwithdraw after 1h10m0s - 3 1 1 old, 2 1 1 ca\nretire after 337h10m0s\n",
		},
		{
			name: "issuer alone, which stays", published: "2 1 1 ca", rollover: zone, want: "deploy after 0s\n",
		},
		{
			name: "issuer alone, which changes", published: "2 1 1 ca", next: s.elsewhere, rollover: zone,
			want: "publish after 0s + 2 1 1 other\ndeploy after 1h10m0s\nwithdraw after 1h10m0s - 2 1 1 ca\nretire after 337h10m0s\n",
		},

		{
			name: "to key and issuer", published: "3 1 1 old", rollover: with(tlsa.KeyAndIssuer),
			want: "publish after 0s + 3 1 1 next, 2 1 1 ca\ndeploy after 1h10m0s\nwithdraw after 1h10m0s - 3 1 1 old\nretire after 337h10m0s\n",
		},
		{
			name: "to key and issuer, with no other certificate", published: "3 1 1 old", next: s.old, rollover: with(tlsa.KeyAndIssuer),
			want: "withdraw after 0s + 2 1 1 ca\n",
		},
		{
			name: "from key and issuer to the issuer alone", published: "3 1 1 old, 2 1 1 ca", rollover: with(tlsa.IssuerOnly),
			want: "deploy after 0s\nwithdraw after 0s - 3 1 1 old\nretire after 336h0m0s\n",
		},
		{
			name: "from the issuer to keys", published: "2 1 1 ca", rollover: with(tlsa.CurrentAndNext),
			want: "deploy after 0s\nwithdraw after 0s + 3 1 1 next - 2 1 1 ca\nretire after 336h0m0s\n",
		},

		{
			name: "nothing is published", published: "", rollover: zone,
			want: "publish after 0s + 3 1 1 next, 3 1 1 old\ndeploy after 0s\nwithdraw after 0s - 3 1 1 old\nretire after 336h0m0s\n",
		},
		{
			name: "nothing is published, and the certificate stays", published: "", next: s.old, rollover: with(tlsa.KeyAndIssuer),
			want: "publish after 0s + 3 1 1 old, 2 1 1 ca\n",
		},
		{
			name: "what is published is not usable", published: "3 1 1 ab12, 1 1 1 old", next: s.old, rollover: zone,
			want: "publish after 0s + 3 1 1 old\n",
		},
		{
			name: "beside a record that is not usable, which stays", published: "3 1 1 old, 3 1 1 ab12", rollover: zone,
			want: "publish after 0s + 3 1 1 next\ndeploy after 1h10m0s\nwithdraw after 1h10m0s - 3 1 1 old\nretire after 337h10m0s\n",
		},
		{
			name: "beside a record of another certificate, which stays", published: "3 1 1 elsewhere, 3 1 1 old", rollover: zone,
			want: "publish after 0s + 3 1 1 next\ndeploy after 1h10m0s\nwithdraw after 1h10m0s - 3 1 1 old\nretire after 337h10m0s\n",
		},
		{
			name: "one of two certificates", published: "3 1 1 elsewhere, 3 1 1 old", other: s.elsewhere, rollover: zone,
			want: "publish after 0s + 3 1 1 next\ndeploy after 1h10m0s\nwithdraw after 1h10m0s - 3 1 1 old\nretire after 337h10m0s\n",
		},
		{
			name: "one of two certificates of an issuer, of which the other stays", published: "2 1 1 ca", next: s.elsewhere, other: s.next, rollover: zone,
			want: "publish after 0s + 2 1 1 other\ndeploy after 1h10m0s\n",
		},
		{
			name: "to key and issuer, with two certificates", published: "3 1 1 old, 3 1 1 elsewhere", other: s.elsewhere, rollover: with(tlsa.KeyAndIssuer),
			want: "publish after 0s + 3 1 1 next, 2 1 1 ca, 2 1 1 other\ndeploy after 1h10m0s\nwithdraw after 1h10m0s - 3 1 1 old\nretire after 337h10m0s\n",
		},
		{
			name: "nothing is published for two certificates, which stay", published: "", next: s.old, other: s.elsewhere, rollover: zone,
			want: "publish after 0s + 3 1 1 old, 3 1 1 elsewhere\n",
		},
		{
			name: "a TTL of 0, and nothing else to wait for", published: "3 1 1 old",
			want: "publish after 0s + 3 1 1 next\ndeploy after 0s\nwithdraw after 0s - 3 1 1 old\nretire after 0s\n",
		},
		{
			name: "a TTL of a week, and signatures that are valid for less", published: "3 1 1 old",
			rollover: tlsa.Rollover{TTL: 7 * 24 * hour, Propagation: hour, SignatureValidity: 24 * hour},
			want:     "publish after 0s + 3 1 1 next\ndeploy after 169h0m0s\nwithdraw after 169h0m0s - 3 1 1 old\nretire after 338h0m0s\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := c.rollover
			r.Current, r.Next = s.old.Chain(), s.next.Chain()
			if c.current != nil {
				r.Current = c.current.Chain()
			}
			if c.next != nil {
				r.Next = c.next.Chain()
			}
			if c.other != nil {
				r.Others = [][]*x509.Certificate{c.other.Chain()}
			}
			v := &tlsa.Verifier{Records: s.records(t, c.published), Names: []string{mx}, Time: atNoon}
			tasks, err := v.Plan(r)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, s.plan(tasks)); diff != "" {
				t.Error(diff)
			}
			in := v.Records
			for _, task := range tasks {
				in = slices.DeleteFunc(append(slices.Clone(in), task.Add...), func(r tlsa.Record) bool {
					return slices.ContainsFunc(task.Remove, r.Equal)
				})
				if diff := cmp.Diff(in, task.Records); diff != "" || task.Why == "" {
					t.Errorf("%v: records %s, why %q", task.Kind, diff, task.Why)
				}
			}
		})
	}
}

func TestPlanRefuses(t *testing.T) {
	t.Parallel()
	s := newSite()
	old, next := s.old.Chain(), s.next.Chain()
	expired := s.ca.Issue(tlsatest.Leaf{Names: []string{mx}, Faults: tlsatest.Expired})
	wrong := s.ca.Issue(tlsatest.Leaf{Names: []string{mx}, Faults: tlsatest.WrongName})
	for _, c := range []struct {
		name, published string
		rollover        tlsa.Rollover
		want            tlsa.Reason
		text            string
	}{
		{"no chains", "3 1 1 old", tlsa.Rollover{}, tlsa.ReasonPlan, "chain has no certificate"},
		{"no next chain", "3 1 1 old", tlsa.Rollover{Current: old}, tlsa.ReasonPlan, "the next chain has no certificate"},
		{"no current chain", "3 1 1 old", tlsa.Rollover{Next: next}, tlsa.ReasonPlan, "the current chain has no certificate"},
		{"a certificate that nobody parsed", "3 1 1 old", tlsa.Rollover{Current: old, Next: certificates(new(x509.Certificate))}, tlsa.ReasonPlan, "the next chain has no certificate"},
		{"a chain whose leaf is last", "3 1 1 old", tlsa.Rollover{Current: old, Next: reversed(next)}, tlsa.ReasonPlan, "the next chain does not begin with the server's certificate"},
		{"another chain without a certificate", "3 1 1 old", tlsa.Rollover{Current: old, Next: next, Others: [][]*x509.Certificate{nil}}, tlsa.ReasonPlan, "the other chain has no certificate"},
		{"another chain that matches nothing now", "3 1 1 old", tlsa.Rollover{Current: old, Next: next, Others: [][]*x509.Certificate{s.elsewhere.Chain()}}, tlsa.ReasonMismatch, "another chain, before deployment"},
		{"a TTL below zero", "3 1 1 old", tlsa.Rollover{Current: old, Next: next, TTL: -1}, tlsa.ReasonPlan, "TTL below zero"},
		{"a propagation below zero", "3 1 1 old", tlsa.Rollover{Current: old, Next: next, Propagation: -1}, tlsa.ReasonPlan, "propagation below zero"},
		{"a scheme that does not exist", "3 1 1 old", tlsa.Rollover{Current: old, Next: next, Scheme: 9}, tlsa.ReasonPlan, "unknown scheme"},
		{"an issuer that is not presented", "3 1 1 old", tlsa.Rollover{Current: old, Next: next[:1], Scheme: tlsa.KeyAndIssuer}, tlsa.ReasonPlan, "the next chain has no certificate of an issuer"},
		{"records that do not match the current chain", "3 1 1 elsewhere", tlsa.Rollover{Current: old, Next: next}, tlsa.ReasonMismatch, "the current chain, now"},
		{"records that a stronger digest of another key suppresses", "3 1 1 old, 3 1 2 elsewhere", tlsa.Rollover{Current: old, Next: next}, tlsa.ReasonMismatch, ""},
		{"a digest of another key that suppresses the next record for some senders", "2 0 2 ca, 3 0 2 old, 3 0 1 renewed",
			tlsa.Rollover{Current: old, Next: s.elsewhere.Chain(), Scheme: tlsa.CurrentAndNext}, tlsa.ReasonMismatch, ""},
		{"a next certificate that has expired, where that counts", "2 1 1 ca", tlsa.Rollover{Current: old, Next: expired.Chain()}, tlsa.ReasonExpired, ""},
		{"a next certificate for another name, where that counts", "2 1 1 ca", tlsa.Rollover{Current: old, Next: wrong.Chain()}, tlsa.ReasonName, ""},
		{"a wait that outlasts the next certificate, where that counts", "2 1 1 ca",
			tlsa.Rollover{Current: old, Next: s.elsewhere.Chain(), TTL: 100 * 24 * time.Hour}, tlsa.ReasonExpired, "the next chain, when it is deployed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := &tlsa.Verifier{Records: s.records(t, c.published), Names: []string{mx}, Time: atNoon}
			tasks, err := v.Plan(c.rollover)
			if reasonOf(t, err) != c.want || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%s, error %v, want %v: %s", s.plan(tasks), err, c.want, c.text)
			}
		})
	}
}

// TestPlanIsSafe follows random plans, and lets senders come at every instant with whatever
// a cache may hold: none of them finds that it does not match, whichever digest it prefers.
func TestPlanIsSafe(t *testing.T) {
	t.Parallel()
	s := newSite()
	random := mathrand.New(mathrand.NewPCG(7671, 8))
	servers := []*tlsatest.Certificate{s.old, s.next, s.elsewhere, s.renewed}
	kinds := map[tlsa.TaskKind]int{}
	for range 500 {
		from, to := servers[random.IntN(4)], servers[random.IntN(4)]
		v := &tlsa.Verifier{Names: []string{mx}, Time: atNoon}
		for range random.IntN(4) {
			of := servers[random.IntN(4)]
			r := of.Record(tlsa.Selector(random.IntN(2)), tlsa.Matching(random.IntN(3)))
			if random.IntN(3) == 0 {
				r = of.Issuer.Record(tlsa.Selector(random.IntN(2)), tlsa.Matching(random.IntN(3)))
			}
			v.Records = append(v.Records, r)
		}
		r := tlsa.Rollover{
			Current: from.Chain(), Next: to.Chain(), Scheme: tlsa.Scheme(random.IntN(4)),
			TTL: time.Duration(random.IntN(3)) * time.Hour, Propagation: time.Duration(random.IntN(2)) * time.Minute,
		}
		if random.IntN(3) == 0 {
			r.Others = [][]*x509.Certificate{servers[random.IntN(4)].Chain()}
		}
		tasks, err := v.Plan(r)
		if err != nil {
			reasonOf(t, err)
			continue
		}
		for _, task := range tasks {
			kinds[task.Kind]++
		}
		for _, order := range [][]tlsa.Matching{nil, {tlsa.SHA256, tlsa.SHA512}} {
			if text := followed(v, order, r, tasks); text != "" {
				t.Fatalf("order %v, published %s, from %s to %s:\n%s%s", order, s.name(v.Records),
					s.name(records(from.Record(tlsa.Cert, tlsa.SHA256))), s.name(records(to.Record(tlsa.Cert, tlsa.SHA256))), s.plan(tasks), text)
			}
		}
	}
	for kind := tlsa.TaskPublish; kind <= tlsa.TaskRetire; kind++ {
		if kinds[kind] < 30 {
			t.Errorf("%v is in %d plans only", kind, kinds[kind])
		}
	}
}

// followed returns what goes wrong when a plan is followed as fast as it allows, for
// senders that prefer digests in this order. Those who did not accept the server before it
// are not meant.
func followed(v *tlsa.Verifier, order []tlsa.Matching, r tlsa.Rollover, tasks []tlsa.Task) string {
	now := tlsa.Verifier{Records: v.Records, Names: v.Names, Time: atNoon, DigestOrder: order}
	if _, err := now.Verify(r.Current); err != nil && len(v.Records) > 0 {
		return ""
	}
	others := r.Others
	for _, other := range others {
		if _, err := now.Verify(other); err != nil && len(v.Records) > 0 {
			others = nil
		}
	}
	type held struct { // records that a cache may hold
		records []tlsa.Record
		until   time.Time // zero: they are in DNS
	}
	sets, chain, at := []held{{records: v.Records}}, r.Current, noon
	for _, task := range append(tasks, tlsa.Task{NotBefore: noon.Add(1000 * time.Hour)}) {
		if task.NotBefore.Before(at) {
			return "a task comes before the one before it"
		}
		for _, now := range []time.Time{at, task.NotBefore.Add(-1)} {
			for _, set := range sets {
				if now.Before(at) || !set.until.IsZero() && !set.until.After(now) || len(set.records) == 0 {
					continue
				}
				sender := tlsa.Verifier{Records: set.records, Names: v.Names, Time: atNoon, DigestOrder: order}
				for _, presented := range append(others, chain) {
					if _, err := sender.Verify(presented); err != nil {
						return fmt.Sprintf("after %v: %v", now.Sub(noon), err)
					}
				}
			}
		}
		at = task.NotBefore
		if task.Kind == tlsa.TaskDeploy {
			chain = r.Next
		}
		if len(task.Add)+len(task.Remove) > 0 {
			sets[len(sets)-1].until = at.Add(r.Propagation + r.TTL)
			sets = append(sets, held{records: task.Records})
		}
	}
	return ""
}
