package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/smtpprobe"
)

// maxQuestion bounds a question in octets.
const maxQuestion = 1 << 20

// errDied is that of a process that had to connect to an address.
var errDied = errors.New("the process has died that connected to the address")

// bareSurvey makes connections, and that is all: limits and what is remembered are those of its caller.
func bareSurvey() *survey.Survey {
	return &survey.Survey{
		Share: -1, Memory: 1, Limits: survey.Limits{Address: unlimited, Network: unlimited, Provider: unlimited, Pause: -1},
	}
}

// Try reads one question, and writes what the server shows: for Worker.Try.
func Try(ctx context.Context, from smtpprobe.Prober, in io.Reader, out io.Writer) error {
	text, err := io.ReadAll(io.LimitReader(in, maxQuestion))
	if err != nil {
		return err
	}
	var q probeRequest
	if err := json.Unmarshal(text, &q); err != nil {
		return fmt.Errorf("the question makes no sense: %w", err)
	}
	if !q.Addr.IsValid() || q.Timeout <= 0 {
		return errors.New("the question makes no sense: it has no address, or no time")
	}
	return json.NewEncoder(out).Encode(replyTo(bareSurvey().Sight(ctx, q.probe(from))))
}

// connect makes a connection to an address that this worker owns, after the Server has been told of it. If a worker has
// died while it did so, or while this worker has a shard of which one has died, another process makes
// it, so that nothing is blamed for the death of this one but the shard.
func (p *peers) connect(ctx context.Context, probe *dane.Probe) (survey.Sighting, error) {
	q := connectRequest{Worker: p.worker.id, Addr: probe.Addr}
	for {
		question, err := json.Marshal(q)
		if err != nil {
			return survey.Sighting{}, err
		}
		var r connectReply
		if err := p.worker.request(ctx, opConnect, question, &r); err != nil {
			return survey.Sighting{}, err
		}
		if len(r.Ends) >= maxEnds {
			return survey.Sighting{}, &unseenError{fmt.Sprintf("not connected to %s any more: %s", probe.Addr, told(r.Ends))}
		}
		if q.Apart = p.worker.Try != nil && (len(r.Ends) > 0 || p.alone()); !q.Apart {
			s, err := p.bare.Sight(ctx, probe)
			p.done(q)
			return s, err
		}
		s, err := p.connectApart(ctx, probe)
		if q.Died = errors.Is(err, errDied); !q.Died {
			q.Apart = err == nil
			p.done(q)
			return s, err
		}
		p.worker.Log.Warn("not connected", "to", probe.Addr, "error", err)
	}
}

// done tells the Server that a connection is over.
func (p *peers) done(q connectRequest) {
	q.Done = true
	text, err := json.Marshal(q)
	if err == nil {
		err = p.worker.conn.Publish(p.worker.names.server(p.worker.Row.Vantage, opConnect), text)
	}
	if err != nil {
		p.worker.Log.Debug("not said that a connection is over", "error", err)
	}
}

// connectApart has another process connect, one at a time.
func (p *peers) connectApart(ctx context.Context, probe *dane.Probe) (survey.Sighting, error) {
	select {
	case p.apart <- struct{}{}:
		defer func() { <-p.apart }()
	case <-ctx.Done():
		return survey.Sighting{}, ctx.Err()
	}
	question, err := json.Marshal(requestOf(probe))
	if err != nil {
		return survey.Sighting{}, err
	}
	answer, err := p.worker.Try(ctx, question)
	if ctx.Err() != nil {
		return survey.Sighting{}, ctx.Err()
	}
	if err != nil {
		return survey.Sighting{}, fmt.Errorf("%w: %w", errDied, err)
	}
	var r probeReply
	if err := json.Unmarshal(answer, &r); err != nil {
		return survey.Sighting{}, fmt.Errorf("%w: %w", errDied, err)
	}
	return r.sighting()
}
