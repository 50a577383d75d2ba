package compare

import "net/netip"

// named reports whether it is known which servers the zone above names, and the zone itself.
func (z *Zone) named() (above, within bool) {
	for i := range z.Servers {
		above = above || z.Servers[i].Above
		within = within || z.Servers[i].Within
	}
	return above, within
}

// NamedAbove and NamedWithin return servers that only one of the two names: the zone above,
// or the zone itself. Both are nil unless it is known which servers both of them name.
func (z *Zone) NamedAbove() []string {
	return z.namedOnly(func(s *Server) bool { return s.Above && !s.Within })
}

// NamedWithin is described at NamedAbove.
func (z *Zone) NamedWithin() []string {
	return z.namedOnly(func(s *Server) bool { return s.Within && !s.Above })
}

func (z *Zone) namedOnly(only func(*Server) bool) (names []string) {
	if above, within := z.named(); !above || !within {
		return nil
	}
	for i := range z.Servers {
		if s := &z.Servers[i]; only(s) && (len(names) == 0 || names[len(names)-1] != s.Name) {
			names = append(names, s.Name)
		}
	}
	return names
}

// StaleGlue reports whether the address of a server of the zone comes from the glue of the zone
// above alone, although its name has other addresses.
func (z *Zone) StaleGlue(s *Server) bool {
	if s.Recorded || !s.Address.IsValid() {
		return false
	}
	for i := range z.Servers {
		if other := &z.Servers[i]; other.Name == s.Name && other.Recorded {
			return true
		}
	}
	return false
}

// Glue returns the addresses of a server that came with delegations.
func (z *Zone) Glue(name string) (all []netip.Addr) {
	seen := make(map[netip.Addr]bool)
	for _, d := range z.Delegations {
		for _, g := range d.Glue {
			for _, addr := range g.Addresses {
				if g.Name == name && !seen[addr] {
					seen[addr] = true
					all = append(all, addr)
				}
			}
		}
	}
	return all
}
