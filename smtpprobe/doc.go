// Package smtpprobe finds out what a mail server does, up to and through
// STARTTLS: it connects, reads the greeting, says EHLO, STARTTLS, and, once TLS is
// up, EHLO again and QUIT. It sends no mail.
//
//	p := smtpprobe.Prober{Hello: "client.example"}
//	result, err := p.Probe(ctx, "192.0.2.25:25", verifier.TLSConfig(nil)) // a tlsa.Verifier, for DANE
//	fmt.Print(result)                                                     // what was said, as far as it got
//	if e, ok := errors.AsType[*smtpprobe.Error](err); ok {
//		fmt.Println("it ended at", e.Stage, e.Err)
//		if e.Reply != nil {
//			fmt.Println("the server said", e.Reply)
//		}
//		return
//	}
//	fmt.Println(result.Extensions, smtpprobe.ProtocolName(result.TLS.Version))
//
// # Results and errors
//
// [Prober.Probe] returns a [Result] in any case: replies, extensions, timings and
// the state of TLS, as far as it got. Its String method prints the conversation.
//
// The error is nil if the server did all that was asked: the TLS handshake, or,
// with a nil configuration, EHLO. Otherwise it is an [*Error] that says at which
// [Stage] the probe ended. If the server refused, Error.Reply has its words: their
// Code, EnhancedCode and Text, and whether that is Permanent. Otherwise the cause is, among others,
//
//   - [ErrNoStartTLS]: the server does not offer STARTTLS;
//   - [ErrInjection]: something came in clear after the server agreed to STARTTLS;
//   - [ErrReply]: what the server said is no SMTP reply, too long, or unclear;
//   - [ErrClientCertificate]: the server wants a certificate of the client;
//   - what crypto/tls returned, the error of a VerifyConnection hook included; where
//     that comes from an alert of the server, there is a [tls.AlertError], too;
//   - [os.ErrDeadlineExceeded]: a stage took longer than [Prober.StageTimeout];
//   - the error of the context.
//
// [Prober.Connect] does the same but for QUIT, and returns a [Conn]: the connection for
// an SMTP client to go on with.
//
// What fails after the handshake, the second EHLO or QUIT, does not undo it. It is
// recorded in [Result.Late], and the error is nil. But in TLS 1.3 an alert in place of
// the reply to the second EHLO is the server's verdict on the handshake (RFC 8446
// §4.4.2.4), and the error of [StageHandshake].
//
// # What is trusted
//
// Nothing. Replies are read as other senders of mail read them, but for that to
// STARTTLS, which must be exact (RFC 3207 §4.2). They are bounded in length, number
// and time, are kept as they came, and are escaped where this package prints them.
// Whether the certificate is good is the business of the tls.Config, which is used as
// it is given; for DANE that is package tlsa's Verifier. Before TLS an attacker can
// change all that is said, so what was seen there proves nothing, and the extensions
// before and after are kept apart (RFC 3207 §4.2).
//
// # What it does not do
//
// It knows no DNS: servers are IP addresses. It does not retry, and has no opinion
// on policy.
//
// # Specifications
//
// RFC 5321 (SMTP), RFC 3207 (STARTTLS). The names of protocols and ciphers are
// those of OpenSSL.
package smtpprobe
