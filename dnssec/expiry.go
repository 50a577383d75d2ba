package dnssec

import (
	"time"

	"github.com/miekg/dns"
)

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// ttlEnd is when the smallest TTL of the records ends.
func ttlEnd(now time.Time, records []dns.RR) time.Time {
	ttl := uint32(maxTTL / time.Second)
	for _, rr := range records {
		ttl = min(ttl, rr.Header().Ttl)
	}
	return now.Add(time.Duration(ttl) * time.Second)
}

// expiry is when the records must be forgotten: after the smallest TTL, or that
// of the time of signing (RFC 4035 §5.3.3), and when the signature expires.
func (val *validator) expiry(records []dns.RR, sig *dns.RRSIG) time.Time {
	end := ttlEnd(val.now, records)
	if sig == nil {
		return end
	}
	end = earlier(end, val.now.Add(time.Duration(sig.OrigTtl)*time.Second))
	return earlier(end, signatureTime(sig.Expiration, val.now).Add(val.skew))
}

// signatureTime gives a time in a signature, which counts modulo 2^32 seconds, the
// meaning that is nearest to now (RFC 4034 §3.1.5, RFC 1982).
func signatureTime(seconds uint32, now time.Time) time.Time {
	return time.Unix(now.Unix()+int64(int32(seconds-uint32(now.Unix()))), 0).UTC()
}

// denialExpiry is when an unproven denial from an insecure zone must be forgotten: as the
// zone's SOA says, and soon where there is none (RFC 2308 §5).
func denialExpiry(now time.Time, q question, authority []*rrset) time.Time {
	end, ok := soaEnd(now, q, authority)
	if !ok {
		return now.Add(bogusTTL)
	}
	return earlier(end, now.Add(maxDenialTTL))
}

// soaEnd is when a denial must be forgotten by the SOA in the reply: after its TTL or its
// MINIMUM, whichever is less (RFC 2308 §5, RFC 9077 §3). ok is false where there is none.
//
// The signature of the SOA is not looked at. All that it can do to a proven denial is to
// shorten its life, which whoever forges it could do to the TTL of the NSEC records as well,
// and without it the denial lives as long as the zone has signed those for.
func soaEnd(now time.Time, q question, authority []*rrset) (end time.Time, ok bool) {
	for _, set := range authority {
		if set.qtype != dns.TypeSOA || !q.name.Below(set.name) {
			continue // that of a zone which an alias led to before
		}
		for _, rr := range set.records {
			soa, isSOA := rr.(*dns.SOA)
			if !isSOA {
				continue
			}
			until := now.Add(time.Duration(min(soa.Minttl, soa.Hdr.Ttl)) * time.Second)
			if !ok || until.Before(end) {
				end, ok = until, true
			}
		}
	}
	return end, ok
}
