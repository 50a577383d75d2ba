package rrsig_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
)

// supported is the default.
var supported rrsig.Algorithms

func record[T dns.RR](t testing.TB, text string) T {
	t.Helper()
	rr, err := dns.NewRR(text)
	if err != nil {
		t.Fatal(err)
	}
	return rr.(T)
}

func rrset(t testing.TB, records ...dns.RR) *canonical.RRset {
	t.Helper()
	set, err := canonical.NewRRset(records...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func zone(t testing.TB, text string) canonical.Name {
	t.Helper()
	name, err := canonical.ParseName(text)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func TestCheck(t *testing.T) {
	t.Parallel()
	const now = 1_800_000_000
	good := func() *dns.RRSIG {
		return &dns.RRSIG{
			Hdr:         dns.RR_Header{Name: "www.example.", Rrtype: dns.TypeRRSIG, Class: dns.ClassINET},
			TypeCovered: dns.TypeA, Algorithm: 13, Labels: 2, SignerName: "example.", Inception: now - 10, Expiration: now + 10,
		}
	}
	for _, tt := range []struct {
		name   string
		rfc    string
		change func(*dns.RRSIG)
		want   error
	}{
		{"a good signature", "RFC 4035 §5.3.1", func(*dns.RRSIG) {}, nil},
		{"of a wildcard", "RFC 4035 §5.3.1", func(s *dns.RRSIG) { s.Labels = 1 }, nil},
		{"expires this very second", "RFC 4035 §5.3.1", func(s *dns.RRSIG) { s.Expiration = now }, nil},
		{"begins this very second", "RFC 4035 §5.3.1", func(s *dns.RRSIG) { s.Inception = now }, nil},
		{"expired a second ago", "RFC 4035 §5.3.1", func(s *dns.RRSIG) { s.Expiration = now - 1 }, rrsig.ErrExpired},
		{"begins in a second", "RFC 4035 §5.3.1", func(s *dns.RRSIG) { s.Inception = now + 1 }, rrsig.ErrNotYetValid},
		{"ends before it begins", "RFC 4034 §3.1.5", func(s *dns.RRSIG) { s.Inception, s.Expiration = now+10, now-10 }, rrsig.ErrExpired},
		{"spans more than 68 years", "RFC 4034 §3.1.5", func(s *dns.RRSIG) { s.Expiration = s.Inception + 1<<31 + 20 }, rrsig.ErrExpired},
		{"of another type", "RFC 4035 §5.3.1", func(s *dns.RRSIG) { s.TypeCovered = dns.TypeMX }, rrsig.ErrMismatch},
		{"of another owner", "RFC 4035 §5.3.1", func(s *dns.RRSIG) { s.Hdr.Name = "example." }, rrsig.ErrMismatch},
		{"of another class", "RFC 4035 §5.3.1", func(s *dns.RRSIG) { s.Hdr.Class = dns.ClassCHAOS }, rrsig.ErrMismatch},
		{"by another zone", "RFC 4035 §5.3.1", func(s *dns.RRSIG) { s.SignerName = "test." }, rrsig.ErrMismatch},
		{"by a zone with the same ending", "RFC 4035 §5.3.1", func(s *dns.RRSIG) { s.SignerName = "ample." }, rrsig.ErrMismatch},
		{"more labels than the owner", "RFC 4035 §5.3.1", func(s *dns.RRSIG) { s.Labels = 3 }, rrsig.ErrMismatch},
		{"of a wildcard above the zone", "RFC 4035 §5.3.1", func(s *dns.RRSIG) { s.Labels = 0 }, rrsig.ErrMismatch},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sig := good()
			tt.change(sig)
			set := rrset(t, record[dns.RR](t, "www.example. 300 IN A 192.0.2.1"))
			if err := rrsig.Check(set, sig, zone(t, "example."), time.Unix(now, 0), 0); !errors.Is(err, tt.want) {
				t.Errorf("%s: %v, want %v", tt.rfc, err, tt.want)
			}
		})
	}
	if err := rrsig.Check(new(canonical.RRset), good(), zone(t, "example."), time.Unix(now, 0), 0); err == nil {
		t.Error("a signature of nothing is good")
	}
}

// The serial numbers of RFC 1982 pass the year 2106.
func TestTimeWraps(t *testing.T) {
	t.Parallel()
	set := rrset(t, record[dns.RR](t, "www.example. 300 IN A 192.0.2.1"))
	sig := &dns.RRSIG{
		Hdr:         dns.RR_Header{Name: "www.example.", Rrtype: dns.TypeRRSIG, Class: dns.ClassINET},
		TypeCovered: dns.TypeA, Labels: 2, SignerName: "example.", Inception: 1<<32 - 100, Expiration: 100,
	}
	if err := rrsig.Check(set, sig, zone(t, "example."), time.Unix(1<<32, 0), 0); err != nil {
		t.Error(err)
	}
	if err := rrsig.Check(set, sig, zone(t, "example."), time.Unix(1<<32+101, 0), 0); !errors.Is(err, rrsig.ErrExpired) {
		t.Error(err)
	}
}

func TestZoneKey(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		rfc  string
		key  dns.DNSKEY
		want error
	}{
		{"a zone key", "RFC 4034 §2.1.1", dns.DNSKEY{Flags: 256, Protocol: 3}, nil},
		{"with the SEP flag", "RFC 4034 §2.1.1", dns.DNSKEY{Flags: 257, Protocol: 3}, nil},
		{"without the Zone Key flag", "RFC 4034 §2.1.1", dns.DNSKEY{Flags: 1, Protocol: 3}, rrsig.ErrNoZoneKey},
		{"revoked", "RFC 5011 §2.1", dns.DNSKEY{Flags: 257 | 128, Protocol: 3}, rrsig.ErrKey},
		{"of another protocol", "RFC 4034 §2.1.2", dns.DNSKEY{Flags: 257, Protocol: 2}, rrsig.ErrKey},
	} {
		if err := rrsig.ZoneKey(&tt.key); !errors.Is(err, tt.want) {
			t.Errorf("%s, %s: %v, want %v", tt.name, tt.rfc, err, tt.want)
		}
	}
}

