package validate

import (
	"context"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// maxSigners bounds the zones that are tried as the signer of one RRset: there
// can be only one, and a reply in transition holds no more.
const maxSigners = 3

// Signer returns the closest zone that may have signed what a reply says, and whether there is
// one.
func (val *Validator) Signer(q Question, msg *dns.Msg) (closest canonical.Name, found bool) {
	looked := 0
	for _, section := range [...][]dns.RR{msg.Answer, msg.Ns} {
		for _, rr := range section {
			sig, ok := rr.(*dns.RRSIG)
			if !ok {
				continue
			}
			if looked++; looked > maxRRsetSignatures {
				break
			}
			if zone, ok := val.signerOf(q, sig); ok && (!found || zone.Labels() > closest.Labels()) {
				closest, found = zone, true
			}
		}
	}
	return closest, found
}

// signersAmong returns the zones that the signatures name, closest first, in room if there is
// enough.
func (val *Validator) signersAmong(room []canonical.Name, q Question, sigs []*dns.RRSIG) []canonical.Name {
	zones := room
	for _, sig := range sigs {
		if zone, ok := val.signerOf(q, sig); ok {
			zones = insertCloser(zones, zone)
		}
	}
	return zones[:min(len(zones), maxSigners)]
}

// signerOf returns the zone that a signature names. Only one that encloses the owner and lies at or
// below a trust anchor can be the signer (RFC 4035 §5.3.1).
func (val *Validator) signerOf(q Question, sig *dns.RRSIG) (canonical.Name, bool) {
	zone, err := canonical.ParseNear(q.Name, sig.SignerName)
	if err != nil || !q.Enclosed().Below(zone) {
		return "", false
	}
	if _, ok := val.AnchorOf(q); !ok {
		return "", false
	}
	_, anchored := val.AnchorOf(Question{zone, dns.TypeDNSKEY})
	return zone, anchored
}

// signerKeys is zoneKeys for a signer. Where anchors are nested, any of them may lead to
// a secure verdict ("Accept Any Success", RFC 6840 §5.10); an insecure one takes the
// nearest.
func (val *Validator) signerKeys(ctx context.Context, q Question, zone canonical.Name) *Verdict {
	keys := val.zoneKeys(ctx, zone)
	if keys.Status != Secure && val.aboveAnchor(zone, q) {
		return val.bogus(keys.Why())
	}
	return keys
}

// insertCloser adds a zone to zones that enclose one name, longest first, once.
func insertCloser(zones []canonical.Name, zone canonical.Name) []canonical.Name {
	at := 0
	for at < len(zones) && zones[at].Labels() > zone.Labels() {
		at++
	}
	if at < len(zones) && zones[at] == zone {
		return zones
	}
	zones = append(zones, "")
	copy(zones[at+1:], zones[at:])
	zones[at] = zone
	return zones
}
