package anchor

import (
	"strconv"
	"strings"
)

// algorithms are the mnemonics of the IANA registry "DNS Security Algorithm Numbers", which
// records may have in place of the number (RFC 4034 §2.2, §5.3 and A.1), and those of BIND.
var algorithms = map[string]uint8{
	"RSAMD5": 1, "DH": 2, "DSA": 3, "ECC": 4, "RSASHA1": 5, // RFC 4034 A.1
	"DSA-NSEC3-SHA1": 6, "RSASHA1-NSEC3-SHA1": 7, // RFC 5155 §11
	"RSASHA256": 8, "RSASHA512": 10, // RFC 5702
	"ECC-GOST": 12, "ECDSAP256SHA256": 13, "ECDSAP384SHA384": 14, // RFC 5933, RFC 6605
	"ED25519": 15, "ED448": 16, // RFC 8080
	"SM2SM3": 17, "ECC-GOST12": 23, // RFC 9563, RFC 9558
	"INDIRECT": 252, "PRIVATEDNS": 253, "PRIVATEOID": 254, // RFC 4034 A.1

	"NSEC3DSA": 6, "NSEC3RSASHA1": 7, "ECCGOST": 12, "ECDSA256": 13, "ECDSA384": 14, // BIND
}

// digestTypes are the names of the IANA registry "DNSSEC Delegation Signer (DS) Resource
// Record (RR) Type Digest Algorithms" that are one word, and those that BIND has for the
// same. RFC 4034 §5.3 has the number only; BIND reads both.
var digestTypes = map[string]uint8{
	"SHA-1": 1, "SHA-256": 2, "SHA-384": 4, "SM3": 6,
	"SHA1": 1, "SHA256": 2, "GOST": 3, "SHA384": 4,
}

// parseMnemonic reads a number of eight bits, or a mnemonic for one, in letters of either
// case.
func parseMnemonic(field string, mnemonics map[string]uint8, want string) (uint8, error) {
	if n, ok := mnemonics[strings.ToUpper(field)]; ok {
		return n, nil
	}
	n, err := strconv.ParseUint(field, 10, 8)
	if err != nil {
		return 0, errField(field, want)
	}
	return uint8(n), nil
}
