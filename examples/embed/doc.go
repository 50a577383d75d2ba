// Package embed has the code of the pages in docs/: how a mail server gets what it knows from the
// DNS, in trustad, gather, libunbound and noresolver; and how one that has a queue of its own
// delivers by package dane, in aftertls and seclevel. Package onepacket is a setting. Each is to
// be copied, and has a test on a small Internet (package danetest). With net/smtp, go-smtp and
// go-mail deliver the functions of examples/clients.
package embed
