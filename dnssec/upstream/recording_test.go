package upstream_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// A verdict computed again from a recording, long after, is the same, with the same
// reason.
func TestRecordingGivesTheSameVerdict(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t,
		dnssectest.Zone{Name: "test."},
		dnssectest.Zone{Name: "good.test.", Records: "@ MX 10 mail\nalias CNAME mail\nmail A 192.0.2.1"},
		dnssectest.Zone{Name: "unsigned.test.", Unsigned: true, Records: "@ MX 10 mail"},
		dnssectest.Zone{Name: "expired.test.", Records: "@ MX 10 mail", Faults: map[string]dnssectest.Fault{"@ MX": dnssectest.Expired}},
		dnssectest.Zone{Name: "servfail.test.", Records: "@ MX 10 mail", Faults: map[string]dnssectest.Fault{dnssectest.WholeZone: dnssectest.ServFail}},
	)
	for _, tt := range []struct {
		name   string
		qtype  uint16
		status dnssec.Status
	}{
		{"good.test.", dns.TypeMX, dnssec.Secure},
		{"alias.good.test.", dns.TypeA, dnssec.Secure},
		{"none.good.test.", dns.TypeA, dnssec.Secure},
		{"unsigned.test.", dns.TypeMX, dnssec.Insecure},
		{"expired.test.", dns.TypeMX, dnssec.Bogus},
		{"servfail.test.", dns.TypeMX, dnssec.Indeterminate},
	} {
		t.Run(tt.name, func(t *testing.T) {
			recorder := &upstream.Recorder{Exchanger: world.Recursor()}
			then, errThen := (&dnssec.Resolver{Exchanger: recorder, Anchors: world.Anchors()}).Lookup(t.Context(), tt.name, tt.qtype)
			if then.Status != tt.status {
				t.Fatalf("status %s, want %s: %v", then.Status, tt.status, errThen)
			}
			stored, err := json.Marshal(recorder.Recording())
			if err != nil {
				t.Fatal(err)
			}
			recording := new(upstream.Recording)
			if err := json.Unmarshal(stored, recording); err != nil {
				t.Fatal(err)
			}
			now, errNow := (&dnssec.Resolver{Exchanger: recording, Anchors: world.Anchors(), Time: recording.Time}).Lookup(t.Context(), tt.name, tt.qtype)
			if now.Status != then.Status || now.RCode != then.RCode || len(now.Records) != len(then.Records) || fmt.Sprint(errNow) != fmt.Sprint(errThen) {
				t.Errorf("now %+v, %v\nthen %+v, %v", now, errNow, then, errThen)
			}
			if diff := cmp.Diff(then.Reason, now.Reason); diff != "" {
				t.Error(diff)
			}
			later := func() time.Time { return recording.Time().AddDate(1, 0, 0) }
			if tt.status == dnssec.Secure {
				if a, err := (&dnssec.Resolver{Exchanger: recording, Anchors: world.Anchors(), Time: later}).Lookup(t.Context(), tt.name, tt.qtype); a.Status != dnssec.Bogus {
					t.Errorf("a year later: %s, %v", a.Status, err)
				}
			}
		})
	}
}

// What a server sends may depend on whether it is to check it, and with it the verdict.
func TestRecordingKnowsWhoWasToCheck(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "@ A 192.0.2.1"})
	recorder := &upstream.Recorder{Exchanger: uncheckedForged{world}}
	for _, exchanger := range []func() upstream.Exchanger{
		func() upstream.Exchanger { return recorder },
		func() upstream.Exchanger { return recorder.Recording() },
	} {
		resolver := &dnssec.Resolver{Exchanger: exchanger(), Anchors: world.Anchors()}
		if answer, err := resolver.Lookup(t.Context(), "test.", dns.TypeA); err != nil || answer.Status != dnssec.Secure {
			t.Errorf("%+v, %v", answer, err)
		}
	}
}

// uncheckedForged sends a forged address where it is asked with CD.
type uncheckedForged struct{ *dnssectest.Internet }

func (u uncheckedForged) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	reply, err := u.Internet.Exchange(ctx, q)
	if err == nil && q.Msg.CheckingDisabled {
		for _, rr := range reply.Msg.Answer {
			if a, ok := rr.(*dns.A); ok {
				a.A = net.IPv4(192, 0, 2, 66)
			}
		}
	}
	return reply, err
}

