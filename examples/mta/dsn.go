package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// maxHeader is how much of a message is returned: its header, so that its sender knows
// which it was.
const maxHeader = 32 << 10

// readHeader returns the header of a message, up to a bound.
func readHeader(r io.Reader) ([]byte, error) {
	var header []byte
	for b := bufio.NewReader(io.LimitReader(r, maxHeader)); ; {
		line, err := b.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if err != nil || len(bytes.TrimSpace(line)) == 0 {
			return header, nil // a line that is cut is left out
		}
		header = append(header, line...)
	}
}

// newReport makes a delivery status notification (RFC 3464): what has failed for whom, and the
// header of the message.
func newReport(reporter string, e *envelope, failed []recipient, header []byte, now time.Time) []byte {
	boundary := "=_" + rand.Text() // in no header, since nobody knows it
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	part := func(contentType string) {
		line("\r\n--%s", boundary)
		line("Content-Type: %s\r\n", contentType)
	}
	line("From: Mail Delivery System <MAILER-DAEMON@%s>", reporter)
	line("To: <%s>", e.From)
	line("Subject: Undelivered mail returned to sender")
	line("Date: %s", now.Format(time.RFC1123Z))
	line("Message-ID: <%s@%s>", rand.Text(), reporter)
	line("Auto-Submitted: auto-replied")
	line("MIME-Version: 1.0")
	line("Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"%s\"", boundary)

	part("text/plain; charset=us-ascii")
	line("Your message could not be delivered to these recipients:")
	for _, r := range failed {
		line("\r\n<%s>:\r\n    %s", r.Address, shortened(r.Text))
	}

	part("message/delivery-status")
	line("Reporting-MTA: dns; %s", reporter)
	line("Arrival-Date: %s", e.Received.Format(time.RFC1123Z))
	for _, r := range failed {
		line("\r\nFinal-Recipient: rfc822; %s", r.Address)
		line("Action: failed")
		line("Status: %s", r.Code)
		line("Diagnostic-Code: x-mta; %s", shortened(r.Text))
	}

	part("text/rfc822-headers")
	b.Write(header)
	line("\r\n--%s--", boundary)
	return []byte(b.String())
}

// shortened leaves room in a line (RFC 5321 §4.5.3.1.6) for what stands before the text,
// which is printable ASCII.
func shortened(text string) string {
	const limit = 900
	return text[:min(len(text), limit)]
}
