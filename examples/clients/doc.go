// Package clients delivers mail by DANE with the SMTP clients that Go programs have: that of
// the standard library, github.com/emersion/go-smtp, and github.com/wneessen/go-mail.
//
// [Deliver] is the loop of a mail server. It does all that has to do with DANE and TLS, and
// hands a connection that is ready to one of [NetSMTP], [GoSMTP] and [GoMail]. What each of the
// three has to look out for stands in its function; copy the one that you need.
package clients
