package dnssec_test

import (
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/internal/replay"
)

// A deviation is what a Resolver concludes otherwise than the scripts.
type deviation struct {
	why      string
	applies  func(p *player, query, want *replay.Entry) bool
	statuses []dnssec.Status // any of them
}

var deviations = []deviation{{
	why:      "a zone without an anchor above cannot deny that a zone with an anchor exists: Unbound lets it, but all applicable anchors must say Insecure (RFC 6840 §5.10)",
	applies:  deniedFromAbove,
	statuses: []dnssec.Status{dnssec.Bogus},
}, {
	why: "a zone without keys is Bogus where its parent has DS records: Unbound can be told to take it for unsigned (harden-dnssec-stripped: no)",
	applies: func(p *player, query, want *replay.Entry) bool {
		return p.script.Config.Off("harden-dnssec-stripped") && statusOf(query, want) == dnssec.Insecure
	},
	statuses: []dnssec.Status{dnssec.Bogus},
}, {
	why:      "anchors that are all of an unsupported algorithm or digest are an error, which switches no validation off: Unbound does as if there were none",
	applies:  unusableAnchors,
	statuses: []dnssec.Status{dnssec.Indeterminate, dnssec.Bogus},
}, {
	why:      "SHA-1 digests are ignored beside those of SHA-2 (RFC 4509 §3): Unbound takes any of them (harden-algo-downgrade: no)",
	applies:  weakDigest,
	statuses: []dnssec.Status{dnssec.Bogus},
}}

// deniedFromAbove reports whether the script believes an unproven NXDOMAIN, whose SOA
// record is of a zone outside all anchors, for a name that has one.
func deniedFromAbove(p *player, query, want *replay.Entry) bool {
	q := query.Msg.Question[0]
	_, anchored := p.anchors.Enclosing(q.Name)
	return anchored && q.Qtype != dns.TypeDS && want.Msg.Rcode == dns.RcodeNameError && statusOf(query, want) == dnssec.Insecure &&
		slices.ContainsFunc(want.Msg.Ns, func(rr dns.RR) bool {
			_, inside := p.anchors.Enclosing(rr.Header().Name)
			return rr.Header().Rrtype == dns.TypeSOA && !inside
		})
}

// unusableAnchors reports whether the script believes what is below anchors of which
// none can be followed.
func unusableAnchors(p *player, query, want *replay.Entry) bool {
	zone, anchored := p.anchors.Enclosing(query.Msg.Question[0].Name)
	algorithms := suiteAlgorithms()
	return anchored && statusOf(query, want) != dnssec.Bogus && !slices.ContainsFunc(p.anchors.Zone(zone), func(a anchor.Anchor) bool {
		if a.Key != nil {
			return algorithms.Supports(a.Key.Algorithm)
		}
		return algorithms.Supports(a.DS.Algorithm) && algorithms.SupportsDigest(a.DS.DigestType)
	})
}

// weakDigest reports whether a zone at or above the name is secure by a SHA-1 digest
// only, where the set has a SHA-2 one.
func weakDigest(p *player, query, want *replay.Entry) bool {
	if statusOf(query, want) != dnssec.Secure || p.script.Config.On("harden-algo-downgrade") {
		return false
	}
	type links struct{ weak, good, bad bool } // a right SHA-1 digest, a right and a wrong SHA-2 one
	zones, algorithms := make(map[string]*links), suiteAlgorithms()
	records := p.script.Records()
	for _, a := range p.anchors {
		if a.DS != nil {
			records = append(records, a.DS)
		}
	}
	for _, rr := range records {
		ds, ok := rr.(*dns.DS)
		if !ok || !dns.IsSubDomain(ds.Hdr.Name, query.Msg.Question[0].Name) || !algorithms.SupportsDigest(ds.DigestType) {
			continue
		}
		matches := slices.ContainsFunc(records, func(rr dns.RR) bool {
			key, ok := rr.(*dns.DNSKEY)
			if !ok || !strings.EqualFold(key.Hdr.Name, ds.Hdr.Name) {
				return false
			}
			made := key.ToDS(ds.DigestType)
			return made != nil && strings.EqualFold(made.Digest, ds.Digest)
		})
		zone := dns.CanonicalName(ds.Hdr.Name)
		if zones[zone] == nil {
			zones[zone] = new(links)
		}
		switch strong := ds.DigestType != dns.SHA1; {
		case strong && matches:
			zones[zone].good = true
		case strong:
			zones[zone].bad = true
		default:
			zones[zone].weak = zones[zone].weak || matches
		}
	}
	for _, l := range zones {
		if l.weak && l.bad && !l.good {
			return true
		}
	}
	return false
}
