package rrsig

import (
	"bytes"
	"encoding/base64"
	"sync"
	"weak"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/ds"
)

// A Key is a DNSKEY record, read for the signatures that it is to check. It is safe for concurrent
// use.
type Key struct {
	Record *dns.DNSKEY
	Tag    uint16

	mu        sync.Mutex // for what follows
	algorithm Algorithm  // nil if it is not supported
	problem   error
	// What was read takes several times the memory of the record, and most keys are used for a
	// moment, by the lookups of one domain. So it lasts until the garbage is collected.
	read weak.Pointer[readKey]
}

type readKey struct{ PublicKey }

// NewKey returns the key of a record. It is not read before it is needed: a hostile zone
// can have many that are not.
func NewKey(algorithms Algorithms, record *dns.DNSKEY) *Key {
	k := new(Key)
	k.set(algorithms, record)
	return k
}

func (k *Key) set(algorithms Algorithms, record *dns.DNSKEY) {
	k.Record, k.Tag, k.algorithm = record, ds.KeyTag(record), algorithms.find(record.Algorithm)
}

// public reads the key, unless that was done lately or its problem is known.
func (k *Key) public() (PublicKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.problem != nil {
		return nil, k.problem
	}
	if read := k.read.Value(); read != nil {
		return read.PublicKey, nil
	}
	public, err := base64.StdEncoding.DecodeString(k.Record.PublicKey)
	if err != nil {
		k.problem = errMalformedKey
		return nil, k.problem
	}
	if k.algorithm == nil {
		k.problem = ErrUnsupported
		return nil, k.problem
	}
	read := new(readKey)
	if read.PublicKey, k.problem = k.algorithm.Parse(public); k.problem != nil {
		return nil, k.problem
	}
	k.read = weak.Make(read)
	return read.PublicKey, nil
}

// NewKeys returns the keys of the DNSKEY records among records.
func NewKeys(algorithms Algorithms, records []dns.RR) []*Key {
	keys := make([]*Key, 0, len(records))
	room := make([]Key, len(records))
	for _, rr := range records {
		if record, ok := rr.(*dns.DNSKEY); ok {
			key := &room[len(keys)]
			key.set(algorithms, record)
			keys = append(keys, key)
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
