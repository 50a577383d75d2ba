package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/textproto"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// checkReport reads a delivery status notification (RFC 3464), and wants to find the
// recipients with their codes, and the header of the message.
func checkReport(t *testing.T, report string, failed map[string]string, header string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(report))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/report" || params["report-type"] != "delivery-status" || m.Header.Get("Auto-Submitted") != "auto-replied" {
		t.Fatalf("%s %v, %v", kind, params, err)
	}
	parts := map[string]string{}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextPart()
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		parts[kind] = string(body)
	}
	got := map[string]string{}
	for r := textproto.NewReader(bufio.NewReader(strings.NewReader(parts["message/delivery-status"] + "\r\n\r\n"))); ; {
		group, err := r.ReadMIMEHeader()
		if len(group) == 0 || err != nil {
			break
		}
		if to, ok := strings.CutPrefix(group.Get("Final-Recipient"), "rfc822; "); ok && group.Get("Action") == "failed" {
			got[to] = group.Get("Status")
		}
	}
	if diff := cmp.Diff(failed, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(parts) != 3 || !strings.Contains(parts["text/rfc822-headers"], header) || parts["text/plain"] == "" {
		t.Errorf("%d parts: %q", len(parts), parts)
	}
}

// A running program that delivers from a queue, in a bubble.
type running struct {
	queue *queue
	stop  context.CancelFunc
	exit  chan int
	log   *bytes.Buffer // to be read when it has ended
	tell  chan os.Signal
}

func start(t *testing.T, v *dane.Verifier, q *queue, args ...string) *running {
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{queue: q, stop: cancel, exit: make(chan int, 1), log: new(bytes.Buffer), tell: make(chan os.Signal)}
	p := &program{stdout: io.Discard, log: slog.New(slog.NewTextHandler(r.log, nil)), verifier: v, tell: r.tell}
	go func() {
		r.exit <- p.run(ctx, append([]string{"-queue", q.dir, "-hello", "mta.sender.example"}, args...))
	}()
	return r
}

// end stops it, and returns what is left in the queue.
func (r *running) end(t *testing.T) (left []*envelope) {
	t.Helper()
	r.stop()
	if exit := <-r.exit; exit != exitDelivered {
		t.Errorf("exit status %d", exit)
	}
	ids, err := r.queue.entries()
	if err != nil {
		t.Error(err)
	}
	for _, id := range ids {
		if e, err := r.queue.read(id); err == nil {
			left = append(left, e)
		}
	}
	return left
}

func (q *queue) mustAdd(t *testing.T, from string, to ...string) {
	t.Helper()
	if _, err := q.add(from, to, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// sender is where bounces go, after the domain a.example.
func sender() danetest.Domain {
	return danetest.Domain{Name: "sender.example", Hosts: []danetest.Host{{Name: "mail"}}}
}

// A recipient who is greylisted gets the message when it is tried again.
func TestRetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		box := &mailbox{refuse: func(string) error {
			if time.Since(begin) < 20*time.Minute {
				return greylisted
			}
			return nil
		}}
		v := serveAt(t, danetest.New(t, mailboxes("mail")), box)
		r := start(t, v, newQueue(t))
		time.Sleep(time.Minute) // it is running already when the message comes
		r.queue.mustAdd(t, "me@sender.example", "you@a.example")
		time.Sleep(10 * time.Minute)
		if box.attempts() != 1 || len(box.deliveries()) != 0 {
			t.Errorf("%d attempts, %d messages", box.attempts(), len(box.deliveries()))
		}
		time.Sleep(time.Hour)
		if left := r.end(t); len(left) != 0 || box.attempts() != 2 || len(box.deliveries()) != 1 || box.deliveries()[0].text != text {
			t.Errorf("%d attempts, %+v, left: %+v", box.attempts(), box.deliveries(), left)
		}
	})
}

// Who got the message does not get it again. Who will never get it is told of at once, and who
// did not in time when that is over.
func TestBounces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		box := &mailbox{refuse: except(map[string]*smtp.SMTPError{"nobody": noSuchUser, "later": greylisted})}
		returned := &mailbox{}
		v := serveAt(t, danetest.New(t, mailboxes("mail"), sender()), box, returned)
		r := start(t, v, newQueue(t))
		r.queue.mustAdd(t, "me@sender.example", "you@a.example", "nobody@a.example", "later@a.example")
		time.Sleep(time.Minute)
		if len(box.deliveries()) != 1 || len(returned.deliveries()) != 1 || returned.deliveries()[0].from != "" || !slices.Equal(returned.deliveries()[0].to, []string{"me@sender.example"}) {
			t.Fatalf("%+v, returned: %+v", box.deliveries(), returned.deliveries())
		}
		checkReport(t, returned.deliveries()[0].text, map[string]string{"nobody@a.example": "5.1.1"}, "Subject: test")
		time.Sleep(6 * 24 * time.Hour)
		if left := r.end(t); len(left) != 0 || len(box.deliveries()) != 1 || len(returned.deliveries()) != 2 {
			t.Fatalf("%+v, returned: %d, left: %+v", box.deliveries(), len(returned.deliveries()), left)
		}
		checkReport(t, returned.deliveries()[1].text, map[string]string{"later@a.example": "4.2.0"}, "Subject: test")
		// At 0, ½, 1½ and 3½ hours, and every four hours from then on, until five days have passed.
		if want := 34; box.attempts() != want {
			t.Errorf("%d attempts, want %d", box.attempts(), want)
		}
	})
}

