package dnssec_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// cut is an Exchanger that can be cut off.
type cut struct {
	upstream.Exchanger
	off bool
}

func (c *cut) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	if c.off {
		return nil, errors.New("cut off")
	}
	return c.Exchanger.Exchange(ctx, q)
}

// What servers say counts, and neither what the cache has nor a failure.
func TestLastReply(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		internet := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "a A 192.0.2.1\nb A 192.0.2.2"})
		server := &cut{Exchanger: internet}
		r := &dnssec.Resolver{Exchanger: server, Anchors: internet.Anchors()}
		if at := r.LastReply(); !at.IsZero() {
			t.Errorf("a reply before the first query: %v", at)
		}
		var want time.Time
		for _, tt := range []struct {
			label, name string
			off, fails  bool
			replies     bool
		}{
			{"the first query", "a.test.", false, false, true},
			{"what is cached", "a.test.", false, false, false},
			{"a query that fails", "b.test.", true, true, false},
			{"a query that is answered again", "b.test.", false, false, true},
		} {
			time.Sleep(time.Minute)
			server.off = tt.off
			_, err := r.Lookup(t.Context(), tt.name, dns.TypeA)
			if tt.replies {
				want = time.Now()
			}
			if got := r.LastReply(); !got.Equal(want) || (err != nil) != tt.fails {
				t.Errorf("%s: the last reply came at %v, want %v; %v", tt.label, got, want, err)
			}
		}
	})
}
