package tlsa_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// A client connects to a server whose key is in a TLSA record. No public CA knows
// the server; another record, and the handshake would fail.
func ExampleVerifier() {
	server := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{"mx.example.org"}})
	near, far := net.Pipe()
	defer near.Close()
	go tls.Server(far, &tls.Config{Certificates: []tls.Certificate{server.TLS()}}).Handshake()

	v := &tlsa.Verifier{
		Records: []tlsa.Record{server.Record(tlsa.SPKI, tlsa.SHA256)}, // as DNSSEC has proven it
		Names:   []string{"mx.example.org", "example.org"},
	}
	conn := tls.Client(near, v.TLSConfig(nil))
	fmt.Println("handshake:", conn.Handshake())

	state := conn.ConnectionState()
	match, err := v.Verify(state.PeerCertificates) // which record was it?
	fmt.Println(match.Record.Usage, match.Record.Selector, match.Record.Matching, "at depth", match.Depth, err)
	fmt.Println("SNI:", state.ServerName)
	// Output:
	// handshake: <nil>
	// DANE-EE SPKI SHA2-256 at depth 0 <nil>
	// SNI: mx.example.org
}

// A domain names its own CA, so it can renew certificates without a change in DNS.
func ExampleVerifier_Verify() {
	ca := tlsatest.NewCA(tlsatest.Authority{})
	server := ca.Issue(tlsatest.Leaf{Names: []string{"*.example.org"}})

	v := &tlsa.Verifier{
		Records: []tlsa.Record{ca.Record(tlsa.Cert, tlsa.SHA256)},
		Names:   []string{"mx.example.org"},
	}
	match, err := v.Verify(server.Chain())
	fmt.Println(match.Record.Usage, "at depth", match.Depth, "for", match.Name, err)

	expired := ca.Issue(tlsatest.Leaf{Names: []string{"mx.example.org"}, Faults: tlsatest.Expired})
	_, err = v.Verify(expired.Chain())
	if e, ok := errors.AsType[*tlsa.Error](err); ok {
		fmt.Println(e.Reason)
	}
	// Output:
	// DANE-TA at depth 1 for mx.example.org <nil>
	// certificate has expired
}

func ExampleVerifier_Judge() {
	server := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{"mx.example.org"}})
	next := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{"mx.example.org"}}) // to be installed next week
	v := &tlsa.Verifier{Records: []tlsa.Record{
		server.Record(tlsa.SPKI, tlsa.SHA256),
		next.Record(tlsa.SPKI, tlsa.SHA256),
		{Usage: tlsa.DANEEE, Selector: tlsa.SPKI, Matching: tlsa.SHA256, Data: []byte("too short")},
	}}
	for _, verdict := range v.Judge(server.Chain()) {
		if e, ok := errors.AsType[*tlsa.Error](verdict.Err); ok {
			fmt.Println(e.Reason)
			continue
		}
		fmt.Println("matches")
	}
	// Output:
	// matches
	// no certificate matches
	// not usable
}

// An operator's tool looks at what is published before the key is changed.
func ExampleVerifier_Check() {
	ca := tlsatest.NewCA(tlsatest.Authority{})
	server := ca.Issue(tlsatest.Leaf{Names: []string{"mx.example.org"}})
	swapped := server.Record(tlsa.Cert, tlsa.SHA256)
	swapped.Selector = tlsa.SPKI // a 3 1 1 that has the digest of the certificate
	v := &tlsa.Verifier{
		Records: []tlsa.Record{server.Record(tlsa.SPKI, tlsa.SHA256), swapped},
		Names:   []string{"mx.example.org"},
	}
	report := v.Check(server.Chain())
	fmt.Println("scheme:", report.Scheme)
	for _, finding := range report.Findings {
		fmt.Println(finding)
	}

	v.Records[1] = ca.Record(tlsa.SPKI, tlsa.SHA256)
	report = v.Check(server.Chain())
	fmt.Println("scheme:", report.Scheme, report.Findings)
	// Output:
	// scheme: none
	// record 1: has the wrong selector (data of certificate 0)
	// record 0: no record for the next key
	// scheme: key and issuer []
}

