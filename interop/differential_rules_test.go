//go:build interop

package interop

import (
	"slices"
	"strings"

	"github.com/danesmtp/danesmtp/dnssec"
)

// A rule says why a peer has another opinion than we: which of us the standards
// support, or that they allow both. It applies to a fault, whatever the seed.
type rule struct {
	peers        string // separated by blanks
	fault        string // a part of its name; empty: even without one
	ours, theirs []dnssec.Status
	reason       string // a part of ours; empty: any
	denial       bool   // there are no records in the answer
	why          string
}

var (
	valid = []dnssec.Status{dnssec.Secure, dnssec.Insecure}
	bogus = []dnssec.Status{dnssec.Bogus}
)

// rules are the differences from Unbound 1.17 and delv 9.18 that are known.
var rules = []rule{
	// The peers let pass what we do not.
	{
		peers: "Unbound", fault: "is revoked", ours: bogus, theirs: valid,
		why: "uses revoked keys. They are good for nothing but to sign themselves (RFC 5011 §2.1)",
	},
	{
		peers: "delv", fault: "the KSK is no zone key", ours: bogus, theirs: valid, reason: "Zone Key flag is not set",
		why: "lets a key sign the keys that is no zone key. It must not verify any signature (RFC 4034 §2.1.1)",
	},
	{
		peers: "delv", fault: "the KSK has protocol 2", ours: bogus, theirs: valid, reason: "protocol is not 3",
		why: "lets a key with another protocol sign the keys. It is invalid (RFC 4034 §2.1.2)",
	},
	{
		peers: "Unbound", fault: "signature of the keys: of the zone above", ours: bogus, theirs: valid,
		why: "asked for a zone's keys, takes them as the zone's above. The signer is the zone that has the RRset (RFC 4035 §5.3.1)",
	},
	{
		peers: "Unbound", fault: "the DS record with SHA-1 matches, that with SHA-256 does not", ours: bogus, theirs: valid, reason: "no key matches a DS record",
		why: "takes a SHA-1 digest beside one by SHA-256 that does not match. It is to be ignored (RFC 4509 §3)",
	},
	{
		peers: "Unbound", fault: "the DS record with SHA-1 matches, that with SHA-256 does not", ours: bogus, theirs: valid, reason: "key too small",
		why: "the same, where a short key has a DS record with SHA-256, too",
	},
	{
		peers: "Unbound", fault: "signature of the DS: made for the wildcard", ours: bogus, theirs: valid, reason: "expanded from a wildcard",
		why: "takes DS records that a wildcard gave. They mean nothing there (RFC 4592 §4.6), and nobody has proven that there are none (RFC 4035 §5.3.4)",
	},
	{
		peers: "Unbound", fault: "signature of an answer: made for the wildcard", ours: bogus, theirs: valid, reason: "expanded from a wildcard, as records of its type",
		why: "the same, of a delegation in the zone",
	},
	{
		peers: "Unbound", fault: "signature of a denial: made for the wildcard", ours: bogus, theirs: valid, reason: "expanded from a wildcard",
		why: "takes an NSEC record that a wildcard gave. The owner it was made for is the wildcard, so it denies something else (RFC 4592 §4.7)",
	},
	{
		peers: "Unbound delv", fault: "signature of a denial: of the zone above", ours: bogus, theirs: valid, reason: "is not the zone",
		why: "takes a denial that the zone above signed for what a wildcard of the zone gave. Its signer is the zone that has the RRset (RFC 4035 §5.3.1)",
	},
	{
		peers: "delv", fault: "signature of an answer: of the zone above", ours: bogus, theirs: valid, reason: "do not prove it",
		why: "takes a denial by the zone for what a wildcard gave that the zone above signed. It is of another zone than the answer (RFC 4035 §5.3.1)",
	},
	{
		peers: "Unbound delv", fault: "signature of a denial: of the zone above", ours: bogus, theirs: valid, reason: "do not prove it", denial: true,
		why: "takes the zone's last NSEC record for the last of the zone above, which signed it. That one leads to the apex of the zone above (RFC 4034 §4.1.1)",
	},
	{
		peers: "Unbound", fault: "a denial lacks a type: SOA", ours: bogus, theirs: []dnssec.Status{dnssec.Insecure}, reason: "do not prove it", denial: true,
		why: "takes the apex's own record without SOA for proof that the delegation is not signed, although it has followed the DS record. That is for the zone above to say (RFC 4035 §5.2)",
	},
	{
		peers: "Unbound", fault: "a denial has another type: DNAME", ours: bogus, theirs: valid, reason: "do not prove it", denial: true,
		why: "believes the NSEC record of a DNAME that a name below it is empty. The DNAME would have answered (RFC 6672 §5.3.4.1)",
	},
	{
		peers: "Unbound", fault: "behind the alias: opt-out", ours: bogus, theirs: []dnssec.Status{dnssec.Insecure}, reason: "do not prove it", denial: true,
		why: "behind an alias alone, takes NXDOMAIN without a proof about the wildcard for an opt-out span. It lacks a part that it must have (RFC 5155 §8.4)",
	},
	{
		peers: "Unbound", fault: "the denial of DS lacks the type NS", ours: bogus, theirs: []dnssec.Status{dnssec.Secure}, reason: "it has no delegation", denial: true,
		why: "denies DS records by what it has cached, even with aggressive-nsec: no, and so by the order of the questions. It may (RFC 8198 §5.1)",
	},
	{
		peers: "Unbound", fault: "a denial leads out of the zone", ours: []dnssec.Status{dnssec.Secure}, theirs: []dnssec.Status{dnssec.Secure}, denial: true,
		why: "the same, by an NSEC record that leads out of the zone: NXDOMAIN instead of NOERROR",
	},
	{
		peers: "Unbound", fault: "a denial leads out of the zone", ours: bogus, theirs: valid,
		why: "believes an NSEC record that leads out of the zone. The next name is one of the zone (RFC 4034 §4.1.1)",
	},
	{
		peers: "delv", ours: []dnssec.Status{dnssec.Insecure}, theirs: []dnssec.Status{dnssec.Secure}, reason: "opt-out", denial: true,
		why: "takes NXDOMAIN under opt-out for secure. There may be an unsigned delegation (RFC 5155 §9.2)",
	},

	// We let pass what the peers do not.
	{
		peers: "Unbound delv", fault: "signature of the SOA: ", ours: valid, theirs: bogus, denial: true,
		why: "wants the SOA record of a denial signed, too, as it must for the AD bit (RFC 4035 §3.2.3). The proof are the NSEC or NSEC3 records alone (RFC 4035 §5.4)",
	},
	{
		peers: "delv", fault: "one more, expired", ours: valid, theirs: bogus,
		why: "gives up at an expired signature beside a good one. One good one is enough (RFC 6840 §5.4)",
	},
	{
		peers: "delv", fault: ": one more, corrupted", ours: valid, theirs: bogus,
		why: "gives up at a signature that does not verify beside a good one. One good one is enough (RFC 6840 §5.4)",
	},
	{
		peers: "Unbound delv", fault: "signature of an answer: of the zone above", ours: []dnssec.Status{dnssec.Insecure}, theirs: bogus, reason: "no DS record has a supported algorithm",
		why: "asks for DS records zone by zone, and so refuses some that a zone farther above signed. The signer is to be the zone that has them (RFC 4035 §5.3.1); to us a zone may speak for all below it",
	},
	{
		peers: "Unbound delv", fault: "signature of a denial: of the zone above", ours: []dnssec.Status{dnssec.Secure}, theirs: []dnssec.Status{dnssec.Insecure, dnssec.Bogus}, denial: true,
		why: "goes by the SOA record of a denial, too, which here the zone has signed that has no secure delegation. The proof are the NSEC or NSEC3 records alone (RFC 4035 §5.4)",
	},
	{
		peers: "Unbound delv", fault: "denial", ours: []dnssec.Status{dnssec.Insecure}, theirs: bogus, reason: "opt-out",
		why: "wants a complete proof under opt-out. Whatever it lacks, there may be an unsigned delegation (RFC 5155 §8.6)",
	},
	{
		peers: "Unbound", fault: "iterations", ours: []dnssec.Status{dnssec.Insecure}, theirs: bogus, reason: "iterations",
		why: "tells a bad answer in a zone with too many NSEC3 iterations from a missing one. No delegation can be ruled out there (RFC 9276 §3.2)",
	},
	{
		peers: "Unbound delv", fault: "another RSA key of 512 bits, with a DS record", ours: []dnssec.Status{dnssec.Insecure}, theirs: bogus,
		why: "wants a signature by a short key, if there is no better DS record. To us it is unsupported, which is local policy (RFC 4035 §5.2)",
	},
	{
		peers: "delv", fault: "the DS record has a SHA-1 digest", ours: []dnssec.Status{dnssec.Secure}, theirs: bogus,
		why: "wants a signature by a short key that has the only DS record with SHA-256. To us one with SHA-1 is left then (RFC 6840 §5.2)",
	},

	// No one has seen what was to be judged.
	{
		peers: "Unbound delv", fault: "a denial is missing", ours: []dnssec.Status{dnssec.Indeterminate}, theirs: bogus, reason: "server answered SERVFAIL",
		why: "calls it bogus where named cannot make the proof. A record that cannot be obtained leaves the status indeterminate (RFC 4035 §4.3)",
	},
	{
		peers: "Unbound delv", fault: "signature of a denial: missing", ours: []dnssec.Status{dnssec.Indeterminate}, theirs: bogus, reason: "server answered SERVFAIL",
		why: "the same, where named has the record of the proof, but not signed",
	},
	{
		peers: "Unbound delv", fault: "an NSEC3 record has another salt", ours: []dnssec.Status{dnssec.Indeterminate}, theirs: bogus, reason: "server answered SERVFAIL",
		why: "the same, where the record of the proof is of another chain",
	},
}

func (r *rule) String() string { return r.peers + ": " + r.why }

// explanation returns the rule that explains a peer's opinion, or nil.
func (o *opinion) explanation(v verdict) *rule {
	i := slices.IndexFunc(rules, func(r rule) bool {
		return slices.Contains(strings.Fields(r.peers), v.peer) && o.has(r.fault) &&
			slices.Contains(r.ours, o.ours.Status) && slices.Contains(r.theirs, v.status) &&
			strings.Contains(o.ours.Reason.Text, r.reason) && (!r.denial || len(o.ours.Records) == 0)
	})
	if i < 0 {
		return nil
	}
	return &rules[i]
}

// has reports whether there is a fault with this in its name. There is the empty one.
func (o *opinion) has(fault string) bool {
	return fault == "" || slices.ContainsFunc(o.faults, func(f string) bool { return strings.Contains(f, fault) })
}
