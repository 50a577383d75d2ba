package dnssec

// InFlight counts the questions that are in flight or held.
func InFlight(r *Resolver) int {
	r.inflights.mu.Lock()
	defer r.inflights.mu.Unlock()
	return len(r.inflights.byKey)
}
