package smtpprobe_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/danesmtp/danesmtp/smtpprobe"
)

// A function that dials, and returns neither a connection nor an error, is a mistake of the
// caller. It must not be a panic: when the context ended there was one in a goroutine where
// nobody can recover.
func TestDialWithoutConnection(t *testing.T) {
	p := &smtpprobe.Prober{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, nil }}
	ctx, cancel := context.WithCancel(t.Context())
	result, err := p.Probe(ctx, "192.0.2.1:25", nil)
	cancel()
	if e, ok := errors.AsType[*smtpprobe.Error](err); !ok || e.Stage != smtpprobe.StageDial || result == nil {
		t.Errorf("Probe: error %v, want one of %v", err, smtpprobe.StageDial)
	}
	conn, _, err := p.Connect(t.Context(), "192.0.2.1:25", nil)
	if e, ok := errors.AsType[*smtpprobe.Error](err); !ok || e.Stage != smtpprobe.StageDial || conn != nil {
		t.Errorf("Connect: error %v, want one of %v", err, smtpprobe.StageDial)
	}
}
