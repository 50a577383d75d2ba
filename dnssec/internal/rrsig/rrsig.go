// Package rrsig checks signatures over RRsets (RFC 4035 §5.3). Its functions
// are pure: records, a key and an instant go in, a verdict comes out.
package rrsig

import (
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// What can be wrong with a signature.
var (
	ErrExpired       = errors.New("signature expired")
	ErrNotYetValid   = errors.New("signature not yet valid")
	ErrMismatch      = errors.New("signature does not belong to the RRset")
	ErrSignature     = errors.New("signature does not verify")
	ErrKey           = errors.New("key cannot have made the signature")
	ErrUnsupported   = errors.New("unsupported algorithm")
	ErrKeyRefused    = errors.New("key of a size or exponent that is refused")
	errMalformedKey  = fmt.Errorf("%w: malformed key", ErrKey)
	ErrNoZoneKey     = fmt.Errorf("%w: Zone Key flag is not set", ErrKey)
	errRevokedKey    = fmt.Errorf("%w: key is revoked", ErrKey)
	errWrongProtocol = fmt.Errorf("%w: protocol is not 3", ErrKey)
)

// Check tests everything about a signature that needs no key: that it is made
// for this RRset by the zone, is valid at an instant no further away than the skew,
// and has a possible number of labels (RFC 4035 §5.3.1).
func Check(set *canonical.RRset, sig *dns.RRSIG, zone canonical.Name, now time.Time, skew time.Duration) error {
	if set.Len() == 0 {
		return ErrMismatch
	}
	owner := set.Owner
	labels := owner.SignedLabels()
	switch {
	case !owner.Is(sig.Hdr.Name), sig.Hdr.Class != set.Class, sig.TypeCovered != set.Type:
		return ErrMismatch
	case !zone.Is(sig.SignerName), !owner.Below(zone):
		return fmt.Errorf("%w: signer %s is not the zone %s", ErrMismatch, sig.SignerName, zone)
	case int(sig.Labels) > labels:
		return fmt.Errorf("%w: %d labels, but the owner has %d", ErrMismatch, sig.Labels, labels)
	case int(sig.Labels) < zone.Labels():
		// A wildcard above the zone's apex is not a name of the zone.
		return fmt.Errorf("%w: wildcard outside the zone %s", ErrMismatch, zone)
	}
	return checkTime(sig, now, skew)
}

// checkTime compares as serial numbers modulo 2^32 (RFC 4034 §3.1.5, RFC 1982
// §3.2), so a validity period can cross the year 2106 but not span 68 years.
func checkTime(sig *dns.RRSIG, now time.Time, skew time.Duration) error {
	earliest, latest := uint32(now.Add(-skew).Unix()), uint32(now.Add(skew).Unix())
	switch {
	case int32(sig.Expiration-sig.Inception) < 0:
		return fmt.Errorf("%w: it expires before its inception", ErrExpired)
	case int32(latest-sig.Inception) < 0:
		return fmt.Errorf("%w: inception is %s", ErrNotYetValid, dns.TimeToString(sig.Inception))
	case int32(sig.Expiration-earliest) < 0:
		return fmt.Errorf("%w on %s", ErrExpired, dns.TimeToString(sig.Expiration))
	}
	return nil
}

// ExpandedFrom returns the number of labels of the closest encloser when the
// owner was expanded from a wildcard, and whether it was (RFC 4035 §5.3.4). It was if that is
// not how many labels the signature has.
func ExpandedFrom(owner canonical.Name, signed uint8) (labels int, expanded bool) {
	return int(signed), int(signed) < owner.SignedLabels()
}

// ZoneKey reports why a key may not sign zone data; nil says that it may.
func ZoneKey(key *dns.DNSKEY) error {
	switch {
	case key.Flags&dns.ZONE == 0:
		return ErrNoZoneKey // RFC 4034 §2.1.1
	case key.Flags&dns.REVOKE != 0:
		return errRevokedKey // RFC 5011 §2.1
	case key.Protocol != 3:
		return errWrongProtocol // RFC 4034 §2.1.2
	}
	return nil
}
