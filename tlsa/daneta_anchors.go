package tlsa

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"slices"
	"time"
)

// collect finds the trust anchors that the records name, in the presented chain and
// in the records themselves. It reports false if they have been found before.
func (e *evaluation) collect() bool {
	s := &e.search
	if s.done {
		return false
	}
	s.done, s.unread = true, map[int]*Error{}
	presented := e.collectPresented()
	// The order of the records is that of an unsigned reply, and must decide nothing:
	// neither which are cut off by a limit, nor which is tried first.
	for _, i := range e.fullRecords() {
		r := &e.Records[i]
		if r.Selector == SPKI {
			e.collectKey(i, r)
		} else if !presented[i] {
			e.collectCertificate(i, r)
		}
	}
	return true
}

// collectPresented takes the presented certificates that records match, and reports
// which records these are.
func (e *evaluation) collectPresented() map[int]bool {
	presented := map[int]bool{}
	for _, cert := range e.chain[1:] {
		// The server's own certificate is no anchor for itself, even if it is presented
		// twice: that is what usage DANEEE is for.
		if cert == nil || len(cert.Raw) == 0 || bytes.Equal(cert.Raw, e.chain[0].Raw) {
			continue
		}
		var records []int
		for i := range e.Records {
			if e.matches(cert, DANETA, i) {
				records = append(records, i)
				presented[i] = true
			}
		}
		if len(records) > 0 {
			e.add(anchor{cert: e.dateless(cert), shown: cert, records: records})
		}
	}
	return presented
}

// fullRecords returns the DANETA records that bring their anchor along, in canonical
// order, that of their data.
func (e *evaluation) fullRecords() []int {
	var full []int
	for i := range e.Records {
		if r := &e.Records[i]; r.Usage == DANETA && r.Matching == Full && e.counts[i] {
			full = append(full, i)
		}
	}
	slices.SortStableFunc(full, func(i, j int) int {
		a, b := &e.Records[i], &e.Records[j]
		return cmp.Or(cmp.Compare(a.Selector, b.Selector), bytes.Compare(a.Data, b.Data))
	})
	return full
}

// collectCertificate takes the certificate in a record, for a server that leaves its
// trust anchor out (RFC 7671 §5.2.2).
func (e *evaluation) collectCertificate(i int, r *Record) {
	cert, err := x509.ParseCertificate(r.Data)
	if err == nil {
		err = tooLong(cert)
	}
	switch {
	case err != nil:
		e.search.unread[i] = newError(ReasonParse, err).about(*r, -1)
	case !bytes.Equal(cert.Raw, e.chain[0].Raw):
		e.add(anchor{cert: e.dateless(cert), shown: cert, records: []int{i}})
	}
}

// collectKey takes the key in a record (RFC 7671 §5.2.3).
func (e *evaluation) collectKey(i int, r *Record) {
	key, err := readKey(r.Data)
	if err != nil {
		e.search.unread[i] = newError(ReasonParse, err).about(*r, -1)
		return
	}
	// The key has no name, but crypto/x509 finds issuers by theirs: so let it have
	// that of every issuer in question. Where a presented certificate has the name and
	// the key, it is the anchor, with its constraints; one with the key and another
	// name has issued something else, and is in nobody's way.
	for _, cert := range e.chain {
		if cert == nil || len(cert.RawIssuer) == 0 || e.presents(cert.RawIssuer, r.Data) {
			continue
		}
		e.add(anchor{records: []int{i}, bare: true, cert: &x509.Certificate{
			Raw:                slices.Concat(r.Data, cert.RawIssuer), // what pools tell certificates apart by
			RawSubject:         cert.RawIssuer,
			PublicKey:          key.PublicKey,
			PublicKeyAlgorithm: key.PublicKeyAlgorithm,
			NotAfter:           endOfTime,
		}})
	}
}

// presents reports whether a presented certificate that may be an anchor has the name and the
// key. A copy of the server's own may not: see collectPresented.
func (e *evaluation) presents(name, key []byte) bool {
	return slices.ContainsFunc(e.chain[1:], func(cert *x509.Certificate) bool {
		return cert != nil && bytes.Equal(cert.RawSubject, name) && bytes.Equal(cert.RawSubjectPublicKeyInfo, key) &&
			!bytes.Equal(cert.Raw, e.chain[0].Raw)
	})
}

// add keeps an anchor, or the record of one that is there already.
func (e *evaluation) add(a anchor) {
	s := &e.search
	a.depth = -1
	place, known := s.places[string(a.cert.Raw)]
	if !known {
		if s.places == nil {
			s.places = map[string]int{}
		}
		s.places[string(a.cert.Raw)] = len(s.anchors)
		s.anchors = append(s.anchors, a)
		return
	}
	for _, i := range a.records {
		if known := &s.anchors[place].records; !slices.Contains(*known, i) {
			*known = append(*known, i)
			slices.Sort(*known)
		}
	}
}

// endOfTime is the last instant that a certificate can name (RFC 5280 §4.1.2.5).
var endOfTime = time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)

// dateless returns the certificate of an anchor without its validity. For paths an
// anchor is a name and a key (RFC 5280 §6.1.1, §6.2), which here have come from DNS
// and are as fresh as that. The rest of it counts: that it is a CA, and what it may
// sign (RFC 7672 §3.1.2).
//
// OpenSSL, and so other senders, do without the dates of an anchor that another CA has
// signed. They hold them against a root that has signed itself, and so do we: nobody
// gains by accepting more than others. Neither do we outside of SMTP.
func (e *evaluation) dateless(cert *x509.Certificate) *x509.Certificate {
	if e.Application != SMTP || selfIssued(cert) {
		return cert
	}
	anchor := *cert
	anchor.NotBefore, anchor.NotAfter = time.Time{}, endOfTime
	return &anchor
}

// selfIssued reports whether a certificate names itself as its issuer. A key
// identifier that is another's denies it (RFC 5280 §4.2.1.1).
func selfIssued(cert *x509.Certificate) bool {
	return bytes.Equal(cert.RawSubject, cert.RawIssuer) &&
		(len(cert.AuthorityKeyId) == 0 || len(cert.SubjectKeyId) == 0 || bytes.Equal(cert.AuthorityKeyId, cert.SubjectKeyId))
}
