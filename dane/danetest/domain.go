package danetest

import (
	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// A Domain is a mail domain of an Internet.
type Domain struct {
	// Name of the domain, without the final dot.
	Name string
	// About says in a few words what is special about it.
	About string
	// Outcome is what dane.Verify says of it, for tables of tests to compare with; nothing here
	// depends on it.
	Outcome dane.Outcome
	// Hosts are its mail servers, in order of preference. Without any the domain
	// has what Zone.Records says.
	Hosts []Host
	// Zone says how the domain is signed, and what else is in its zone: the MX, A
	// and TLSA records of the hosts are added. Its name is that of the domain.
	Zone dnssectest.Zone
}

// A Host is a mail server of a domain.
type Host struct {
	// Name of the host, relative to its domain.
	Name string
	// TLSA records of the host. With three numbers, such as "3 1 1", the data is
	// that of the host's certificate (usages 1 and 3), or of the Internet's CA
	// (usages 0 and 2).
	TLSA []string
	// Certificate that the server presents. Names is the host's name if empty.
	Certificate tlsatest.Leaf
	// Server, if not nil, may change the mail server before it is used.
	Server func(*smtptest.Server)
}

// otherKey is the digest of a key that no host has.
const otherKey = "3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

// Domains returns the domains of an Internet that is made without others: one for
// each thing that can happen, with the outcome of each:
//
//	good.example       success its TLSA record is the server's key
//	ta.example         success its TLSA record is the server's CA
//	backup.example     success the first host has another key, the second is good
//	nodane.example     none    signed, but without TLSA record
//	unsigned.example   none    not signed, so that its TLSA record does not count
//	unusable.example   none    all its TLSA records are of usages that SMTP does not have
//	mismatch.example   failure its TLSA record is another key
//	expired.example    failure its TLSA record is the CA, and the certificate has expired
//	nostarttls.example failure it has a TLSA record, and its server no STARTTLS
//	bogus.example      failure its signatures have expired
//	bogustlsa.example  failure the signature of its TLSA record is wrong
//	nullmx.example     failure it accepts no mail
func Domains() []Domain {
	mail := func(records ...string) []Host { return []Host{{Name: "mail", TLSA: records}} }
	return []Domain{
		{Name: "good.example", About: "its TLSA record is the server's key", Outcome: dane.OutcomeSuccess, Hosts: mail("3 1 1")},
		{Name: "ta.example", About: "its TLSA record is the server's CA", Outcome: dane.OutcomeSuccess, Hosts: mail("2 1 1"),
			Zone: dnssectest.Zone{Denial: dnssectest.NSEC3}},
		{Name: "backup.example", About: "the first host has another key, the second is good", Outcome: dane.OutcomeSuccess,
			Hosts: []Host{{Name: "mail", TLSA: []string{otherKey}}, {Name: "backup", TLSA: []string{"3 1 1"}}}},
		{Name: "nodane.example", About: "signed, but without TLSA record", Outcome: dane.OutcomeNone, Hosts: mail()},
		{Name: "unsigned.example", About: "not signed, so that its TLSA record does not count", Outcome: dane.OutcomeNone, Hosts: mail("3 1 1"),
			Zone: dnssectest.Zone{Unsigned: true}},
		{Name: "unusable.example", About: "all its TLSA records are of usages that SMTP does not have", Outcome: dane.OutcomeNone, Hosts: mail("0 0 1", "1 1 1")},
		{Name: "mismatch.example", About: "its TLSA record is another key", Outcome: dane.OutcomeFailure, Hosts: mail(otherKey)},
		{Name: "expired.example", About: "its TLSA record is the CA, and the certificate has expired", Outcome: dane.OutcomeFailure,
			Hosts: []Host{{Name: "mail", TLSA: []string{"2 1 1"}, Certificate: tlsatest.Leaf{Faults: tlsatest.Expired}}}},
		{Name: "nostarttls.example", About: "it has a TLSA record, and its server no STARTTLS", Outcome: dane.OutcomeFailure,
			Hosts: []Host{{Name: "mail", TLSA: []string{"3 1 1"}, Server: func(s *smtptest.Server) { s.NoStartTLS = true }}}},
		{Name: "bogus.example", About: "its signatures have expired", Outcome: dane.OutcomeFailure, Hosts: mail("3 1 1"),
			Zone: dnssectest.Zone{Faults: map[string]dnssectest.Fault{dnssectest.WholeZone: dnssectest.Expired}}},
		{Name: "bogustlsa.example", About: "the signature of its TLSA record is wrong", Outcome: dane.OutcomeFailure, Hosts: mail("3 1 1"),
			Zone: dnssectest.Zone{Faults: map[string]dnssectest.Fault{"_25._tcp.mail TLSA": dnssectest.BadSignature}}},
		{Name: "nullmx.example", About: "it accepts no mail", Outcome: dane.OutcomeFailure, Zone: dnssectest.Zone{Records: "@ MX 0 ."}},
	}
}
