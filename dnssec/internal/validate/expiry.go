package validate

import (
	"time"

	"github.com/miekg/dns"
)

// earlier returns the earlier of two instants.
func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// TTLEnd is when the smallest TTL of the records ends.
func TTLEnd(now time.Time, records []dns.RR) time.Time {
	ttl := uint32(maxTTL / time.Second)
	for _, rr := range records {
		ttl = min(ttl, rr.Header().Ttl)
	}
	return now.Add(time.Duration(ttl) * time.Second)
}

// expiry is when the records must be forgotten: after the smallest TTL, or that
// of the time of signing (RFC 4035 §5.3.3), and when the signature expires.
func (val *Validator) expiry(records []dns.RR, sig *dns.RRSIG) time.Time {
	end := TTLEnd(val.Now, records)
	if sig == nil {
		return end
	}
	end = earlier(end, val.Now.Add(time.Duration(sig.OrigTtl)*time.Second))
	return earlier(end, SignatureTime(sig.Expiration, val.Now).Add(val.Skew))
}

// SignatureTime gives a time in a signature, which counts modulo 2^32 seconds, the
// meaning that is nearest to now (RFC 4034 §3.1.5, RFC 1982).
func SignatureTime(seconds uint32, now time.Time) time.Time {
	return time.Unix(now.Unix()+int64(int32(seconds-uint32(now.Unix()))), 0).UTC()
}

// DenialExpiry is when an unproven denial from an insecure zone must be forgotten: as the
// zone's SOA says, and soon if the reply has no SOA (RFC 2308 §5).
func DenialExpiry(now time.Time, q Question, authority []*RRset) time.Time {
	end, ok := soaEnd(now, q, authority)
	if !ok {
		return now.Add(bogusTTL)
	}
	return earlier(end, now.Add(MaxDenialTTL))
}

// soaEnd is when a denial must be forgotten by the SOA in the reply: after its TTL or its
// MINIMUM, whichever is less (RFC 2308 §5, RFC 9077 §3). ok is false if there is no SOA.
//
// The signature of the SOA is not looked at. All that it can do to a proven denial is to
// shorten its life, which whoever forges it could do to the TTL of the NSEC records as well,
// and without it the denial lives as long as the zone has signed those for.
func soaEnd(now time.Time, q Question, authority []*RRset) (end time.Time, ok bool) {
	for _, set := range authority {
		if set.Type != dns.TypeSOA || !q.Name.Below(set.Name) {
			continue // that of a zone which an alias led to before
		}
		for _, rr := range set.Records {
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
