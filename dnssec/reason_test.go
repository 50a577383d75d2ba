package dnssec_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// unfitKeys are keys that a zone has beside those that sign, and that cannot have made a
// signature.
func unfitKeys(t *testing.T) (small, unsupported, noZone, revoked *dns.DNSKEY) {
	t.Helper()
	rsa := func(flags, octets int) string {
		public := append([]byte{3, 1, 0, 1}, bytes.Repeat([]byte{0xff}, octets)...)
		return fmt.Sprintf("test. 300 IN DNSKEY %d 3 8 %s", flags, base64.StdEncoding.EncodeToString(public))
	}
	small = parseRR(t, rsa(256, 64)).(*dns.DNSKEY)
	unsupported = parseRR(t, "test. 300 IN DNSKEY 256 3 16 "+base64.StdEncoding.EncodeToString(make([]byte, 57))).(*dns.DNSKEY)
	noZone = parseRR(t, rsa(0, 256)).(*dns.DNSKEY)
	revoked = parseRR(t, rsa(256|dns.REVOKE, 256)).(*dns.DNSKEY)
	return small, unsupported, noZone, revoked
}

// The fault that came nearest to a proof is the reason, whatever else is wrong, and
// whatever the order of the signatures (RFC 8914 §4).
func TestOrderOfFaults(t *testing.T) {
	t.Parallel()
	small, unsupported, noZone, revoked := unfitKeys(t)
	var extra strings.Builder
	for _, key := range []*dns.DNSKEY{small, unsupported, noZone, revoked} {
		fmt.Fprintln(&extra, key)
	}
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: extra.String() + "www A 192.0.2.1"}, dnssectest.Zone{Name: "other."})
	set := parseRR(t, "www.test. 300 IN A 192.0.2.1")
	good := world.Sign("test.", set)
	now := time.Now()
	by := func(key *dns.DNSKEY) func(*dns.RRSIG) {
		return func(sig *dns.RRSIG) { sig.Algorithm, sig.KeyTag = key.Algorithm, key.KeyTag() }
	}
	faults := []struct {
		name   string
		change func(*dns.RRSIG) // nil: there is no signature
		code   dnssec.EDE
		text   string
	}{
		{"it does not verify", func(sig *dns.RRSIG) { sig.OrigTtl++ }, dnssec.EDEBogus, "does not verify"},
		{"it has expired", func(sig *dns.RRSIG) { sig.Expiration = uint32(now.Unix()) - 1 }, dnssec.EDESignatureExpired, "expired"},
		{"it is not yet valid", func(sig *dns.RRSIG) { sig.Inception = uint32(now.Unix()) + 3600 }, dnssec.EDESignatureNotYetValid, "not yet valid"},
		{"its key is too small", by(small), dnssec.EDEUnsupportedAlgorithm, "key too small: RSA with 512 bits"},
		{"its key has an unsupported algorithm", by(unsupported), dnssec.EDEUnsupportedAlgorithm, "unsupported algorithm"},
		{"its key is no zone key", by(noZone), dnssec.EDENoZoneKeyBitSet, "Zone Key"},
		{"its key is revoked", by(revoked), dnssec.EDEBogus, "revoked"},
		{"its signer is no zone", func(sig *dns.RRSIG) { sig.SignerName = "www.test." }, dnssec.EDEBogus, "the signer is not a zone"},
		{"its key is not there", func(sig *dns.RRSIG) { sig.KeyTag++ }, dnssec.EDEDNSKEYMissing, "no key with the tag"},
		{"it is of another name", func(sig *dns.RRSIG) { sig.Labels = 7 }, dnssec.EDEBogus, "does not belong"},
		{"it is not there", nil, dnssec.EDERRSIGsMissing, "no signature"},
	}
	for i, nearer := range faults {
		for _, other := range faults[i:] {
			for _, swapped := range []bool{false, true} {
				var sigs []dns.RR
				for _, fault := range []func(*dns.RRSIG){nearer.change, other.change} {
					if fault != nil {
						sig := dns.Copy(good).(*dns.RRSIG)
						fault(sig)
						sigs = append(sigs, sig)
					}
				}
				if swapped {
					slices.Reverse(sigs)
				}
				world.Tamper = func(q dns.Question, reply *dns.Msg) {
					if q.Name == "www.test." && q.Qtype == dns.TypeA {
						reply.Answer = append([]dns.RR{dns.Copy(set)}, sigs...)
					}
				}
				answer, err := lookup(t, world, "www.test. A")
				if err == nil || answer.Status != dnssec.Bogus || answer.Reason.Code != nearer.code || !strings.Contains(answer.Reason.Text, nearer.text) {
					t.Errorf("of one signature, %s, of the other, %s (swapped: %t): %s, %v", nearer.name, other.name, swapped, answer.Status, answer.Reason)
				}
			}
		}
	}
}