func TestRecordingKnowsWhatWasAsked(t *testing.T) {
	t.Parallel()
	query := func(name string, do bool) *upstream.Query {
		msg := new(dns.Msg).SetQuestion(name, dns.TypeMX)
		msg.SetEdns0(1232, do)
		return &upstream.Query{Msg: msg}
	}
	packed, err := new(dns.Msg).SetReply(query("good.test.", true).Msg).Pack()
	if err != nil {
		t.Fatal(err)
	}
	reply := func(server string, avoid ...string) upstream.Recorded {
		return upstream.Recorded{Name: "good.test.", Type: dns.TypeMX, DNSSEC: true, Server: server, Avoid: avoid, Message: packed}
	}
	recording := &upstream.Recording{Exchanges: []upstream.Recorded{
		reply("one"), reply("two", "one"),
		{Name: "good.test.", Type: dns.TypeMX, DNSSEC: true, Avoid: []string{"one", "two"}, Err: "gone", Exhausted: true},
		{Name: "incapable.test.", Type: dns.TypeMX, DNSSEC: true, Err: "no server is capable", Incapable: true},
		{Name: "dead.test.", Type: dns.TypeMX, DNSSEC: true, Err: "connection refused"},
		{Name: "damaged.test.", Type: dns.TypeMX, DNSSEC: true, Server: "one", Message: packed[:5]},
	}}
	avoiding := func(servers ...string) *upstream.Query {
		q := query("GOOD.test.", true)
		q.Avoid = servers
		return q
	}
	for _, tt := range []struct {
		name string
		q    *upstream.Query
		want string // the server, or a part of the error
	}{
		{"the first reply", avoiding(), "one"},
		{"the reply of another server", avoiding("one"), "two"},
		{"a reply that was got in another way", avoiding("two"), "one"},
		{"nobody else was asked", avoiding("one", "two"), upstream.ErrExhausted.Error()},
		{"not with DNSSEC", query("good.test.", false), "not in the recording"},
		{"another name", query("other.test.", true), "not in the recording"},
		{"incapable servers", query("incapable.test.", true), "no server is capable"},
		{"dead servers", query("dead.test.", true), "connection refused"},
		{"a message that is none", query("damaged.test.", true), "one: damaged.test. MX"},
		{"no question", &upstream.Query{Msg: new(dns.Msg)}, "exactly one question"},
	} {
		got := ""
		reply, err := recording.Exchange(t.Context(), tt.q)
		if err != nil {
			got = err.Error()
		} else {
			got = reply.Server
		}
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
		if _, incapable := errors.AsType[*upstream.CapabilityError](err); incapable != (tt.name == "incapable servers") {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
	if at := new(upstream.Recording).Time(); !at.IsZero() {
		t.Errorf("an empty recording is of %s", at)
	}
}

func TestRecorderIsBounded(t *testing.T) {
	t.Parallel()
	recorder := &upstream.Recorder{Exchanger: &upstream.Recording{}}
	for range 5000 {
		recorder.Exchange(t.Context(), &upstream.Query{Msg: new(dns.Msg).SetQuestion("test.", dns.TypeA)})
	}
	if r := recorder.Recording(); len(r.Exchanges) != 4096 || !r.Truncated {
		t.Errorf("%d exchanges, truncated: %t", len(r.Exchanges), r.Truncated)
	}
}

// What led to a verdict is kept, and judged again without a network.
func ExampleRecorder() {
	world := dnssectest.NewInternet(dnssectest.Zone{Name: "example.", Records: "@ MX 10 mail"})
	recorder := &upstream.Recorder{Exchanger: world}
	resolver := &dnssec.Resolver{Exchanger: recorder, Anchors: world.Anchors()}
	if _, err := resolver.Lookup(context.Background(), "example", dns.TypeMX); err != nil {
		fmt.Println(err)
		return
	}
	recording := recorder.Recording() // can be stored as JSON

	offline := &dnssec.Resolver{Exchanger: recording, Anchors: world.Anchors(), Time: recording.Time}
	answer, err := offline.Lookup(context.Background(), "example", dns.TypeMX)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Status, len(recording.Exchanges), "exchanges")
	// Output: secure 4 exchanges
}
