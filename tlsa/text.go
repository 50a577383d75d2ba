package tlsa

import (
	"fmt"
	"strconv"
	"strings"
)

// String returns the presentation form, with lower-case digits: the inverse of
// [Parse].
func (r Record) String() string {
	s := fmt.Sprintf("%d %d %d %x", uint8(r.Usage), uint8(r.Selector), uint8(r.Matching), r.Data)
	return strings.TrimSuffix(s, " ") // without data
}

// short is String for error texts: a record with a certificate in it has
// thousands of digits.
func (r Record) short() string {
	const enough = 8 // octets
	if len(r.Data) <= enough {
		return r.String()
	}
	r.Data = r.Data[:enough]
	return r.String() + "..."
}

// MarshalText returns what [Record.String] returns.
func (r Record) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// quote makes hostile text fit for an error: printable, and not too long.
func quote(s string) string {
	const enough = 64 // octets
	if len(s) > enough {
		return strconv.Quote(s[:enough]) + "..."
	}
	return strconv.Quote(s)
}
