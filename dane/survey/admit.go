package survey

import (
	"context"
	"net/netip"
)

// AdmitDNS is for upstream.Recursor.Admit: it keeps Limits.DNS for each server.
func (s *Survey) AdmitDNS(ctx context.Context, server netip.Addr) (done func(), err error) {
	s.start()
	if server.IsLoopback() {
		return func() {}, nil
	}
	keys := []gateKey{{kind: gateDNS, name: server.String()}}
	if !s.limiter.try(keys) {
		if err := s.limiter.wait(ctx, keys); err != nil {
			return nil, err
		}
	}
	return func() { s.limiter.done(keys) }, nil
}
