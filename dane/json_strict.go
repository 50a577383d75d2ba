package dane

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/danesmtp/danesmtp/internal/printable"
)

// maxNesting bounds arrays and objects within each other. A Policy has 5, a Result 9.
const maxNesting = 16

// checkJSON refuses what package encoding/json passes over in silence, and what a typo or
// a merge leaves behind: the same key twice, of which the last would win; null, which
// would leave the zero value; keys that differ from those of ours in case only, which
// would be taken for them; octets that are no UTF-8, which would be replaced; and more
// after the value. The text must be of one object. The keys of the object "free", if
// there is one in it, may be spelled in any way.
func checkJSON(text []byte, free string) error {
	if bytes.HasPrefix(text, []byte("\ufeff")) {
		return errors.New("begins with a byte order mark") // RFC 8259 §8.1
	}
	if !utf8.Valid(text) {
		return errors.New("is not UTF-8") // RFC 8259 §8.1
	}
	c := jsonCheck{tokens: json.NewDecoder(bytes.NewReader(text)), free: free}
	c.tokens.UseNumber()
	if err := c.value(0); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("unexpected end")
		}
		line := 1 + bytes.Count(text[:c.tokens.InputOffset()], []byte("\n"))
		return fmt.Errorf("line %d: %s%w", line, c.place(), err)
	}
	if _, err := c.tokens.Token(); err != io.EOF {
		return errors.New("has more after the end of its object")
	}
	if first := bytes.TrimLeft(text, " \t\r\n"); first[0] != '{' {
		return errors.New("is not an object in braces")
	}
	return nil
}

// A jsonCheck is on its way through a text.
type jsonCheck struct {
	tokens *json.Decoder
	free   string
	path   []string // keys that lead to where it is
}

// place is where it is, for an error: the keys, each with a colon.
func (c *jsonCheck) place() string {
	if len(c.path) == 0 {
		return ""
	}
	return printable.Line(strings.Join(c.path, ": ")) + ": "
}

// value goes through the next value, with all that is in it. It lies in as many objects
// and arrays as depth says.
func (c *jsonCheck) value(depth int) error {
	token, err := c.tokens.Token()
	switch {
	case err != nil:
		return err
	case token == nil:
		return errors.New("null is no value")
	case depth == maxNesting:
		return fmt.Errorf("more than %d objects and arrays within each other", maxNesting)
	case token == json.Delim('{'):
		err = c.object(depth + 1)
	case token == json.Delim('['):
		for err == nil && c.tokens.More() {
			err = c.value(depth + 1)
		}
	default:
		return nil
	}
	if err == nil {
		_, err = c.tokens.Token() // the end
	}
	return err
}

// fieldLetters are what fields of ours are spelled with. None is equal to another one
// when case is ignored.
const fieldLetters = "abcdefghijklmnopqrstuvwxyz0123456789-_"

func (c *jsonCheck) object(depth int) error {
	seen := make(map[string]bool)
	anyKey := len(c.path) == 1 && c.path[0] == c.free
	for c.tokens.More() {
		token, err := c.tokens.Token()
		if err != nil {
			return err
		}
		key, ok := token.(string)
		switch {
		case !ok:
			return fmt.Errorf("%v is no key", token)
		case seen[key]:
			return fmt.Errorf("%q is given twice", key)
		case !anyKey && strings.Trim(key, fieldLetters) != "":
			return fmt.Errorf("unknown field %q", key)
		}
		seen[key] = true
		c.path = append(c.path, key)
		if err := c.value(depth); err != nil {
			return err
		}
		c.path = c.path[:len(c.path)-1]
	}
	return nil
}
