package nsupdate

import (
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// parseNamed reads
//
//	key "NAME" { algorithm hmac-sha256; secret "SECRET"; };
//
// with the comments of named.conf.
func parseNamed(text string) (*Key, error) {
	tokens, err := namedTokens(text)
	if err != nil {
		return nil, err
	}
	next := func() (token string) {
		if len(tokens) > 0 {
			token, tokens = tokens[0], tokens[1:]
		}
		return token
	}
	wrong := errors.New(`want key "NAME" { algorithm hmac-sha256; secret "SECRET"; }; and nothing else`)
	if next() != "key" {
		return nil, wrong
	}
	name := strings.TrimPrefix(next(), `"`)
	if next() != "{" {
		return nil, wrong
	}
	found := map[string]string{}
	for len(tokens) > 0 && tokens[0] != "}" {
		clause, value, end := next(), next(), next()
		if _, twice := found[clause]; twice || end != ";" || clause != "algorithm" && clause != "secret" {
			return nil, wrong
		}
		found[clause] = strings.TrimPrefix(value, `"`)
	}
	if next() != "}" || next() != ";" {
		return nil, wrong
	}
	if len(tokens) > 0 && tokens[0] == "key" {
		return nil, errors.New("there are several keys: give each in a file of its own")
	}
	if len(tokens) > 0 || len(found) != 2 {
		return nil, wrong
	}
	return newKey(name, found["algorithm"], found["secret"])
}

// maxTokens bounds a file in named's form: a key has 13.
const maxTokens = 256

// namedTokens splits by the rules of named.conf. A token that was quoted begins with a
// quotation mark, so that a quoted brace is none.
func namedTokens(text string) (tokens []string, err error) {
	for {
		text = strings.TrimLeft(text, " \t\r\n")
		switch {
		case text == "":
			return tokens, nil
		case len(tokens) == maxTokens:
			return nil, errors.New("this is more than one key")
		case text[0] == '#', strings.HasPrefix(text, "//"):
			_, text, _ = strings.Cut(text, "\n")
			continue
		case strings.HasPrefix(text, "/*"):
			var found bool
			if _, text, found = strings.Cut(text[2:], "*/"); !found {
				return nil, errors.New("a comment does not end")
			}
			continue
		case text[0] == '"':
			end := strings.IndexAny(text[1:], "\"\\\n")
			if end < 0 || text[1+end] != '"' {
				return nil, errors.New("a quoted word does not end")
			}
			tokens, text = append(tokens, text[:1+end]), text[end+2:]
			continue
		}
		end := 1
		if !strings.ContainsRune("{};", rune(text[0])) {
			if end = strings.IndexAny(text, " \t\r\n{};\"#"); end < 0 {
				end = len(text)
			}
		}
		tokens, text = append(tokens, text[:end]), text[end:]
	}
}

// parseKnot reads a key section of knot.conf: the part of YAML that keymgr prints.
//
//	key:
//	  - id: NAME
//	    algorithm: hmac-sha256
//	    secret: SECRET
func parseKnot(text string) (*Key, error) {
	found := map[string]string{}
	began := false
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(strings.TrimRight(line, " \t\r\n"), " #")
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || trimmed[0] == '#':
			continue
		case line == "key:" && !began:
			began = true
			continue
		case line == trimmed && !strings.HasPrefix(line, "- ") || strings.Contains(line, "\t"):
			return nil, errors.New("want the section key: of knot.conf, indented by spaces, and nothing else")
		}
		item, isItem := strings.CutPrefix(trimmed, "- ")
		clause, value, isClause := strings.Cut(strings.TrimSpace(item), ":")
		switch {
		case isItem && len(found) > 0:
			return nil, errors.New("there are several keys: give each in a file of its own")
		case isItem != (len(found) == 0) || !isClause || isItem != (clause == "id"):
			return nil, errors.New("a key of knot.conf begins with - id")
		case clause != "id" && clause != "algorithm" && clause != "secret":
			return nil, fmt.Errorf("a key of knot.conf has id, algorithm and secret, and nothing else")
		}
		if _, twice := found[clause]; twice {
			return nil, fmt.Errorf("%s is there twice", clause)
		}
		found[clause] = unquoted(strings.TrimSpace(value))
	}
	if len(found) != 3 {
		return nil, errors.New("a key of knot.conf has id, algorithm and secret")
	}
	return newKey(found["id"], found["algorithm"], found["secret"])
}

// unquoted takes the quotation marks of YAML off.
func unquoted(text string) string {
	for _, mark := range []string{`"`, `'`} {
		if inner, ok := strings.CutPrefix(text, mark); ok && len(text) > 1 {
			if inner, ok = strings.CutSuffix(inner, mark); ok {
				return inner
			}
		}
	}
	return text
}

// keygenAlgorithm is what a number means that dnssec-keygen gave to no algorithm of DNSSEC.
func keygenAlgorithm(number string) string {
	switch number {
	case "157":
		return "hmac-md5"
	case "161":
		return dns.HmacSHA1
	case "162":
		return dns.HmacSHA224
	case "163":
		return dns.HmacSHA256
	case "164":
		return dns.HmacSHA384
	case "165":
		return dns.HmacSHA512
	}
	return "number " + number
}

// parseKeyRecord reads K*.key: NAME IN KEY 512 3 163 SECRET.
func parseKeyRecord(first, text string) (*Key, error) {
	if err := onlyLine(first, text); err != nil {
		return nil, err
	}
	f := strings.Fields(first)
	if len(f) < 7 || !strings.EqualFold(f[1], "IN") || !strings.EqualFold(f[2], "KEY") || f[4] != "3" {
		return nil, errors.New("want NAME IN KEY 512 3 163 SECRET")
	}
	return newKey(f[0], keygenAlgorithm(f[5]), strings.Join(f[6:], ""))
}

func isPrivate(text string) bool { return strings.HasPrefix(text, "Private-key-format:") }

// parsePrivate reads K*.private.
func parsePrivate(text string) (algorithm, secret string, err error) {
	for line := range strings.Lines(text) {
		switch name, value, _ := strings.Cut(strings.TrimSpace(line), ":"); name {
		case "Algorithm":
			number, _, _ := strings.Cut(strings.TrimSpace(value), " ")
			algorithm = keygenAlgorithm(number)
		case "Key":
			secret = strings.TrimSpace(value)
		case "", "Private-key-format", "Bits", "Created", "Publish", "Activate":
		default:
			return "", "", errors.New("this is no key for updates, but one of a zone, as it seems")
		}
	}
	if algorithm == "" || secret == "" {
		return "", "", errors.New("the file has no Algorithm, or no Key")
	}
	return algorithm, secret, nil
}
