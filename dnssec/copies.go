package dnssec

import (
	"time"

	"github.com/miekg/dns"
)

// secondsLeft is the longest TTL of records that must be forgotten at an instant.
func secondsLeft(expires, now time.Time) uint32 {
	return uint32(max(expires.Sub(now), 0) / time.Second)
}

// copyRecords returns the records for the caller to keep, their TTLs no longer than that.
func copyRecords(records []dns.RR, ttl uint32) []dns.RR {
	own := deepCopies(records)
	for _, rr := range own {
		rr.Header().Ttl = min(rr.Header().Ttl, ttl)
	}
	return own
}

// deepCopies returns records that share nothing with those given.
func deepCopies(records []dns.RR) []dns.RR {
	own := make([]dns.RR, len(records))
	for i, rr := range records {
		own[i] = dns.Copy(rr)
	}
	return own
}