// Of the signatures over the keys of a zone, one by a key that the DS record vouches for
// decides: a registry's zone of 2019 had an expired one, and a good one by a key that only
// the set itself vouches for.
func TestOrderOfFaultsOfKeys(t *testing.T) {
	t.Parallel()
	small, _, _, _ := unfitKeys(t)
	small.Hdr.Name, small.Flags = "child.test.", 257
	ds := small.ToDS(dns.SHA256)
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: ds.String()},
		dnssectest.Zone{Name: "child.test.", TwoKeys: true, Records: small.String() + "\nwww A 192.0.2.1"})
	if answer, err := lookup(t, world, "www.child.test. A"); err != nil || answer.Status != dnssec.Secure {
		t.Fatalf("%+v, %v", answer, err)
	}
	keys := replayed(t, world, "child.test.", dns.TypeDNSKEY).Answer
	var own, zone *dns.RRSIG
	var set []dns.RR
	for _, rr := range keys {
		if sig, ok := rr.(*dns.RRSIG); ok {
			own = sig
		} else {
			set = append(set, rr)
		}
	}
	zone = dns.Copy(own).(*dns.RRSIG)
	for _, rr := range set {
		if key := rr.(*dns.DNSKEY); key.Flags == 256 {
			zone.KeyTag = key.KeyTag()
		}
	}
	expired, tooSmall, missing := dns.Copy(own).(*dns.RRSIG), dns.Copy(own).(*dns.RRSIG), dns.Copy(own).(*dns.RRSIG)
	missing.KeyTag ^= 0xffff
	expired.Expiration = uint32(time.Now().Unix()) - 1
	tooSmall.Algorithm, tooSmall.KeyTag = small.Algorithm, small.KeyTag()
	for _, tt := range []struct {
		name string
		sigs []dns.RR
		code dnssec.EDE
		text string
	}{
		{"expired, and one by a key without DS record", []dns.RR{expired, zone}, dnssec.EDESignatureExpired, "signature expired"},
		{"by a key that is too small, and one by a key without DS record", []dns.RR{tooSmall, zone}, dnssec.EDEUnsupportedAlgorithm, "key too small"},
		{"expired, and one by a key that is too small", []dns.RR{expired, tooSmall}, dnssec.EDESignatureExpired, "signature expired"},
		{"by a key without DS record alone", []dns.RR{zone}, dnssec.EDEDNSKEYMissing, "the keys are not signed by one that a DS record"},
		{"by a key that is not there alone", []dns.RR{missing}, dnssec.EDEDNSKEYMissing, "no key with the tag"},
	} {
		for range 2 {
			world.Tamper = func(q dns.Question, reply *dns.Msg) {
				if q.Name == "child.test." && q.Qtype == dns.TypeDNSKEY {
					reply.Answer = slices.Concat(set, tt.sigs)
				}
			}
			answer, err := lookup(t, world, "www.child.test. A")
			if err == nil || answer.Status != dnssec.Bogus || answer.Reason.Code != tt.code || !strings.Contains(answer.Reason.Text, tt.text) {
				t.Errorf("%s: %s, %v", tt.name, answer.Status, answer.Reason)
			}
			slices.Reverse(tt.sigs)
		}
	}
}

