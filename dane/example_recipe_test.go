package dane_test

import (
	"fmt"
	"net/smtp"
	"strings"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// sendTo delivers a message to a domain of the Internet by deliver, which stands for
// the mail server that is tested, and prints what became of it and what the servers
// have got.
func sendTo(internet *danetest.Internet, domain string) {
	err := deliver(printing(), internet.Verifier(), domain, func(client *smtp.Client) error {
		return sendMessage(client, "postmaster@"+domain)
	})
	fmt.Println(domain, "queued:", err != nil)
	for _, host := range []string{"mail." + domain, "backup." + domain} {
		if server := internet.Servers[host]; server != nil {
			for _, m := range server.Messages() {
				fmt.Println(host, "got it, encrypted:", m.TLS)
			}
		}
	}
}

func sendMessage(client *smtp.Client, to string) error {
	if err := client.Mail("sender@client.example"); err != nil {
		return err
	}
	if err := client.Rcpt(to); err != nil {
		return err
	}
	w, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := fmt.Fprint(w, "Subject: test\r\n\r\nHello.\r\n"); err != nil {
		return err
	}
	return w.Close()
}

// Test that your MTA defers on mismatch: a host whose certificate matches no TLSA
// record gets nothing. The next host may, and without one the message stays queued.
func Example_defersOnMismatch() {
	internet := danetest.NewInternet()
	defer internet.Close()
	sendTo(internet, "mismatch.example")
	sendTo(internet, "expired.example")
	sendTo(internet, "backup.example")
	// Output:
	// not by mail.mismatch.example certificate-not-trusted
	// mismatch.example queued: true
	// not by mail.expired.example certificate-expired
	// expired.example queued: true
	// not by mail.backup.example certificate-not-trusted
	// backup.example queued: false
	// backup.backup.example got it, encrypted: true
}

// Test that your MTA falls back without TLSA: the message is delivered, encrypted if
// the server can, by whatever certificate, and in clear if it cannot.
func Example_fallsBackWithoutTLSA() {
	internet := danetest.NewInternet(append(danetest.Domains(), danetest.Domain{
		Name: "old.example", About: "without TLSA record, and its server without STARTTLS",
		Hosts: []danetest.Host{{Name: "mail", Server: func(s *smtptest.Server) { s.NoStartTLS = true }}},
	})...)
	defer internet.Close()
	sendTo(internet, "nodane.example")
	sendTo(internet, "unsigned.example")
	sendTo(internet, "old.example")
	// Output:
	// nodane.example queued: false
	// mail.nodane.example got it, encrypted: true
	// unsigned.example queued: false
	// mail.unsigned.example got it, encrypted: true
	// old.example queued: false
	// mail.old.example got it, encrypted: false
}

// Test that your MTA never sends in clear when TLSA exists: an attacker who takes
// STARTTLS away, or its answer, or the TLSA records, gets nothing to read.
func Example_neverInClear() {
	without := func(s *smtptest.Server) { s.NoStartTLS = true }
	refused := func(s *smtptest.Server) {
		s.Faults = map[smtptest.Stage]smtptest.Fault{smtptest.AtStartTLS: smtptest.Temporary}
	}
	tlsa := func(fault dnssectest.Fault) dnssectest.Zone {
		return dnssectest.Zone{Faults: map[string]dnssectest.Fault{"_25._tcp.mail TLSA": fault}}
	}
	internet := danetest.NewInternet(
		danetest.Domain{Name: "stripped.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}, Server: without}}},
		danetest.Domain{Name: "refused.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}, Server: refused}}},
		danetest.Domain{Name: "unusable.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"0 0 1"}, Server: without}}},
		danetest.Domain{Name: "forged.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}, Server: without}}, Zone: tlsa(dnssectest.BadSignature)},
		danetest.Domain{Name: "blocked.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}, Server: without}}, Zone: tlsa(dnssectest.ServFail)},
	)
	defer internet.Close()
	for _, d := range internet.Domains {
		sendTo(internet, d.Name)
		for _, session := range internet.Servers["mail."+d.Name].Sessions() {
			for _, command := range session.Commands {
				verb, _, _ := strings.Cut(command, " ")
				fmt.Println("the server was told", verb)
			}
		}
	}
	// Output:
	// not by mail.stripped.example starttls-not-supported
	// stripped.example queued: true
	// the server was told EHLO
	// the server was told QUIT
	// not by mail.refused.example starttls-not-supported
	// refused.example queued: true
	// the server was told EHLO
	// the server was told STARTTLS
	// the server was told QUIT
	// not by mail.unusable.example starttls-not-supported
	// unusable.example queued: true
	// the server was told EHLO
	// the server was told QUIT
	// forged.example queued: true
	// blocked.example queued: true
}
