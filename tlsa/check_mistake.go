package tlsa

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/pem"
)

// A form is a way to write a part of a certificate as the data of a record.
type form struct {
	Selector
	Matching
	pem   bool // a digest of text, which is never right
	place int  // of the certificate in the chain
}

// forms has the forms of all certificates, by the data.
func forms(chain []*x509.Certificate) map[string][]form {
	all := map[string][]form{}
	for place, cert := range chain {
		if place > 0 && bytes.Equal(selected(cert, Cert), selected(chain[0], Cert)) {
			continue // the server's own, once more, or nothing
		}
		for _, s := range []Selector{Cert, SPKI} {
			part := selected(cert, s)
			if len(part) == 0 {
				continue
			}
			add := func(data []byte, m Matching, pem bool) {
				all[string(data)] = append(all[string(data)], form{s, m, pem, place})
			}
			digests := func(of []byte, pem bool) {
				sha256, sha512 := sha256.Sum256(of), sha512.Sum512(of)
				add(sha256[:], SHA256, pem)
				add(sha512[:], SHA512, pem)
			}
			add(part, Full, false)
			digests(part, false)
			text := pem.EncodeToMemory(&pem.Block{Type: [...]string{"CERTIFICATE", "PUBLIC KEY"}[s], Bytes: part})
			digests(text, true)
			digests(bytes.TrimSuffix(text, []byte("\n")), true) // as a shell's $(…) has it
			digests(bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")), true)
		}
	}
	return all
}

// What tools publish that hash a key they could not read.
var (
	emptySHA256 = sha256.Sum256(nil)
	emptySHA512 = sha512.Sum512(nil)
)

// mistake looks for a certificate that the record would match if it were written
// otherwise: with another usage, selector or matching type, or with a digest of DER.
// The Problem is 0 if there is none.
func (c *checker) mistake(i int) Finding {
	r := &c.Records[i]
	found := Finding{Record: i, Certificate: -1}
	if r.Usage > DANEEE || r.Selector > SPKI || r.Matching > SHA512 {
		return found
	}
	if bytes.Equal(r.Data, emptySHA256[:]) || bytes.Equal(r.Data, emptySHA512[:]) {
		found.Problem = ProblemEmpty
		return found
	}
	for place := range c.chains {
		for _, f := range c.chains[place].forms[string(r.Data)] {
			problem := f.mistake(r)
			if problem == 0 {
				return Finding{Record: i, Certificate: -1} // it is right, and fails for another reason
			}
			if found.Problem == 0 {
				found = Finding{Problem: problem, Record: i, Certificate: f.place, Chain: place}
			}
		}
	}
	return found
}

// mistake says what is wrong with a record that has this data; 0 if nothing is.
func (f form) mistake(r *Record) Problem {
	entity := r.Usage == PKIXEE || r.Usage == DANEEE
	switch {
	case f.pem:
		return ProblemPEM
	case f.Matching != r.Matching:
		return ProblemMatching
	case f.Selector != r.Selector:
		return ProblemSelector
	case entity != (f.place == 0):
		return ProblemUsage
	}
	return 0
}
