package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/bench/lab/internal/zone"
)

// A leaf is the zone of a mail domain.
type leaf struct {
	zone.Zone
	class class
	tlsa  string // usage, selector and matching type, or "none"
}

// A class is what is true of a zone, and for bogus ones what is wrong with it.
type class string

const (
	secure       class = "secure"
	insecure     class = "insecure"
	bogusExpired class = "bogus-expired" // its signatures are of the past
	bogusDS      class = "bogus-ds"      // the DS record is of another key
	bogusNoSig   class = "bogus-nosig"   // only the keys are signed
	bogusSig     class = "bogus-sig"     // all signatures but those of the keys are wrong
)

// String is the line of domains.txt.
func (l *leaf) String() string {
	algorithm := "-"
	if l.KSK != nil {
		algorithm = dns.AlgorithmToString[l.KSK.Record.Algorithm]
	}
	return fmt.Sprintf("%s %s %s %s", l.Apex, l.class, algorithm, l.tlsa)
}

// classOf says what the domain with a number is like. The mix repeats after 100.
func classOf(i int) (c class, algorithm uint8) {
	switch i %= 100; {
	case i < 70:
		return secure, dns.ECDSAP256SHA256
	case i < 82:
		return secure, dns.RSASHA256
	case i < 90:
		return secure, dns.ED25519
	case i < 96:
		return insecure, 0
	}
	return []class{bogusExpired, bogusDS, bogusNoSig, bogusSig}[i%4], dns.ECDSAP256SHA256
}

// A leafMaker makes the domains, which share a few RSA keys.
type leafMaker struct {
	now    time.Time
	ta, ee string         // data of TLSA records
	rsa    [2][2]zone.Key // made when they are needed
}

func (m *leafMaker) leaf(i int) (*leaf, error) {
	apex := fmt.Sprintf("d%04d.%s", i, tld)
	class, algorithm := classOf(i)
	l := &leaf{class: class, tlsa: "none", Zone: zone.Zone{
		Apex: apex, Inception: m.now.Add(-signedBefore), Expiration: m.now.Add(signedFor),
	}}
	if class == bogusExpired {
		l.Inception, l.Expiration = m.now.Add(-2*signedFor), m.now.Add(-signedFor)
	}
	if i%2 == 1 {
		l.Denial = zone.NSEC3
	}
	if err := m.keys(l, i, algorithm); err != nil {
		return nil, err
	}
	records := append(start(apex, "ns1."+apex, leafAddress), apex+" MX 10 mx."+apex, "mx."+apex+" A "+mailAddress(i))
	switch i % 10 {
	case 9: // no TLSA records
	case 8:
		l.tlsa = "211"
		records = append(records, "_25._tcp.mx."+apex+" TLSA 2 1 1 "+m.ta)
	default:
		l.tlsa = "311"
		records = append(records, "_25._tcp.mx."+apex+" TLSA 3 1 1 "+m.ee)
	}
	return l, l.Add(records...)
}

// keys gives a third of the signed zones one key, and the others two.
func (m *leafMaker) keys(l *leaf, i int, algorithm uint8) (err error) {
	switch {
	case algorithm == 0:
		return nil
	case algorithm == dns.RSASHA256:
		pair := &m.rsa[i%len(m.rsa)]
		for j, flags := range []uint16{zone.KeySigning, zone.ZoneKey} {
			if pair[j].Record == nil {
				key, err := zone.NewKey(".", algorithm, flags)
				if err != nil {
					return err
				}
				pair[j] = *key
			}
		}
		l.KSK, l.ZSK = pair[0].For(l.Apex), pair[1].For(l.Apex)
		return nil
	}
	if l.KSK, err = zone.NewKey(l.Apex, algorithm, zone.KeySigning); err != nil {
		return err
	}
	if l.ZSK = l.KSK; i%3 != 0 {
		l.ZSK, err = zone.NewKey(l.Apex, algorithm, zone.ZoneKey)
	}
	return err
}

// delegation returns the DS record that the parent has, or nil.
func (l *leaf) delegation() dns.RR {
	ds := l.DS()
	if ds == nil {
		return nil
	}
	if l.class == bogusDS {
		ds.Digest = strings.Repeat("00", len(ds.Digest)/2)
	}
	return ds
}

// spoil breaks the signatures of a zone as its class wants it.
func (l *leaf) spoil(records []dns.RR) []dns.RR {
	var kept []dns.RR
	for _, rr := range records {
		sig, ok := rr.(*dns.RRSIG)
		if ok && sig.TypeCovered != dns.TypeDNSKEY {
			switch l.class {
			case bogusNoSig:
				continue
			case bogusSig:
				sig.Signature = swapped(sig.Signature)
			}
		}
		kept = append(kept, rr)
	}
	return kept
}

// swapped returns a signature in base64 with another character in its midst.
func swapped(signature string) string {
	const at = 10
	other := "A"
	if signature[at] == 'A' {
		other = "B"
	}
	return signature[:at] + other + signature[at+1:]
}
