package validate

import (
	"encoding/binary"
	"testing"

	"github.com/miekg/dns"
)

// What is verified takes bounded memory, and what is in use stays.
func TestSignatureCacheIsBounded(t *testing.T) {
	t.Parallel()
	var v SignatureCache
	digest := func(i int) (d fingerprint) {
		binary.BigEndian.PutUint32(d[:], uint32(i))
		return d
	}
	for i := range 5 * maxVerified {
		if i > 0 && !v.has(digest(0)) {
			t.Fatalf("what is in use was forgotten after %d", i)
		}
		v.add(digest(i))
		if len(v.newer)+len(v.former) > maxVerified {
			t.Fatalf("%d digests", len(v.newer)+len(v.former))
		}
	}
	if v.has(digest(1)) || !v.has(digest(5*maxVerified-1)) {
		t.Error("not the oldest was forgotten")
	}
}

// Nobody can look for two checks with the same fingerprint, one of them of a good signature.
func TestFingerprintsCannotBeForeseen(t *testing.T) {
	t.Parallel()
	var a, b SignatureCache
	data, sig, key := []byte("signed"), &dns.RRSIG{Signature: "AAAA"}, &dns.DNSKEY{PublicKey: "BBBB"}
	print := a.fingerprint(nil, data, sig, key)
	if print != a.fingerprint(nil, data, sig, key) {
		t.Error("a check is not known again")
	}
	if print == b.fingerprint(nil, data, sig, key) {
		t.Error("two caches have the same")
	}
	for name, other := range map[string]fingerprint{
		"data":      a.fingerprint(nil, []byte("signeD"), sig, key),
		"signature": a.fingerprint(nil, data, &dns.RRSIG{Signature: "AAAB"}, key),
		"key":       a.fingerprint(nil, data, sig, &dns.DNSKEY{PublicKey: "BBBA"}),
	} {
		if print == other {
			t.Errorf("other %s has the same", name)
		}
	}
}
