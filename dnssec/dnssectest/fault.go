package dnssectest

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// A Fault is something that is wrong with an RRset, or with a zone.
type Fault uint8

const (
	// Expired: the signatures expired a day ago.
	Expired Fault = iota + 1
	// NotYetValid: the signatures are valid from tomorrow on.
	NotYetValid
	// BadSignature: the signature has one wrong bit.
	BadSignature
	// NoSignature: the signatures are missing. In a whole zone those of the keys are
	// there.
	NoSignature
	// WrongDS: the DS record in the zone above is that of another key. It is for whole
	// zones only.
	WrongDS
	// NoKeys: there are no DNSKEY records. It is for whole zones only.
	NoKeys
	// ServFail: queries are answered with SERVFAIL.
	ServFail
	// Refused: queries are answered with REFUSED.
	Refused
	// Silent: queries are not answered.
	Silent
)

// WholeZone is the key of Zone.Faults for a fault of everything in the zone.
const WholeZone = "*"

// forZone returns what is wrong with the zone as a whole.
func (z *zone) forZone() Fault { return z.Faults[WholeZone] }

// forQuery returns what is wrong with the answers to a question, or 0.
func (z *zone) forQuery(name canonical.Name, qtype uint16) Fault {
	if fault := z.forZone(); fault >= ServFail {
		return fault
	}
	return z.faults[rrsetName{name, qtype}]
}

// parseFaults reads the keys of Zone.Faults: "owner TYPE", relative to the apex.
func (z *zone) parseFaults() error {
	z.faults = make(map[rrsetName]Fault)
	for key, fault := range z.Faults {
		if key == WholeZone {
			continue
		}
		fields := strings.Fields(key)
		if len(fields) != 2 {
			return fmt.Errorf("fault of %q: want an owner and a type", key)
		}
		rrtype, ok := dns.StringToType[strings.ToUpper(fields[1])]
		if !ok {
			return fmt.Errorf("fault of %q: unknown type", key)
		}
		owner, err := canonical.ParseName(absolute(fields[0], z.Name))
		if err != nil {
			return fmt.Errorf("fault of %q: %w", key, err)
		}
		if fault == WrongDS || fault == NoKeys {
			return fmt.Errorf("fault of %q: only a whole zone can have this fault", key)
		}
		z.faults[rrsetName{owner, rrtype}] = fault
	}
	return nil
}

// absolute returns a name relative to the apex with the final dot.
func absolute(name, apex string) string {
	switch {
	case name == "@":
		return apex
	case strings.HasSuffix(name, "."):
		return name
	case apex == ".":
		return name + "."
	}
	return name + "." + apex
}

// validity returns when signatures with the fault are valid.
func validity(fault Fault, now time.Time) (inception, expiration time.Time) {
	const day = 24 * time.Hour
	switch fault {
	case Expired:
		return now.Add(-30 * day), now.Add(-day)
	case NotYetValid:
		return now.Add(day), now.Add(30 * day)
	}
	return now.Add(-day), now.Add(30 * day)
}

// damage applies the faults of signatures to a signed zone.
func (z *zone) damage(now time.Time) error {
	for name, fault := range z.faults {
		if z.sets[name] == nil && fault < ServFail {
			return fmt.Errorf("zone %s: a fault of %s %s, which is not there", z.Name, name.owner, dns.Type(name.rrtype))
		}
	}
	for name, set := range z.sets {
		fault := z.faults[name]
		if fault == 0 {
			fault = z.forZone()
			if fault == NoSignature && name.rrtype == dns.TypeDNSKEY {
				continue
			}
			if fault == NoKeys && name.rrtype == dns.TypeDNSKEY {
				delete(z.sets, name)
				continue
			}
		}
		switch fault {
		case NoSignature:
			set.sigs = nil
		case BadSignature:
			for _, sig := range set.sigs {
				flip(sig)
			}
		case Expired, NotYetValid:
			if err := z.resign(set, fault, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// flip changes one bit of a signature.
func flip(sig *dns.RRSIG) {
	wire, err := base64.StdEncoding.DecodeString(sig.Signature)
	if err != nil || len(wire) == 0 {
		panic("dnssectest: signature is not base64") // we made it ourselves
	}
	wire[len(wire)-1] ^= 1
	sig.Signature = base64.StdEncoding.EncodeToString(wire)
}

// resign signs an RRset again, for the wrong time.
func (z *zone) resign(set *signedSet, fault Fault, now time.Time) error {
	inception, expiration := validity(fault, now)
	for i := range set.sigs {
		sig, err := z.signer.Key(set.records[0].Header().Rrtype).Sign(set.records, inception, expiration)
		if err != nil {
			return err
		}
		set.sigs[i] = sig
	}
	return nil
}
