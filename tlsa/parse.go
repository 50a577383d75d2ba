package tlsa

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Parse reads one record in presentation form (RFC 6698 §2.2), such as
//
//	3 1 1 8cb0fc6c527506a053f4f14c8464bebbd6dede2738d11468dd953d7d6a3021f1
//
// and whatever tools print and zone files hold:
//
//   - acronyms for the numbers, in any case (RFC 7218 §3): "DANE-EE SPKI SHA2-256 8cb0…";
//   - digits in upper or lower case, with blanks between them;
//   - a whole line with owner, TTL and class, or some of them, as in
//     "_25._tcp.mx.example.org. 3600 IN TLSA 3 1 1 8cb0…". These are not kept;
//   - parentheses, within which lines may end, and comments after a semicolon (RFC 1035
//     §5.1);
//   - the form for types that a program does not know (RFC 3597 §5):
//     "TYPE52 \# 35 0301018cb0…".
//
// Digits may also go on in the next line without parentheses, unless that looks like
// another record. Two records are an error, and so is a record of another type.
//
// Whether the record means anything is for [Record.Usable] to say: "3 1 1" without
// data parses.
func Parse(text string) (Record, error) {
	fields, err := scan(text)
	if err != nil {
		return Record{}, newError(ReasonParse, err)
	}
	rdata, err := cutHeader(fields)
	if err != nil {
		return Record{}, newError(ReasonParse, err)
	}
	if len(rdata) > 0 && rdata[0].text == generic {
		return parseGeneric(rdata[1:])
	}
	if len(rdata) < 3 {
		return Record{}, newError(ReasonParse, fmt.Errorf("%s has no usage, selector and matching type", quote(text)))
	}
	var numbers [3]uint8
	for i, names := range parameterNames {
		number, ok := parseNumber(rdata[i].text, names)
		if !ok {
			return Record{}, newError(ReasonParse, fmt.Errorf("%s is neither a number up to 255 nor an acronym", quote(rdata[i].text)))
		}
		numbers[i] = number
	}
	data, err := parseHex(rdata[2].line, rdata[3:])
	if err != nil {
		return Record{}, newError(ReasonParse, err)
	}
	if len(data) > maxData {
		return Record{}, newError(ReasonParse, fmt.Errorf("%d octets of data", len(data)))
	}
	return Record{Usage(numbers[0]), Selector(numbers[1]), Matching(numbers[2]), data}, nil
}

// ParseRData reads the RDATA of a TLSA record (RFC 6698 §2.1). Any three octets
// and more will do: an unknown usage makes a record unusable, not wrong. The
// Record keeps nothing of b.
func ParseRData(b []byte) (Record, error) {
	if len(b) < 3 || len(b) > 3+maxData {
		return Record{}, newError(ReasonParse, fmt.Errorf("RDATA of %d octets", len(b)))
	}
	return Record{Usage(b[0]), Selector(b[1]), Matching(b[2]), bytes.Clone(b[3:])}, nil
}

// UnmarshalText reads what [Parse] reads. After an error the record is unchanged.
func (r *Record) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*r = parsed
	return nil
}

// generic begins the RDATA of a type that is not known (RFC 3597 §5).
const generic = `\#`

// parseGeneric reads what follows it: the number of octets, and these.
func parseGeneric(fields []field) (Record, error) {
	if len(fields) == 0 {
		return Record{}, newError(ReasonParse, errors.New(generic+" without a length"))
	}
	length, err := strconv.ParseUint(fields[0].text, 10, 16)
	if err != nil {
		return Record{}, newError(ReasonParse, fmt.Errorf("%s after %s is no length", quote(fields[0].text), generic))
	}
	rdata, err := parseHex(fields[0].line, fields[1:])
	if err != nil {
		return Record{}, newError(ReasonParse, err)
	}
	if len(rdata) != int(length) {
		return Record{}, newError(ReasonParse, fmt.Errorf("%d octets, where %s says %d", len(rdata), generic, length))
	}
	return ParseRData(rdata)
}

// A field is a word of a zone file.
type field struct {
	text string
	line int // where it stands; all that is in one pair of parentheses is one line
}

