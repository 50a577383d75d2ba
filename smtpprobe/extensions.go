package smtpprobe

import (
	"fmt"
	"strings"
)

// extensions returns what a reply to EHLO announces: all lines but the first
// (RFC 5321 §4.1.1.1).
func extensions(reply Reply) []string {
	if len(reply.Lines) < 2 {
		return nil
	}
	return reply.Lines[1:]
}

const startTLS = "STARTTLS"

// offersStartTLS reports whether the keyword is there, in upper or lower case
// (RFC 5321 §2.4). It has no parameters (RFC 3207 §2); some are ignored. A line that
// may or may not have meant the keyword is an error that wraps ErrReply: nobody
// must take it for a server without TLS.
func offersStartTLS(extensions []string) (bool, error) {
	var unclear error
	for _, extension := range extensions {
		word := keyword(extension)
		switch {
		case strings.EqualFold(word, startTLS):
			return true, nil
		case strings.Contains(strings.ToUpper(word), startTLS) && strings.ContainsFunc(word, notOfKeyword):
			unclear = fmt.Errorf("%w: unclear whether STARTTLS is offered: %.80q", ErrReply, extension)
		}
	}
	return false, unclear
}

// keyword returns the name of an extension.
//
// Deviation: RFC 5321 §4.1.1.1 has nothing before the keyword, and one space after
// it. Senders of mail take blanks and tabs, and "=" from the time before RFC 1869. All
// that can come of it is TLS.
func keyword(extension string) string {
	const blanks = " \t="
	extension = strings.TrimLeft(extension, blanks)
	if end := strings.IndexAny(extension, blanks); end >= 0 {
		return extension[:end]
	}
	return extension
}

// notOfKeyword reports whether no keyword has the character (RFC 5321 §4.1.1.1).
func notOfKeyword(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
}
