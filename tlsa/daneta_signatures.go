package tlsa

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A search finds out to which trust anchors signatures lead from the server's
// certificate, whatever else is wrong with those who made them. What they do not lead
// to costs no path.
type search struct {
	done    bool
	anchors []anchor       // those that signatures lead to first, by their distance
	places  map[string]int // of the anchors, by their octets
	unread  map[int]*Error // records of which nobody can make an anchor
	reached map[*x509.Certificate]int

	links     map[[2]*x509.Certificate]error // of a certificate to its issuer; nil if the signature is right
	work      int                            // that the links have cost
	exhausted bool                           // more signatures would have had to be checked
	unchecked error                          // why a signature could not be checked
}

// maxWork bounds the signatures that are checked in a search, in those of the usual
// cost: half a second. A chain takes two or three. The most that records can ask for
// are those of keys without a name, each of which may have signed any certificate: one
// RRset has room for 1110 of Ed25519 and for 618 of P-256.
const maxWork = 4096

// work is what it costs to check a signature, about. P-384 and P-521 are not as
// optimized in Go as P-256 is; RSA grows with the square of the length.
func work(issuer *x509.Certificate) int {
	switch key := issuer.PublicKey.(type) {
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return 16
		}
	case *rsa.PublicKey:
		times := key.N.BitLen() / 2048
		return max(1, times*times)
	}
	return 1
}

// reach follows the signatures, from the server's certificate upwards, once.
func (s *search) reach(chain []*x509.Certificate) {
	if s.links != nil {
		return
	}
	s.links = map[[2]*x509.Certificate]error{}
	s.reached = map[*x509.Certificate]int{chain[0]: 0}
	issuers := map[string][]int{} // anchors by their name
	for i := range s.anchors {
		name := string(s.anchors[i].cert.RawSubject)
		issuers[name] = append(issuers[name], i)
	}
	queue := []*x509.Certificate{chain[0]}
	for ; len(queue) > 0; queue = queue[1:] {
		cert := queue[0]
		depth := s.reached[cert] + 1
		for _, issuer := range chain[1:] {
			if issuer == nil || len(issuer.Raw) == 0 {
				continue
			}
			if _, reached := s.reached[issuer]; !reached && s.signed(cert, issuer) {
				s.reached[issuer] = depth
				queue = append(queue, issuer)
			}
		}
		for _, i := range issuers[string(cert.RawIssuer)] {
			if a := &s.anchors[i]; a.depth < 0 && s.signed(cert, a.cert) {
				a.depth = depth
			}
		}
	}
	slices.SortStableFunc(s.anchors, func(a, b anchor) int { return cmp.Compare(uint(a.depth), uint(b.depth)) })
	s.places = nil // they have changed
}

// isAnchor reports whether a certificate is one of the anchors. Before reach only.
func (s *search) isAnchor(cert *x509.Certificate) bool {
	_, known := s.places[string(cert.Raw)]
	return known
}

// signed reports whether the issuer has signed a certificate.
func (s *search) signed(cert, issuer *x509.Certificate) bool {
	if !bytes.Equal(issuer.RawSubject, cert.RawIssuer) {
		return false
	}
	link := [2]*x509.Certificate{cert, issuer}
	err, known := s.links[link]
	if !known {
		if s.work += work(issuer); s.work > maxWork {
			s.exhausted = true
			return false
		}
		err = issuer.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature)
		s.links[link] = err
	}
	if uncheckable(err) {
		s.unchecked = err
	}
	return err == nil
}

// uncheckable reports whether Go has refused to check a signature. For RSA keys that are too short
// crypto/rsa has no type.
func uncheckable(err error) bool {
	_, insecure := errors.AsType[x509.InsecureAlgorithmError](err)
	return insecure || errors.Is(err, x509.ErrUnsupportedAlgorithm) || err != nil && strings.Contains(err.Error(), shortRSA)
}

// whyNoPath says why signatures do not lead to an anchor, as far as that is known.
func (s *search) whyNoPath(a *anchor) error {
	switch {
	case s.unchecked != nil:
		return s.unchecked
	case a.bare:
		return errors.New("the key has signed no certificate of the chain")
	}
	return fmt.Errorf("no signatures lead from the server's certificate to %s", quote(a.cert.Subject.String()))
}

// intermediates returns the presented certificates that signatures lead to, but for
// the anchor itself.
func (s *search) intermediates(chain []*x509.Certificate, a *anchor) []*x509.Certificate {
	var others []*x509.Certificate
	for _, cert := range chain[1:] {
		if _, reached := s.reached[cert]; reached && !bytes.Equal(a.cert.Raw, cert.Raw) {
			others = append(others, cert)
		}
	}
	return others
}

// An anchor is a trust anchor that DANETA records name.
type anchor struct {
	cert    *x509.Certificate // as it counts: see dateless
	shown   *x509.Certificate // as it is presented or in the record; nil for a key alone
	records []int             // that name it, in their order
	bare    bool              // a public key alone: cert is only a wrapper around it
	depth   int               // signatures between it and the server's certificate; -1 if none lead to it

	tried bool
	path  int // length of the one that was found
	match Match
	err   *Error
}
