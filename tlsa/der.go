package tlsa

// The DER tags that certificates and public keys are made of (X.690).
const (
	tagBitString = 0x03
	tagSequence  = 0x30
)

// isCertificate reports whether b has the outer shape of a certificate, and
// nothing after it: three fields, which are not looked into (RFC 5280 §4.1).
func isCertificate(b []byte) bool {
	return isSequence(b, tagSequence, tagSequence, tagBitString)
}

// isPublicKey does the same for a SubjectPublicKeyInfo (RFC 5280 §4.1).
func isPublicKey(b []byte) bool {
	return isSequence(b, tagSequence, tagBitString)
}

// isSequence reports whether b is exactly one SEQUENCE of elements with these tags.
func isSequence(b []byte, tags ...byte) bool {
	outer, b, ok := element(b, tagSequence)
	if !ok || len(b) > 0 {
		return false
	}
	for _, tag := range tags {
		if _, outer, ok = element(outer, tag); !ok {
			return false
		}
	}
	return len(outer) == 0
}

// element splits b after its first element, which must have the tag. Lengths must
// be definite and in the shortest form, as DER has them.
func element(b []byte, tag byte) (content, rest []byte, ok bool) {
	if len(b) < 2 || b[0] != tag {
		return nil, nil, false
	}
	length, b := int(b[1]), b[2:]
	if length >= 0x80 {
		// Four octets of length are 4 GB, more than any input has.
		octets := length - 0x80
		if octets == 0 || octets > 4 || octets > len(b) || b[0] == 0 {
			return nil, nil, false
		}
		var long uint64
		for _, octet := range b[:octets] {
			long = long<<8 | uint64(octet)
		}
		if b = b[octets:]; long < 0x80 || long > uint64(len(b)) {
			return nil, nil, false
		}
		length = int(long)
	}
	if length > len(b) {
		return nil, nil, false
	}
	return b[:length], b[length:], true
}
