package anchor

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// isBIND recognises the configuration of BIND by its braces. In a zone file of DS and DNSKEY
// records braces can only be in comments, behind a semicolon.
func isBIND(text []byte) bool {
	for line := range bytes.Lines(text) {
		code, _, _ := bytes.Cut(line, []byte(";"))
		if bytes.ContainsRune(code, '{') {
			return true
		}
	}
	return false
}

// parseBIND reads the clauses of BIND's named.conf and bind.keys that have anchors, and skips
// the others. line is where the error is.
func parseBIND(text []byte) (set Set, line int, err error) {
	l := &bindLexer{rest: string(text), line: 1}
	for {
		clause, err := l.next()
		switch {
		case err != nil:
		case clause.isEnd():
			return set, 0, nil
		case clause.holdsAnchors():
			set, err = l.anchors(set, clause.text)
		default:
			err = l.skip(clause)
		}
		if err != nil {
			return nil, l.at, err
		}
	}
}

// skip skips a clause. Anchors within it, as a view may have, are an error: they are not for
// all clients, and must not be left out silently.
func (l *bindLexer) skip(t bindToken) (err error) {
	clause := t
	for depth := 0; ; {
		switch {
		case t.isEnd():
			l.at = clause.line
			return fmt.Errorf("%.40q does not end", clause.text)
		case t.is("{"):
			depth++
		case t.is("}") && depth == 0:
			return errors.New("a brace closes what was not opened")
		case t.is("}"):
			depth--
		case t.is(";") && depth == 0:
			return nil
		case t.holdsAnchors():
			return fmt.Errorf("%s within another clause, %.40q", t.text, clause.text)
		}
		if t, err = l.next(); err != nil {
			return err
		}
	}
}

// anchors reads the rest of a clause that has anchors.
func (l *bindLexer) anchors(set Set, clause string) (Set, error) {
	if t, err := l.next(); err != nil {
		return nil, err
	} else if !t.is("{") {
		return nil, fmt.Errorf("%s without a brace", clause)
	}
	for {
		first, err := l.next()
		if err != nil {
			return nil, err
		}
		if first.is("}") {
			break
		}
		fields, err := l.fields(first)
		if err != nil {
			return nil, err
		}
		l.at = first.line
		if clause == "trusted-keys" {
			fields = slices.Insert(fields, 1, "static-key") // the only kind that it can have
		}
		rr, err := bindRecord(fields)
		if err != nil {
			return nil, err
		}
		if set, err = set.add(rr); err != nil {
			return nil, err
		}
	}
	t, err := l.next()
	if err == nil && !t.is(";") {
		err = fmt.Errorf("no semicolon after %s", clause)
	}
	return set, err
}

// fields returns the tokens from the first one to the semicolon.
func (l *bindLexer) fields(t bindToken) (fields []string, err error) {
	first := t
	for !t.is(";") {
		if t.isEnd() || t.is("{") || t.is("}") {
			l.at = first.line
			return nil, errors.New("an anchor without a semicolon at its end")
		}
		fields = append(fields, t.text)
		if t, err = l.next(); err != nil {
			return nil, err
		}
	}
	if len(fields) == 0 {
		return nil, errors.New("a semicolon without an anchor")
	}
	return fields, nil
}

// bindRecord returns the record of an anchor: its zone, its kind, three numbers and the key or
// digest. Initial kinds, which BIND has for RFC 5011, are read like static ones.
func bindRecord(fields []string) (dns.RR, error) {
	if len(fields) != 6 {
		return nil, fmt.Errorf("the anchor of %.40q has too few or too many fields", fields[0])
	}
	var n [3]uint64
	for i, bits := range []int{16, 8, 8} {
		var err error
		if n[i], err = strconv.ParseUint(fields[2+i], 10, bits); err != nil {
			return nil, fmt.Errorf("the anchor of %.40q: %.40q is no number of %d bits", fields[0], fields[2+i], bits)
		}
	}
	header := dns.RR_Header{Name: fields[0], Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET}
	data := withoutBlanks(fields[5])
	switch fields[1] {
	case "static-key", "initial-key":
		return &dns.DNSKEY{Hdr: header, Flags: uint16(n[0]), Protocol: uint8(n[1]), Algorithm: uint8(n[2]), PublicKey: data}, nil
	case "static-ds", "initial-ds":
		header.Rrtype = dns.TypeDS
		return &dns.DS{Hdr: header, KeyTag: uint16(n[0]), Algorithm: uint8(n[1]), DigestType: uint8(n[2]), Digest: data}, nil
	}
	return nil, fmt.Errorf("the anchor of %.40q: %.40q is no kind of anchor", fields[0], fields[1])
}

// A bindToken is a word, a quoted string, a brace, a semicolon or the end.
type bindToken struct {
	text   string
	quoted bool
	line   int
}

func (t bindToken) is(text string) bool { return !t.quoted && t.text == text }
func (t bindToken) isEnd() bool         { return t.is("") }

func (t bindToken) holdsAnchors() bool {
	return t.is("trust-anchors") || t.is("managed-keys") || t.is("trusted-keys")
}

// A bindLexer splits the configuration of BIND into tokens.
type bindLexer struct {
	rest string
	line int // of rest
	at   int // of the last token, or of an error
}

func (l *bindLexer) advance(n int) {
	l.line += strings.Count(l.rest[:n], "\n")
	l.rest = l.rest[n:]
}

// next returns the next token that is not a comment.
func (l *bindLexer) next() (bindToken, error) {
	const blanks = " \t\r\n\f\v"
	for {
		l.advance(len(l.rest) - len(strings.TrimLeft(l.rest, blanks)))
		l.at = l.line
		token := bindToken{line: l.line}
		switch {
		case l.rest == "":
			return token, nil
		case l.rest[0] == '#', strings.HasPrefix(l.rest, "//"):
			comment, _, _ := strings.Cut(l.rest, "\n")
			l.advance(len(comment))
			continue
		case strings.HasPrefix(l.rest, "/*"):
			comment, _, closed := strings.Cut(l.rest[2:], "*/")
			if !closed {
				return token, errors.New("a comment does not end")
			}
			l.advance(len(comment) + 4)
			continue
		case l.rest[0] == '"':
			end := endOfString(l.rest)
			if end < 0 {
				return token, errors.New("a quoted string does not end")
			}
			token.text, token.quoted = l.rest[1:end], true
			l.advance(end + 1)
		case strings.IndexByte("{};", l.rest[0]) >= 0:
			token.text = l.rest[:1]
			l.advance(1)
		default:
			token.text = l.rest
			if end := strings.IndexAny(l.rest, blanks+`{};"`); end >= 0 {
				token.text = l.rest[:end]
			}
			l.advance(len(token.text))
		}
		return token, nil
	}
}

// endOfString returns the index of the closing quotation mark of a text that begins with one,
// or -1. A backslash escapes the next character.
func endOfString(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}
