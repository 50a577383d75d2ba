package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// serveMail is the mail server of all domains. It has a certificate for each name that
// a client sends, all with the one key that the TLSA records are of.
func serveMail(ctx context.Context, dir string) error {
	issuer, err := readIssuer(dir)
	if err != nil {
		return err
	}
	config := &tls.Config{GetCertificate: issuer.certificate}
	var parts []func(context.Context) error
	for i := range mailServers {
		listener, err := net.Listen("tcp", net.JoinHostPort(mailAddress(i), "25"))
		if err != nil {
			return err
		}
		parts = append(parts, func(ctx context.Context) error { return acceptMail(ctx, listener, config) })
	}
	return together(ctx, parts...)
}

// mailAddress is the address of the mail server of the domain with a number.
func mailAddress(domain int) string { return fmt.Sprintf("127.0.20.%d", 1+domain%mailServers) }

// acceptMail serves SMTP clients until the context ends.
func acceptMail(ctx context.Context, listener net.Listener, config *tls.Config) error {
	const session = time.Minute
	defer context.AfterFunc(ctx, func() { listener.Close() })()
	var open sync.WaitGroup
	defer open.Wait()
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		} else if err != nil {
			return err
		}
		open.Go(func() {
			defer conn.Close()
			defer context.AfterFunc(ctx, func() { conn.Close() })()
			conn.SetDeadline(time.Now().Add(session))
			converse(conn, config)
		})
	}
}

// converse speaks as much SMTP as it takes to come to STARTTLS, and to leave.
func converse(conn net.Conn, config *tls.Config) {
	extensions := "250-lab\r\n250-PIPELINING\r\n250 STARTTLS\r\n"
	fmt.Fprint(conn, "220 lab ESMTP\r\n")
	for lines := bufio.NewReader(conn); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		verb, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch strings.ToUpper(verb) {
		case "EHLO":
			fmt.Fprint(conn, extensions)
		case "STARTTLS":
			fmt.Fprint(conn, "220 go ahead\r\n")
			secured := tls.Server(conn, config)
			if secured.Handshake() != nil {
				return
			}
			conn, lines = secured, bufio.NewReader(secured)
			extensions = "250-lab\r\n250 PIPELINING\r\n"
		case "HELO", "NOOP", "RSET":
			fmt.Fprint(conn, "250 ok\r\n")
		case "QUIT":
			fmt.Fprint(conn, "221 bye\r\n")
			return
		default:
			fmt.Fprint(conn, "502 no\r\n")
		}
	}
}