// A denial fails for the reason of that record which came nearest to prove it.
func TestOrderOfFaultsOfDenials(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "a A 192.0.2.1\nz A 192.0.2.1"}, dnssectest.Zone{Name: "other."})
	denial := replayed(t, world, "m.test.", dns.TypeA)
	for _, rr := range denial.Ns {
		if sig, ok := rr.(*dns.RRSIG); ok {
			sig.Expiration = uint32(time.Now().Unix()) - 1
		}
	}
	stranger := parseRR(t, "x.test. 300 IN NSEC y.test. A")
	junk := []dns.RR{stranger, world.Sign("other.", stranger)}
	for name, authority := range map[string][]dns.RR{"first": slices.Concat(denial.Ns, junk), "last": slices.Concat(junk, denial.Ns)} {
		world.Tamper = func(q dns.Question, reply *dns.Msg) {
			if q.Name == "m.test." {
				reply.Ns = authority
			}
		}
		if answer, err := lookup(t, world, "m.test. A"); err == nil || answer.Reason.Code != dnssec.EDESignatureExpired {
			t.Errorf("the expired one %s: %+v", name, answer)
		}
	}
}

// A key of 512 or 768 bits in a zone that has a good one with a DS record makes what it
// signs Bogus, and is told as too small; a delegation to such a key alone is Insecure (RFC
// 4035 §5.2). Unbound, BIND, Knot and PowerDNS take such keys.
func TestDelegationToSmallKey(t *testing.T) {
	t.Parallel()
	small, _, _, _ := unfitKeys(t)
	small.Hdr.Name, small.Flags = "child.test.", 257
	sig := parseRR(t, fmt.Sprintf("child.test. 300 IN RRSIG DNSKEY 8 2 300 20300101000000 20200101000000 %d child.test. AAAA", small.KeyTag()))
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: small.ToDS(dns.SHA256).String()}, dnssectest.Zone{
		Name: "child.test.", AsIs: true,
		Records: "@ SOA ns hostmaster 1 7200 3600 1209600 300\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.1\n" + small.String() + "\n" + sig.String(),
	})
	answer, err := lookup(t, world, "www.child.test. A")
	if err != nil || answer.Status != dnssec.Insecure || !strings.Contains(answer.Reason.Text, "key too small: RSA with 512 bits") {
		t.Errorf("%+v, %v", answer, err)
	}
}

// A DS record for a key that is too small is disregarded, as one of an unsupported algorithm
// is, and the zone is Insecure only if none is left (RFC 6840 §5.2). One with SHA-1 is left,
// although a digest with SHA-256 would otherwise keep it out (RFC 4509 §3).
func TestDelegationToSmallKeyWithWeakerDigest(t *testing.T) {
	t.Parallel()
	small, _, _, _ := unfitKeys(t)
	small.Hdr.Name, small.Flags = "child.test.", 257
	world := dnssectest.New(t, dnssectest.Zone{Name: "test."},
		dnssectest.Zone{Name: "child.test.", Records: small.String() + "\nwww A 192.0.2.1"})
	var good *dns.DNSKEY
	for _, rr := range replayed(t, world, "child.test.", dns.TypeDNSKEY).Answer {
		if key, ok := rr.(*dns.DNSKEY); ok && key.PublicKey != small.PublicKey {
			good = key
		}
	}
	unmatched := good.ToDS(dns.SHA1)
	unmatched.Digest = strings.Repeat("00", 20)
	for _, tt := range []struct {
		name   string
		weaker *dns.DS
		want   dnssec.Status
	}{
		{"the key is good", good.ToDS(dns.SHA1), dnssec.Secure},
		{"the key is the small one, too", small.ToDS(dns.SHA1), dnssec.Insecure},
		{"no key matches", unmatched, dnssec.Bogus},
		{"there is none", nil, dnssec.Insecure},
	} {
		set := []dns.RR{small.ToDS(dns.SHA256)}
		if tt.weaker != nil {
			set = append(set, tt.weaker)
		}
		for _, rr := range set {
			rr.Header().Ttl = 300
		}
		world.Tamper = func(q dns.Question, reply *dns.Msg) {
			if q.Name == "child.test." && q.Qtype == dns.TypeDS {
				reply.Answer = append(slices.Clone(set), world.Sign("test.", set...))
			}
		}
		answer, err := lookup(t, world, "www.child.test. A")
		if answer == nil || answer.Status != tt.want {
			t.Errorf("of the DS record with SHA-1 %s: want %s, got %+v, %v", tt.name, tt.want, answer, err)
		}
	}
}
