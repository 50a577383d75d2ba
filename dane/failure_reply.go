package dane

import (
	"errors"
	"fmt"
	"net/textproto"
	"reflect"
	"strconv"
	"strings"

	"github.com/danesmtp/danesmtp/smtpprobe"
)

// enhancedCode splits the class off the enhanced status code that a text begins with.
func enhancedCode(text string) (class int, detail string, ok bool) {
	word, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	digit, detail, _ := strings.Cut(word, ".")
	class, err := strconv.Atoi(digit)
	if err != nil {
		return 0, "", false
	}
	// What one looks like is for the package to say that reads replies.
	reply := smtpprobe.Reply{Code: class * 100, Lines: []string{word}}
	return class, detail, reply.EnhancedCode() != ""
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
	} else {
		code, text = goSMTPReply(err)
	}
	return code, text, code >= 400 && code <= 599
}

// goSMTPReply returns the reply in an error of github.com/emersion/go-smtp, which has a type
// for it; this module does not depend on it. An error whose text only has the same words in
// it does not count: they may be a stranger's.
func goSMTPReply(err error) (code int, text string) {
	for ; err != nil; err = errors.Unwrap(err) {
		if reply, found := strings.CutPrefix(err.Error(), "SMTP error "); found {
			// Those around it may have the same text; the last is the error itself.
			var number string
			number, text, _ = strings.Cut(reply, ": ")
			code, _ = strconv.Atoi(number)
			text = strings.TrimSpace(enhancedField(err) + " " + text)
		}
	}
	return code, text
}

// enhancedField returns the enhanced status code in an error of go-smtp, which takes it off the
// text, and has no method that gives it; empty if the reply had no such code.
func enhancedField(err error) string {
	value := reflect.Indirect(reflect.ValueOf(err))
	if value.Kind() != reflect.Struct {
		return ""
	}
	field := value.FieldByName("EnhancedCode")
	if field.Kind() != reflect.Array || field.Len() != 3 || field.Type().Elem().Kind() != reflect.Int || field.Index(0).Int() < 4 {
		return "" // a reply without one has zeros or negative numbers
	}
	return fmt.Sprintf("%d.%d.%d", field.Index(0).Int(), field.Index(1).Int(), field.Index(2).Int())
}

// replyOf returns the negative reply at a stage: that of package smtpprobe, or in the error of
// an SMTP client whose caller knows the stage.
func replyOf(probe *smtpprobe.Error) (code int, text string, ok bool) {
	if probe.Reply != nil {
		return probe.Reply.Code, probe.Reply.EnhancedCode(), true
	}
	return replyIn(probe)
}

// quotesServer reports whether an error has words in it that the server has said in SMTP. They
// say what they like, so that nothing is known by them but the code of a reply.
func quotesServer(err error) bool {
	if probe, ok := errors.AsType[*smtpprobe.Error](err); ok && probe.Reply != nil {
		return true
	}
	_, garbled := errors.AsType[textproto.ProtocolError](err)
	_, _, replied := replyIn(err)
	return garbled || replied || errors.Is(err, smtpprobe.ErrReply)
}

// isAboutTLS reports whether 454 with this text answers STARTTLS (RFC 3207 §4). It is also
// said to AUTH (RFC 4954 §6), and by Postfix to recipients that it does not relay for, with
// the code for what is not allowed.
func isAboutTLS(text string) bool {
	if strings.Contains(strings.ToLower(text), "authentication") {
		return false
	}
	_, detail, ok := enhancedCode(text)
	return !ok || detail == "7.0" || detail == "7.4" || strings.HasPrefix(detail, "3.") // RFC 3463 §3.4, RFC 3463 §3.8
}

// saysNoStartTLS recognizes the errors of SMTP clients, without a type of their own, for
// a server that does not offer STARTTLS: go-smtp's "smtp: server doesn't support STARTTLS",
// and go-mail's "target host does not support STARTTLS".
func saysNoStartTLS(err error) bool {
	text := err.Error()
	return strings.Contains(text, "support STARTTLS") && (strings.Contains(text, "doesn't") || strings.Contains(text, "does not"))
}