func ExampleParse() {
	for _, text := range []string{
		"3 1 1 8CB0FC6C527506A053F4F14C8464BEBB D6DEDE2738D11468DD953D7D6A3021F1",
		"DANE-TA SPKI SHA2-256 8cb0",
		"_25._tcp.mx.example.org. IN TLSA ( 02 01 01 8cb0 ) ; as danetool prints it",
		"0 0 1 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	} {
		record, err := tlsa.Parse(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(record)
		fmt.Println("for SMTP:", record.Usable(tlsa.SMTP))
	}
	// Output:
	// 3 1 1 8cb0fc6c527506a053f4f14c8464bebbd6dede2738d11468dd953d7d6a3021f1
	// for SMTP: <nil>
	// 2 1 1 8cb0
	// for SMTP: tlsa: 2 1 1 8cb0: not usable: digest of the wrong length
	// 2 1 1 8cb0
	// for SMTP: tlsa: 2 1 1 8cb0: not usable: digest of the wrong length
	// 0 0 1 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
	// for SMTP: tlsa: 0 0 1 e3b0c44298fc1c14...: not usable: PKIX usages mean nothing for SMTP
}

func ExampleParseRData() {
	record, err := tlsa.ParseRData([]byte{3, 1, 1, 0x8c, 0xb0, 0xfc})
	fmt.Println(record, err)
	fmt.Println(record.Usage, record.Selector, record.Matching)
	// Output:
	// 3 1 1 8cb0fc <nil>
	// DANE-EE SPKI SHA2-256
}

// The record that a mail server's operator publishes.
func ExampleNew() {
	certificate := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{"mx.example.org"}}).Leaf

	record, err := tlsa.New(tlsa.DANEEE, tlsa.SPKI, tlsa.SHA256, certificate)
	if err != nil {
		fmt.Println(err)
		return
	}
	zone := fmt.Sprintf("_25._tcp.mx.example.org. IN TLSA %v", record)
	fmt.Println(zone[:len(zone)-64] + "…") // the key is another each time
	// Output:
	// _25._tcp.mx.example.org. IN TLSA 3 1 1 …
}

// A mail server is to get another key: what is to be done in DNS, and when?
func ExampleVerifier_Plan() {
	now := time.Date(2026, time.December, 1, 12, 0, 0, 0, time.UTC)
	leaf := tlsatest.Leaf{Names: []string{"mx.example.org"}, Time: now}
	current, next := tlsatest.SelfSigned(leaf), tlsatest.SelfSigned(leaf)
	v := &tlsa.Verifier{
		Records: []tlsa.Record{current.Record(tlsa.SPKI, tlsa.SHA256)}, // what is in DNS
		Time:    func() time.Time { return now },
	}
	tasks, err := v.Plan(tlsa.Rollover{
		Current: []*x509.Certificate{current.Leaf}, Next: []*x509.Certificate{next.Leaf},
		TTL: time.Hour, Propagation: 5 * time.Minute, SignatureValidity: 14 * 24 * time.Hour,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, task := range tasks {
		fmt.Printf("%s: %s, %d to add, %d to remove\n", task.NotBefore.Format(time.DateTime), task.Kind, len(task.Add), len(task.Remove))
		fmt.Println("   ", task.Why)
	}
	// Output:
	// 2026-12-01 12:00:00: publish, 1 to add, 0 to remove
	//     The next chain needs its records in all caches before it is deployed.
	// 2026-12-01 13:05:00: deploy, 0 to add, 0 to remove
	//     All servers have the new records after 5m0s, and caches keep the old ones for 1h0m0s.
	// 2026-12-01 13:05:00: withdraw, 0 to add, 1 to remove
	//     No address of the server presents the current chain any more.
	// 2026-12-15 13:05:00: retire, 0 to add, 0 to remove
	//     The old records have left all caches, and their signatures have expired.
}
