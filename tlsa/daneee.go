package tlsa

import "crypto/x509"

// entity returns the first DANEEE record that counts and that the certificate
// matches, or -1. It allocates nothing.
func (v *Verifier) entity(cert *x509.Certificate, s *selection) int {
	c := candidate{cert: cert}
	for i := range v.Records {
		if r := &v.Records[i]; r.Usage == DANEEE && r.defect(v.Application) == "" && !s.suppresses(r) && c.matches(r) {
			return i
		}
	}
	return -1
}
