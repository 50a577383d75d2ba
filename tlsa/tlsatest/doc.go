// Package tlsatest makes certificates in memory, good ones and ones broken in named
// ways, with the TLSA records for them. It is for the tests and demos of programs
// that use DANE, in the style of net/http/httptest.
//
//	ca := tlsatest.NewCA(tlsatest.Authority{})
//	server := ca.Issue(tlsatest.Leaf{Names: []string{"mx.example.org"}})
//
//	server.TLS()                                 // for tls.Config.Certificates
//	server.Record(tlsa.SPKI, tlsa.SHA256)        // "3 1 1 …"
//	ca.Record(tlsa.SPKI, tlsa.SHA256)            // "2 1 1 …"
//
// [CA.NewCA] makes a CA below another. All keys are ECDSA P-256, new each time.
//
// # Breaking things
//
// [Leaf] and [Authority] have a [Fault], or several: [Expired], [CommonNameOnly], [NotCA]
// and so on. What is damaged is the certificate and nothing else, so that a test sees
// whether the fault is found, or rightly not looked at.
//
// # Time
//
// Certificates are valid from a day before their Time until 90 days after, those of a
// CA for ten years; the default is time.Now. Within a testing/synctest bubble that
// is the time of the bubble.
//
// Mistakes of the test's author end in a panic. Everything is safe for concurrent
// use once it is made.
package tlsatest
