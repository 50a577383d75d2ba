package survey_test

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// unlimited are no limits but pauses.
func unlimited() survey.Limits {
	no := survey.Limit{Connections: -1, PerSecond: -1}
	return survey.Limits{Address: no, Network: no, Provider: no, DNS: no}
}

// A stage is an Internet, and counts the connections to its mail servers.
type stage struct {
	*danetest.Internet
	verifier *dane.Verifier

	mu    sync.Mutex
	dials []string
	dial  func(address string) error // nil lets all through
}

// newStage has a provider with one server and customers a.example and b.example. All ends with
// the test; in a bubble it must be made there.
func newStage(t *testing.T, change func(*smtptest.Server), records ...string) *stage {
	t.Helper()
	if records == nil {
		records = []string{"3 1 1"}
	}
	customer := dnssectest.Zone{Records: "@ MX 10 mx.provider.example."}
	s := &stage{Internet: danetest.NewInternet(
		danetest.Domain{Name: "provider.example", Hosts: []danetest.Host{{Name: "mx", TLSA: records, Server: change}}},
		danetest.Domain{Name: "a.example", Zone: customer},
		danetest.Domain{Name: "b.example", Zone: customer},
	)}
	t.Cleanup(s.Close)
	s.verifier = s.Verifier()
	s.verifier.Hello = "client.example"
	dial := s.verifier.Dial
	s.verifier.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		s.mu.Lock()
		s.dials = append(s.dials, address)
		refuse := s.dial
		s.mu.Unlock()
		if refuse != nil {
			if err := refuse(address); err != nil {
				return nil, err
			}
		}
		return dial(ctx, network, address)
	}
	return s
}

func (s *stage) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.dials)
}

func (s *stage) survey() *survey.Survey {
	return &survey.Survey{Checker: &dane.Checker{Verifier: s.verifier}, Limits: unlimited()}
}

// A list is a Source of domains, one a word.
type list struct {
	words []string
	next  int
}

func listOf(domains string) *list { return &list{words: strings.Fields(domains)} }

func (l *list) Next(context.Context) (survey.Entry, error) {
	if l.next == len(l.words) {
		return survey.Entry{}, io.EOF
	}
	l.next++
	return survey.Entry{Line: l.next, Input: l.words[l.next-1], Domain: l.words[l.next-1]}, nil
}

// rows is a Sink.
type rows []survey.Row

func (r *rows) Put(_ context.Context, row survey.Row) error {
	*r = append(*r, row)
	return nil
}
