package rrsig

import (
	"bytes"
	"encoding/base64"
	"sync"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/ds"
)

// A Key is a DNSKEY record, read once for all the signatures that it is to check. It is
// safe for concurrent use.
type Key struct {
	Record *dns.DNSKEY
	Tag    uint16

	algorithm Algorithm // nil if it is not supported
	once      sync.Once // for what follows
	read      PublicKey
	problem   error
}

// NewKey returns the key of a record. It is not read before it is needed: a hostile zone
// can have many that are not.
func NewKey(algorithms Algorithms, record *dns.DNSKEY) *Key {
	return &Key{Record: record, Tag: ds.KeyTag(record), algorithm: algorithms.find(record.Algorithm)}
}

// public reads the key, once.
func (k *Key) public() (PublicKey, error) {
	k.once.Do(func() {
		public, err := base64.StdEncoding.DecodeString(k.Record.PublicKey)
		switch {
		case err != nil:
			k.problem = errMalformedKey
		case k.algorithm == nil:
			k.problem = ErrUnsupported
		default:
			k.read, k.problem = k.algorithm.Parse(public)
		}
	})
	return k.read, k.problem
}

// NewKeys returns the keys of the DNSKEY records among records.
func NewKeys(algorithms Algorithms, records []dns.RR) []*Key {
	keys := make([]*Key, 0, len(records))
	for _, rr := range records {
		if record, ok := rr.(*dns.DNSKEY); ok {
			keys = append(keys, NewKey(algorithms, record))
		}
	}
	return keys
}

// Usable reports why signatures of the key cannot be checked: ErrUnsupported,
// ErrKeyRefused or ErrKey. A delegation to such keys alone is insecure, where the
// key is well-formed (RFC 4035 §5.2); what one signs in a zone that has others is bogus.
func (k *Key) Usable() error {
	_, err := k.public()
	return err
}

// Named reports whether the signature names the key, by algorithm and tag (RFC 4035
// §5.3.1). Keys can have the same tag.
func (k *Key) Named(sig *dns.RRSIG) bool {
	return k.Record.Algorithm == sig.Algorithm && k.Tag == sig.KeyTag
}

// largeExponentCost is what an exponent that crypto/rsa does not take costs: 1.5 ms for
// the largest keys, and some 80 µs is usual.
const largeExponentCost = 20

// Cost is how many common checks of a signature one with this key costs.
func (k *Key) Cost() int {
	public, _ := k.public()
	if unusual, ok := public.(unusualKey); ok && unusual.exponent.BitLen() > maxStdlibExponentBits {
		return largeExponentCost
	}
	return 1
}

// usualSize is room for what most signatures cover, and for a signature by the largest
// key.
const usualSize = 512

// signatures is room for them that is used again: where they are verified there is little on the
// stack.
var signatures = sync.Pool{New: func() any { return new([usualSize]byte) }}

// Verify checks the signature itself. Call Check and ZoneKey first, and choose the key
// by Named.
func (k *Key) Verify(set *canonical.RRset, sig *dns.RRSIG) error {
	var buffer [usualSize]byte
	data, err := set.AppendSignedData(buffer[:0], sig)
	if err != nil {
		return err
	}
	return k.VerifyData(data, sig)
}

// VerifyData is Verify where the set's AppendSignedData was called already.
func (k *Key) VerifyData(data []byte, sig *dns.RRSIG) error {
	public, err := k.public()
	if err != nil {
		return err
	}
	buffer := signatures.Get().(*[usualSize]byte)
	defer signatures.Put(buffer)
	signature, err := base64.StdEncoding.AppendDecode(buffer[:0], []byte(sig.Signature))
	if err != nil {
		return ErrSignature
	}
	var good bool
	switch public := public.(type) {
	// The compiler sees that these leave data and signature on the stack.
	case rsaKey:
		good = public.Verify(data, signature)
	case ecdsaKey:
		good = public.Verify(data, signature)
	case ed25519Key:
		good = public.Verify(data, signature)
	default:
		good = public.Verify(bytes.Clone(data), bytes.Clone(signature))
	}
	if !good {
		return ErrSignature
	}
	return nil
}
