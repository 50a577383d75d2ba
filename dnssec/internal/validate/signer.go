package validate

import (
	"context"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// maxSigners bounds the zones that are tried as the signer of one RRset: there
// can be only one, and a reply in transition holds no more.
const maxSigners = 3

// Signers returns the zones that may have signed what a reply says, closest first.
func (val *Validator) Signers(q Question, msg *dns.Msg) []canonical.Name {
	var sigs []*dns.RRSIG
	for _, section := range [...][]dns.RR{msg.Answer, msg.Ns} {
		for _, rr := range section {
			if sig, ok := rr.(*dns.RRSIG); ok && len(sigs) < maxRRsetSignatures {
				sigs = append(sigs, sig)
			}
		}
	}
	return val.signersAmong(q, sigs)
}

// signersAmong returns the zones that the signatures name, closest first. Only a zone
// that encloses the owner and lies at or below a trust anchor can be one (RFC 4035
// §5.3.1).
func (val *Validator) signersAmong(q Question, sigs []*dns.RRSIG) []canonical.Name {
	if _, ok := val.AnchorOf(q); !ok {
		return nil
	}
	var zones []canonical.Name
	for _, sig := range sigs {
		zone, err := canonical.ParseName(sig.SignerName)
		if err != nil || !q.Enclosed().Below(zone) {
			continue
		}
		if _, anchored := val.AnchorOf(Question{zone, dns.TypeDNSKEY}); !anchored {
			continue
		}
		zones = insertCloser(zones, zone)
	}
	return zones[:min(len(zones), maxSigners)]
}

// signerKeys is zoneKeys for a signer. Where anchors are nested, any of them may lead to
// a secure verdict ("Accept Any Success", RFC 6840 §5.10); an insecure one takes the
// nearest.
func (val *Validator) signerKeys(ctx context.Context, q Question, zone canonical.Name) *Verdict {
	keys := val.zoneKeys(ctx, zone)
	if keys.Status != Secure && val.aboveAnchor(zone, q) {
		return val.bogus(keys.Reason)
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
