// Package danetest is a small signed Internet with mail servers in it, for the
// tests of programs that send mail by package dane, in the style of
// net/http/httptest.
//
//	internet := danetest.New(t)
//	v := internet.Verifier()
//	d, err := v.LookupMX(ctx, "mismatch.example")
//	… deliver by internet.Dial, and see that the message was not sent …
//	internet.Servers["mail.mismatch.example"].Messages()
//
// Everything in it is real: zones are signed and validated (package dnssectest),
// certificates are issued (package tlsatest), and the servers speak SMTP and TLS
// (package smtptest). Only addresses are not: Dial connects in memory, so tests
// need no network and work in a testing/synctest bubble.
//
// The examples DefersOnMismatch, FallsBackWithoutTLSA and NeverInClear of package dane, in
// dane/example_recipe_test.go, are tests to copy.
//
// Domains returns what is there by default, one domain for each thing that can
// happen. Other domains are given to NewInternet or New.
package danetest
