package validate

import (
	"errors"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/denial"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
)

// A fault is why something proves nothing. Where there are several, as with several
// signatures of one RRset, the one that came nearest to a proof is the Reason, whatever
// the order in the reply: it is what was meant to prove it, and what has to be mended. Nil
// means that there is no fault.
type fault struct {
	reason Reason
	near   int // greater for what came nearer
}

var (
	// errNoKey says that a signature names a key that the zone does not have.
	errNoKey = errors.New("the zone has no key with the tag of the signature")
	// errSigner stands for the reason why the signing zone has no keys that are proven.
	errSigner = errors.New("the keys of the signing zone are not proven")
	// errNoSignature says that no signature is by the zone.
	errNoSignature = errors.New("no signature by the zone")
)

// faultOrder is the order of faults, that which came nearest to a proof first, and their
// codes (RFC 8914 §4). The first ones are of signatures by a key of the zone, which a DS
// record or trust anchor vouches for.
var faultOrder = [...]struct {
	err  error
	code Code
}{
	{denial.ErrUnproven, CodeNSECMissing},    // all signatures hold
	{rrsig.ErrSignature, CodeBogus},          // all but this is right
	{rrsig.ErrExpired, CodeSignatureExpired}, // the key could have made it
	{rrsig.ErrNotYetValid, CodeSignatureNotYetValid},
	{rrsig.ErrKeyRefused, CodeUnsupportedAlgorithm}, // whatever the signature is like
	{rrsig.ErrUnsupported, CodeUnsupportedAlgorithm},
	{rrsig.ErrNoZoneKey, CodeNoZoneKeyBitSet},
	{rrsig.ErrKey, CodeBogus}, // revoked or malformed
	{errSigner, CodeBogus},    // its own reason is given instead
	{errNoKey, CodeDNSKEYMissing},
	{rrsig.ErrMismatch, CodeBogus}, // of another RRset or zone
	{errNoSignature, CodeRRSIGsMissing},
}

// rank returns the place of an error in faultOrder, counted from its end, and its code.
// What is not in it is about the records themselves, which no signature can help.
func rank(err error) (near int, code Code) {
	for i, known := range faultOrder {
		if errors.Is(err, known.err) {
			return len(faultOrder) - i, known.code
		}
	}
	return len(faultOrder) + 1, CodeBogus
}

// faultOf is the fault of a signature or key of the zone.
func faultOf(err error, zone canonical.Name, q Question, keyTag uint16) *fault {
	near, code := rank(err)
	return &fault{Reason{Code: code, Zone: zone.String(), Name: q.Name.String(), Type: q.Type, KeyTag: keyTag, Text: err.Error()}, near}
}

// because is the fault of something else, which a reason explains; like says where it
// ranks.
func because(reason Reason, like error) *fault {
	near, _ := rank(like)
	return &fault{reason, near}
}

// like reports whether a fault ranks as an error does.
func (f *fault) like(err error) bool {
	near, _ := rank(err)
	return f.near == near
}

// or returns that of two faults which came nearer to a proof; of equals, the first.
func (f *fault) or(other *fault) *fault {
	if f == nil || other != nil && other.near > f.near {
		return other
	}
	return f
}

// nearer is or for errors, which may be nil.
func nearer(err, other error) error {
	if err == nil {
		return other
	}
	if had, _ := rank(err); other != nil {
		if has, _ := rank(other); has > had {
			return other
		}
	}
	return err
}
