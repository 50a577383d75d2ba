package tlsa

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// Parse reads the presentation form of a record (RFC 6698 §2.2), such as
//
//	3 1 1 8cb0fc6c527506a053f4f14c8464bebbd6dede2738d11468dd953d7d6a3021f1
//
// Blanks within the hexadecimal digits are allowed. The numbers may be given as
// acronyms (RFC 7218 §3), in any case: "DANE-EE SPKI SHA2-256 8cb0…". Whether
// the record means anything is for Usable to say: "3 1 1" without data parses.
func Parse(text string) (Record, error) {
	fields := strings.Fields(text)
	if len(fields) < 3 {
		return Record{}, newError(ReasonParse, fmt.Errorf("%s has no usage, selector and matching type", quote(text)))
	}
	var numbers [3]uint8
	for i, names := range []map[uint8]string{usages, selectors, matchings} {
		number, ok := parseNumber(fields[i], names)
		if !ok {
			return Record{}, newError(ReasonParse, fmt.Errorf("%s is neither a number up to 255 nor an acronym", quote(fields[i])))
		}
		numbers[i] = number
	}
	data, err := hex.DecodeString(strings.Join(fields[3:], ""))
	if err != nil {
		return Record{}, newError(ReasonParse, err)
	}
	if len(data) > maxData {
		return Record{}, newError(ReasonParse, fmt.Errorf("%d octets of data", len(data)))
	}
	return Record{Usage(numbers[0]), Selector(numbers[1]), Matching(numbers[2]), data}, nil
}

func parseNumber(field string, names map[uint8]string) (uint8, bool) {
	for number, name := range names {
		if strings.EqualFold(field, name) {
			return number, true
		}
	}
	number, err := strconv.ParseUint(field, 10, 8)
	return uint8(number), err == nil
}

// String returns the presentation form, with lower-case digits: the inverse of
// Parse.
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

// MarshalText returns what String returns.
func (r Record) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what Parse reads. After an error the record is unchanged.
func (r *Record) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*r = parsed
	return nil
}

// quote makes hostile text fit for an error: printable, and not too long.
func quote(s string) string {
	const enough = 64 // octets
	if len(s) > enough {
		return strconv.Quote(s[:enough]) + "..."
	}
	return strconv.Quote(s)
}
