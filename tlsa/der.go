package tlsa

// The tags that certificates and public keys are made of (X.690).
const (
	tagBitString   = 0x03
	tagSequence    = 0x30
	tagConstructed = 0x20
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
//
// Any BER will do, although a certificate is DER and BER can match none. OpenSSL
// reads it and so has a record that matches nothing; to be stricter would be to do
// without authentication where others insist on it (RFC 7672 §2.2).
func isSequence(b []byte, tags ...byte) bool {
	tag, fields, b, ok := element(b, maxNesting)
	if !ok || tag != tagSequence || len(b) > 0 {
		return false
	}
	for _, want := range tags {
		if tag, _, fields, ok = element(fields, maxNesting); !ok {
			return false
		}
		if tag != want && tag != want|tagConstructed {
			return false
		}
	}
	return len(fields) == 0
}

// maxNesting bounds elements of indefinite length within each other; OpenSSL reads 30.
const maxNesting = 30

// element splits b after its first element.
func element(b []byte, nesting int) (tag byte, content, rest []byte, ok bool) {
	if len(b) < 2 || nesting == 0 {
		return 0, nil, nil, false
	}
	tag, b = b[0], b[1:]
	length, b := int(b[0]), b[1:]
	switch {
	case length == 0x80:
		content, rest, ok = indefinite(b, nesting)
		return tag, content, rest, ok
	case length > 0x80:
		octets := length - 0x80
		if octets > len(b) {
			return 0, nil, nil, false
		}
		length = 0
		for _, octet := range b[:octets] {
			if length = length<<8 | int(octet); length > len(b) {
				return 0, nil, nil, false
			}
		}
		b = b[octets:]
	}
	if length > len(b) {
		return 0, nil, nil, false
	}
	return tag, b[:length], b[length:], true
}

// indefinite splits b after the two zero octets that end an element of indefinite
// length.
func indefinite(b []byte, nesting int) (content, rest []byte, ok bool) {
	for rest = b; ; {
		if len(rest) >= 2 && rest[0] == 0 && rest[1] == 0 {
			return b[:len(b)-len(rest)], rest[2:], true
		}
		if _, _, rest, ok = element(rest, nesting-1); !ok {
			return nil, nil, false
		}
	}
}
