package rollover

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/tlsa"
)

// TTL is how long a cache may keep what the servers say now.
func (s *Survey) TTL() time.Duration { return s.longest(func(v *View) time.Duration { return v.TTL }) }

// NegativeTTL is how long a cache may keep that there are no records.
func (s *Survey) NegativeTTL() time.Duration {
	return s.longest(func(v *View) time.Duration { return v.NegativeTTL })
}

// AliasTTL is how long a cache may keep the aliases that lead to the records.
func (s *Survey) AliasTTL() time.Duration {
	return s.longest(func(v *View) time.Duration { return v.AliasTTL })
}

// SignatureValidity is for how long the records are signed at a time, and 0 if they are not.
func (s *Survey) SignatureValidity() time.Duration {
	return s.longest(func(v *View) time.Duration { return v.Expires.Sub(v.Inception) })
}

// Propagation is how long a change takes to reach all secondaries if nobody notifies them:
// REFRESH, and RETRY after one failure (RFC 1035 §3.3.13).
func (s *Survey) Propagation() time.Duration {
	var longest time.Duration
	for _, z := range s.Zones {
		longest = max(longest, seconds(z.SOA.Refresh)+seconds(z.SOA.Retry))
	}
	return longest
}

func (s *Survey) longest(of func(*View) time.Duration) time.Duration {
	var longest time.Duration
	for i := range s.Views {
		if v := &s.Views[i]; v.Err == nil {
			longest = max(longest, of(v))
		}
	}
	return longest
}

// Insecure reports whether a server gives an answer that DNSSEC does not protect, so that
// nobody will use the records.
func (s *Survey) Insecure() bool {
	return slices.ContainsFunc(s.Views, func(v View) bool { return v.Err == nil && v.Status != dnssec.Secure })
}

// DifferentVersions returns the zones whose servers do not have the same SOA serial.
func (s *Survey) DifferentVersions() []string {
	var zones []string
	for _, z := range s.Zones {
		serials := map[uint32]bool{}
		for i := range s.Views {
			if v := &s.Views[i]; v.Err == nil && v.Zone == z.Name {
				serials[v.Serial] = true
			}
		}
		if len(serials) > 1 {
			zones = append(zones, z.Name)
		}
	}
	return zones
}

// Agreed returns the records that all servers have, for [tlsa.Verifier.Plan]. There is no plan
// for servers that differ: what holds for one may fail at another. The error is an *[Error].
func (s *Survey) Agreed() ([]tlsa.Record, error) {
	var first *View
	var unknown error
	for i := range s.Views {
		v := &s.Views[i]
		switch {
		case v.Err != nil && v.Status == dnssec.Bogus:
			return nil, v.invalid()
		case v.Err != nil && s.isElsewhere(v):
		case v.Err != nil:
			unknown = &Error{Server: v.Name(), Err: v.Err}
		case first == nil:
			first = v
		case !sameRecords(first.Records, v.Records):
			return nil, &Error{Reason: ReasonDifferent, Err: differ(v, first)}
		}
	}
	switch {
	case unknown != nil:
		return nil, unknown
	case len(s.Unasked) > 0:
		return nil, &Error{Err: errors.New(s.Unasked[0])}
	case first == nil:
		return nil, &Error{Err: errNobody}
	}
	return first.Records, nil
}

// differ says whether a server lags behind another, or has something else in the same version.
func differ(v, first *View) error {
	if v.Serial == first.Serial {
		return fmt.Errorf("the name servers differ: %s has other records than %s, though both have SOA serial %d", v.Name(), first.Name(), v.Serial)
	}
	return fmt.Errorf("the name servers differ: %s with SOA serial %d has other records than %s with %d", v.Name(), v.Serial, first.Name(), first.Serial)
}

var errNobody = errors.New("no name server could be asked")

// isElsewhere reports whether a view failed since this machine has no way to the address, and
// the same server was asked at another one.
func (s *Survey) isElsewhere(v *View) bool {
	return isLocal(v.Err) && slices.ContainsFunc(s.Views, func(other View) bool {
		return other.Err == nil && other.Zone == v.Zone && other.Server == v.Server
	})
}

// sameRecords compares sets, which have no order.
func sameRecords(a, b []tlsa.Record) bool {
	text := func(records []tlsa.Record) []string {
		var all []string
		for _, r := range records {
			all = append(all, r.String())
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	return slices.Equal(text(a), text(b))
}