// A bounce that cannot be delivered makes no other.
func TestDoubleBounce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		nobody := func(string) error { return noSuchUser }
		box, returned := &mailbox{refuse: nobody}, &mailbox{refuse: nobody}
		v := serveAt(t, danetest.New(t, mailboxes("mail"), sender()), box, returned)
		r := start(t, v, newQueue(t))
		r.queue.mustAdd(t, "me@sender.example", "you@a.example")
		time.Sleep(time.Hour)
		if left := r.end(t); len(left) != 0 || box.attempts() != 1 || returned.attempts() != 1 {
			t.Errorf("%d and %d attempts, left: %+v", box.attempts(), returned.attempts(), left)
		}
	})
}

// A failure of DANE keeps the message, and lets through what waits behind it.
func TestDANEFailureStays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		internet := danetest.New(t)
		r := start(t, internet.Verifier(), newQueue(t), "-parallel", "1")
		r.queue.mustAdd(t, "me@sender.example", "you@mismatch.example", "you@good.example")
		time.Sleep(time.Minute)
		r.tell <- os.Interrupt
		left := r.end(t)
		if len(left) != 1 || left[0].Attempts != 1 || left[0].Recipients[0].Code != "4.7.5" || left[0].Next.Sub(left[0].Received) < 30*time.Minute {
			t.Errorf("left: %+v", left)
		}
		if got := internet.Servers["mail.good.example"].Messages(); len(got) != 1 || !got[0].TLS {
			t.Errorf("%+v", got)
		}
		if n := strings.Count(r.log.String(), "msg=counters delivered=1 deferred=1 bounced=0"); n != 2 { // when it was asked to, and in the end
			t.Errorf("%d lines with the counters in\n%s", n, r.log)
		}
	})
}

// What has begun when the program is to end gets half a minute, and nothing new begins.
func TestEnd(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		delay time.Duration // of the server
		left  int
	}{
		"a delivery that is done in time": {20 * time.Second, 1},
		"one that is not":                 {time.Hour, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				internet := danetest.New(t, danetest.Domain{Name: "slow.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}, Server: func(s *smtptest.Server) {
					s.Delays = map[smtptest.Stage]time.Duration{smtptest.AtRcpt: tt.delay}
				}}}})
				r := start(t, internet.Verifier(), newQueue(t), "-parallel", "1")
				r.queue.mustAdd(t, "me@sender.example", "you@slow.example", "you@other.example")
				time.Sleep(10 * time.Second)
				begin := time.Now()
				left := r.end(t)
				if took := time.Since(begin); took > grace+time.Second || len(left) != tt.left {
					t.Errorf("after %v left: %+v", took, left)
				}
				for _, e := range left {
					if e.Attempts != 0 || e.Next.After(time.Now()) {
						t.Errorf("its end counts as an attempt: %+v", e)
					}
				}
			})
		})
	}
}

// An entry that cannot be read costs the others nothing.
func TestDamagedEntries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		box := &mailbox{}
		v := serveAt(t, danetest.New(t, mailboxes("mail")), box)
		q := newQueue(t)
		if err := os.WriteFile(q.path("0-damaged", envelopeSuffix), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		q.mustAdd(t, "", "one@a.example")
		ids, err := q.entries()
		if err != nil || os.Remove(q.path(ids[1], textSuffix)) != nil {
			t.Fatal(err)
		}
		r := start(t, v, q)
		q.mustAdd(t, "", "two@a.example")
		time.Sleep(time.Hour)
		left := r.end(t)
		if len(left) != 1 || len(box.deliveries()) != 1 || box.deliveries()[0].to[0] != "two@a.example" {
			t.Errorf("%+v, left: %+v", box.deliveries(), left)
		}
		if n := strings.Count(r.log.String(), "left alone"); n != 2 {
			t.Errorf("%d lines for two entries in\n%s", n, r.log)
		}
	})
}