// scan splits a text into its fields, without parentheses and comments.
func scan(text string) ([]field, error) {
	var fields []field
	line, inside := 0, false
	for text != "" {
		if end := strings.IndexFunc(text, isDelimiter); end != 0 {
			if end < 0 {
				end = len(text)
			}
			fields = append(fields, field{text[:end], line})
			text = text[end:]
			continue
		}
		c, size := utf8.DecodeRuneInString(text)
		switch {
		case c == ';':
			size = strings.IndexByte(text, '\n')
			if size < 0 {
				size = len(text)
			}
		case c == '(' && inside:
			return nil, errors.New("parentheses within parentheses")
		case c == ')' && !inside:
			return nil, errors.New("a closing parenthesis without an opening one")
		case c == '(' || c == ')':
			inside = !inside
		case c == '\n' && !inside:
			line++
		}
		text = text[size:]
	}
	if inside {
		return nil, errors.New("an opening parenthesis without a closing one")
	}
	return fields, nil
}

// isDelimiter reports whether a field ends here. Blanks of all kinds do: web pages have
// some that are not ASCII.
func isDelimiter(c rune) bool { return c == '(' || c == ')' || c == ';' || unicode.IsSpace(c) }

// maxHeader is how many fields a record has up to its type: owner, TTL, class, type. One
// more is looked at, for the type that an RRSIG covers.
const maxHeader = 4 + 1

// cutHeader returns the fields of the RDATA: those after the type TLSA, or all if only
// the RDATA is there.
func cutHeader(fields []field) ([]field, error) {
	at := -1
	for i, f := range fields[:min(len(fields), maxHeader)] {
		if isType(f.text) {
			at = i
		}
	}
	header := fields[:at+1]
	if at < 0 {
		// Where there is a class, there is a type after it.
		at = slices.IndexFunc(fields[:min(len(fields), maxHeader)], func(f field) bool { return isClass(f.text) })
		if at < 0 {
			return fields, nil
		}
		header = fields[:min(at+2, len(fields))]
		return nil, fmt.Errorf("%s is no record of type TLSA", quote(join(header)))
	}
	ttl, class := false, false
	rest := header[:at]
	for ; len(rest) > 0; rest = rest[:len(rest)-1] {
		last := rest[len(rest)-1].text
		switch {
		case isClass(last) && !class:
			class = true
		case isTTL(last) && !ttl:
			ttl = true
		case len(rest) == 1: // the owner
		default:
			return nil, fmt.Errorf("%s, before the type, is neither a TTL nor the class IN", quote(last))
		}
	}
	return fields[at+1:], nil
}

func join(fields []field) string {
	var words []string
	for _, f := range fields {
		words = append(words, f.text)
	}
	return strings.Join(words, " ")
}

func isType(word string) bool {
	return strings.EqualFold(word, "TLSA") || strings.EqualFold(word, "TYPE52") // RFC 6698 §7.1
}

func isClass(word string) bool {
	return strings.EqualFold(word, "IN") || strings.EqualFold(word, "CLASS1") // RFC 1035 §3.2.4
}

// isTTL reports whether a word is a number of seconds, or has units as in "1h30m", which
// BIND and others read and print.
func isTTL(word string) bool {
	return word != "" && word[0] >= '0' && word[0] <= '9' && strings.Trim(word, "0123456789smhdwSMHDW") == ""
}

// parseHex reads hexadecimal digits after a field in the line given.
func parseHex(line int, fields []field) ([]byte, error) {
	var digits strings.Builder
	before := line
	for i, f := range fields {
		isHex := isHex(f.text)
		if f.line > before && isParameters(fields[i:]) || f.line > line && !isHex {
			return nil, errors.New("more than one record, or digits in the next line without parentheses")
		}
		if !isHex {
			return nil, fmt.Errorf("%s where hexadecimal digits are expected", quote(f.text))
		}
		before = f.line
		digits.WriteString(f.text)
	}
	if digits.Len()%2 != 0 {
		return nil, fmt.Errorf("%d hexadecimal digits, which is an odd number", digits.Len())
	}
	return hex.DecodeString(digits.String())
}

func isHex(text string) bool {
	for i := range len(text) {
		if c := lower(text[i]); !('0' <= c && c <= '9' || 'a' <= c && c <= 'f') {
			return false
		}
	}
	return true
}

// isParameters reports whether a record may begin here.
func isParameters(fields []field) bool {
	if len(fields) < 3 || fields[2].line > fields[0].line {
		return false
	}
	for i, names := range parameterNames {
		if _, ok := parseNumber(fields[i].text, names); !ok {
			return false
		}
	}
	return true
}

var parameterNames = [...]map[uint8]string{usages, selectors, matchings}

func parseNumber(field string, names map[uint8]string) (uint8, bool) {
	for number, name := range names {
		if strings.EqualFold(field, name) {
			return number, true
		}
	}
	number, err := strconv.ParseUint(field, 10, 8)
	return uint8(number), err == nil
}