// rsaKey writes a key as RFC 3110 §2 does.
func rsaKey(modulus, exponent []byte) *dns.DNSKEY {
	public := append([]byte{byte(len(exponent))}, exponent...)
	return &dns.DNSKEY{
		Hdr:   dns.RR_Header{Name: "example.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET},
		Flags: 257, Protocol: 3, Algorithm: dns.RSASHA256, PublicKey: base64.StdEncoding.EncodeToString(append(public, modulus...)),
	}
}

func TestUsableKey(t *testing.T) {
	t.Parallel()
	modulus := func(bits int) []byte { return bytes.Repeat([]byte{0xff}, bits/8) }
	f4 := []byte{1, 0, 1}
	for _, tt := range []struct {
		name string
		key  *dns.DNSKEY
		want error
	}{
		{"1024 bits", rsaKey(modulus(1024), f4), nil},
		{"4096 bits", rsaKey(modulus(4096), f4), nil},
		{"1009 bits", rsaKey(slices.Concat([]byte{1}, modulus(1008)), f4), nil},
		{"1008 bits", rsaKey(modulus(1008), f4), rrsig.ErrKeyRefused},
		{"1008 bits after a zero octet", rsaKey(slices.Concat([]byte{0}, modulus(1008)), f4), rrsig.ErrKeyRefused},
		{"768 bits", rsaKey(modulus(768), f4), rrsig.ErrKeyRefused},
		{"512 bits", rsaKey(modulus(512), f4), rrsig.ErrKeyRefused},
		{"8192 bits", rsaKey(modulus(8192), f4), rrsig.ErrKeyRefused},
		{"an exponent of 64 bits", rsaKey(modulus(2048), []byte{0x80, 0, 0, 0, 0, 0, 0, 1}), nil},
		{"an exponent of 65 bits", rsaKey(modulus(2048), []byte{1, 0, 0, 0, 0, 0, 0, 0, 1}), rrsig.ErrKeyRefused},
		{"an exponent of 1", rsaKey(modulus(2048), []byte{1}), rrsig.ErrKey},
		{"an even exponent", rsaKey(modulus(2048), []byte{4}), rrsig.ErrKey},
		{"no exponent", rsaKey(modulus(2048), nil), rrsig.ErrKey},
		{"a point off the curve", &dns.DNSKEY{Algorithm: dns.ECDSAP256SHA256, PublicKey: base64.StdEncoding.EncodeToString(make([]byte, 64))}, rrsig.ErrKey},
		{"half a point", &dns.DNSKEY{Algorithm: dns.ECDSAP384SHA384, PublicKey: base64.StdEncoding.EncodeToString(make([]byte, 48))}, rrsig.ErrKey},
		{"a short Ed25519 key", &dns.DNSKEY{Algorithm: dns.ED25519, PublicKey: "AAAA"}, rrsig.ErrKey},
		{"no base64", &dns.DNSKEY{Algorithm: dns.ED25519, PublicKey: "?"}, rrsig.ErrKey},
		{"an unsupported algorithm", &dns.DNSKEY{Algorithm: dns.ED448, PublicKey: "AAAA"}, rrsig.ErrUnsupported},
		{"DSA", &dns.DNSKEY{Algorithm: dns.DSA, PublicKey: "AAAA"}, rrsig.ErrUnsupported},
	} {
		if err := rrsig.NewKey(supported, tt.key).Usable(); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

// An algorithm can be left out, or added, without a change to the default.
func TestAlgorithms(t *testing.T) {
	t.Parallel()
	var all rrsig.Algorithms
	few := rrsig.Algorithms{NoSHA1: true}
	more := rrsig.Add(rrsig.Add(few, dns.DSA, rrsig.RSA{Hash: crypto.SHA256}), dns.RSASHA256, rrsig.RSA{Hash: crypto.SHA256, MinBits: 512})
	for _, tt := range []struct {
		number          uint8
		all, few, added bool
	}{
		{dns.RSAMD5, false, false, false}, {dns.DSA, false, false, true}, {dns.RSASHA1, true, false, false}, {dns.RSASHA1NSEC3SHA1, true, false, false},
		{dns.RSASHA256, true, true, true}, {dns.RSASHA512, true, true, true}, {dns.ECCGOST, false, false, false}, {dns.ECDSAP256SHA256, true, true, true},
		{dns.ECDSAP384SHA384, true, true, true}, {dns.ED25519, true, true, true}, {dns.ED448, false, false, false},
	} {
		if all.Supports(tt.number) != tt.all || few.Supports(tt.number) != tt.few || more.Supports(tt.number) != tt.added {
			t.Errorf("algorithm %d: %t, %t, %t", tt.number, all.Supports(tt.number), few.Supports(tt.number), more.Supports(tt.number))
		}
	}
	if !all.SupportsDigest(1) || few.SupportsDigest(1) || !few.SupportsDigest(2) || all.SupportsDigest(3) {
		t.Error("digests")
	}
	small := rsaKey(bytes.Repeat([]byte{0xff}, 64), []byte{1, 0, 1})
	if rrsig.NewKey(all, small).Usable() == nil || rrsig.NewKey(more, small).Usable() != nil {
		t.Error("keys of 512 bits")
	}
}

// Keys that crypto/rsa refuses are verified all the same: nic.cz once had an exponent of
// 2^32+1, and org. a modulus of 1023 bits in 2015.
func TestUnusualRSAKeys(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		bits     int
		exponent uint64
		cost     int
	}{
		{"an exponent of 33 bits", 2048, 1<<32 + 1, 20},
		{"1023 bits", 1023, 65537, 1},
		{"1016 bits", 1016, 65537, 1},
		{"1009 bits", 1009, 3, 1},
		{"1023 bits and an exponent of 33 bits", 1023, 1<<32 + 1, 20},
		{"1024 bits, which crypto/rsa takes", 1024, 65537, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			exponent := new(big.Int).SetUint64(tt.exponent)
			modulus, private := rsaPair(t, tt.bits, exponent)
			key := rsaKey(modulus.Bytes(), exponent.Bytes())
			set := rrset(t, record[dns.RR](t, "www.example. 300 IN A 192.0.2.1"))
			sig := &dns.RRSIG{
				Hdr:         dns.RR_Header{Name: "www.example.", Rrtype: dns.TypeRRSIG, Class: dns.ClassINET},
				TypeCovered: dns.TypeA, Algorithm: dns.RSASHA256, Labels: 2, SignerName: "example.", KeyTag: key.KeyTag(),
			}
			data, err := set.AppendSignedData(nil, sig)
			if err != nil {
				t.Fatal(err)
			}
			digest := sha256.Sum256(data)
			size := (tt.bits + 7) / 8
			// RFC 8017 §9.2
			message := append([]byte{0, 1}, bytes.Repeat([]byte{0xff}, size-3-19-32)...)
			message = append(message, 0, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20)
			message = append(message, digest[:]...)
			signature := new(big.Int).Exp(new(big.Int).SetBytes(message), private, modulus).FillBytes(make([]byte, size))
			sig.Signature = base64.StdEncoding.EncodeToString(signature)
			if err := rrsig.NewKey(supported, key).Verify(set, sig); err != nil {
				t.Error(err)
			}
			if cost := rrsig.NewKey(supported, key).Cost(); cost != tt.cost {
				t.Errorf("costs %d", cost)
			}
			signature[100] ^= 1
			for name, wrong := range map[string][]byte{"a wrong bit": signature, "an octet too many": append([]byte{0}, signature...), "none": nil} {
				sig.Signature = base64.StdEncoding.EncodeToString(wrong)
				if err := rrsig.NewKey(supported, key).Verify(set, sig); !errors.Is(err, rrsig.ErrSignature) {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

// A modulus with no room for the digest verifies nothing.
func TestTinyModulus(t *testing.T) {
	t.Parallel()
	small := rrsig.Add(supported, dns.RSASHA512, rrsig.RSA{Hash: crypto.SHA512, MinBits: 512})
	key := rsaKey(bytes.Repeat([]byte{0xff}, 64), []byte{3})
	key.Algorithm = dns.RSASHA512
	sig := &dns.RRSIG{TypeCovered: dns.TypeA, Algorithm: dns.RSASHA512, SignerName: "example.", Signature: base64.StdEncoding.EncodeToString(make([]byte, 64))}
	if err := rrsig.NewKey(small, key).Verify(rrset(t, record[dns.RR](t, "www.example. 300 IN A 192.0.2.1")), sig); !errors.Is(err, rrsig.ErrSignature) {
		t.Error(err)
	}
}

// rsaPair returns a modulus of so many bits, and the private exponent to a public one.
func rsaPair(t *testing.T, bits int, exponent *big.Int) (modulus, private *big.Int) {
	t.Helper()
	for { // until the modulus is as long, and the exponent has an inverse
		p, err := rand.Prime(rand.Reader, (bits+1)/2)
		if err != nil {
			t.Fatal(err)
		}
		q, err := rand.Prime(rand.Reader, bits/2)
		if err != nil {
			t.Fatal(err)
		}
		one := big.NewInt(1)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		modulus, private = new(big.Int).Mul(p, q), new(big.Int).ModInverse(exponent, phi)
		if private != nil && modulus.BitLen() == bits {
			return modulus, private
		}
	}
}

func FuzzVerify(f *testing.F) {
	f.Add(uint8(8), []byte{3, 1, 0, 1, 0xff}, []byte{1}, "www.example.")
	f.Add(uint8(13), bytes.Repeat([]byte{1}, 64), bytes.Repeat([]byte{1}, 64), "example.")
	f.Add(uint8(15), bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{1}, 64), "example.")
	f.Fuzz(func(t *testing.T, algorithm uint8, public, signature []byte, owner string) {
		key := &dns.DNSKEY{Flags: 257, Protocol: 3, Algorithm: algorithm, PublicKey: base64.StdEncoding.EncodeToString(public)}
		set, err := canonical.NewRRset(&dns.TXT{Hdr: dns.RR_Header{Name: owner, Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{strings.Repeat("x", 200)}})
		if err != nil {
			return
		}
		sig := &dns.RRSIG{TypeCovered: dns.TypeTXT, Algorithm: algorithm, SignerName: "example.", Signature: base64.StdEncoding.EncodeToString(signature)}
		if err := rrsig.NewKey(supported, key).Verify(set, sig); err == nil {
			t.Errorf("a signature that nobody made is good: key %x, signature %x", public, signature)
		}
	})
}
