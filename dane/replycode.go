package dane

import (
	"errors"
	"fmt"
	"net/textproto"
	"strconv"
	"strings"
)

// refusal classifies a server's negative reply: by the enhanced status code at its
// beginning (RFC 2034 §4), or else by its first digit alone.
func refusal(code int, text string) classification {
	c := classification{code: "0.0", permanent: code >= 500} // RFC 3463 §3.1: other undefined status
	class, detail, ok := enhancedCode(text)
	if ok && class == code/100 {
		c.code = detail
	}
	return c
}

// enhancedCode splits the class off an enhanced status code: one digit, and two numbers of
// one to three digits (RFC 3463 §2).
func enhancedCode(text string) (class int, detail string, ok bool) {
	word, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	parts := strings.Split(word, ".")
	if len(parts) != 3 || len(parts[0]) != 1 {
		return 0, "", false
	}
	var numbers [3]int
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 10)
		if err != nil || len(part) > 3 {
			return 0, "", false
		}
		numbers[i] = int(n)
	}
	return numbers[0], fmt.Sprintf("%d.%d", numbers[1], numbers[2]), true
}

// A codedError is what github.com/wneessen/go-mail returns.
type codedError interface {
	error
	ErrorCode() int
	EnhancedStatusCode() string
}

// replyIn returns the negative reply of a server in the error of an SMTP client.
func replyIn(err error) (code int, text string, ok bool) {
	if e, found := errors.AsType[*textproto.Error](err); found { // net/smtp
		code, text = e.Code, e.Msg
	} else if e, found := errors.AsType[codedError](err); found {
		code, text = e.ErrorCode(), e.EnhancedStatusCode()
	} else if _, number, found := strings.Cut(err.Error(), "SMTP error "); found {
		// github.com/emersion/go-smtp has a type for it, and this module does not depend on it.
		number, text, _ = strings.Cut(number, ": ")
		code, _ = strconv.Atoi(number)
	}
	return code, text, code >= 400 && code <= 599
}

// saysNoStartTLS recognizes the errors of SMTP clients, without a type of their own, for
// a server that does not offer STARTTLS: go-smtp's "smtp: server doesn't support STARTTLS",
// and go-mail's "target host does not support STARTTLS".
func saysNoStartTLS(err error) bool {
	text := err.Error()
	return strings.Contains(text, "support STARTTLS") && (strings.Contains(text, "doesn't") || strings.Contains(text, "does not"))
}
