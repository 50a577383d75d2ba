package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/smtpprobe"
)

// peers are the workers of one vantage point, as one of them sees them: three Surveys that ask each
// other. The first is that of the shards, without limits, which asks the owner of the provider. The
// second is of those providers that this worker owns, with their limit, and asks the owner of
// the address. The third is of the addresses that it owns, with their limits, and connects.
type peers struct {
	worker *Worker
	holder *holder
	asker  *asker
	from   smtpprobe.Prober // how this worker connects

	shards, providers, addresses *survey.Survey
	bare                         *survey.Survey // makes the connections of addresses
	apart                        chan struct{}  // room for one connection by another process
	alone                        func() bool    // this worker has a suspect shard
}

// maxOwners is how many owners a question may outlive. They have hardly died of it, since it is known what
// died of a connection; but it must come to an end.
const maxOwners = 10

var unlimited = survey.Limit{Connections: -1, PerSecond: -1}

// newPeers takes a Survey as it would be on one machine apart.
func newPeers(alone *survey.Survey) *peers {
	p := &peers{bare: bareSurvey(), apart: make(chan struct{}, 1)}
	limits := alone.Limits
	p.shards = &survey.Survey{
		Checker: alone.Checker, Planned: alone.Planned, Parallel: alone.Parallel, Timeout: alone.Timeout,
		Share: alone.Share, Memory: alone.Memory,
		Limits: survey.Limits{Address: unlimited, Network: unlimited, Provider: unlimited, DNS: limits.DNS, Pause: -1},
		Look:   p.looker(tierProvider),
	}
	p.providers = &survey.Survey{
		Share: alone.Share, Memory: alone.Memory,
		Limits: survey.Limits{Address: unlimited, Network: unlimited, Provider: limits.Provider, Pause: -1},
		Look:   p.looker(tierAddress),
	}
	p.addresses = &survey.Survey{
		Share: alone.Share, Memory: alone.Memory,
		Limits: survey.Limits{Address: limits.Address, Network: limits.Network, Provider: unlimited, Pause: limits.Pause},
		Look:   p.connect,
	}
	if v := alone.Checker.Verifier; v != nil {
		p.from = smtpprobe.Prober{Dial: v.Dial, LocalAddr: v.LocalAddr}
	}
	return p
}

// survey is that of what a partition is of.
func (p *peers) survey(t tier) *survey.Survey {
	if t == tierProvider {
		return p.providers
	}
	return p.addresses
}

// looker asks the owner of a server for what it shows, whoever that is.
func (p *peers) looker(t tier) func(context.Context, *dane.Probe) (survey.Sighting, error) {
	return func(ctx context.Context, probe *dane.Probe) (survey.Sighting, error) {
		partition := t.partitionOf(probe.Addr.Addr(), probe.Host.Name)
		for ends := 0; ; {
			s, err := p.look(ctx, t, partition, probe)
			switch {
			case err == nil, ctx.Err() != nil, errors.Is(err, survey.ErrBusy):
				return s, err
			case errors.Is(err, errQuiet):
				if ends++; ends == maxOwners {
					return s, &unseenError{fmt.Sprintf("%d workers have ended that were asked what %s shows", ends, probe.Addr)}
				}
			case !errors.Is(err, errNobody):
				p.worker.Log.Warn("the owner of a partition cannot be asked", "error", err)
			}
			if !sleep(ctx, noOwner) {
				return s, ctx.Err()
			}
		}
	}
}

// look asks once. The error is errNobody if the owner has changed, errQuiet if it has died, that of ctx, or of
// the connection to NATS; or it is survey.ErrBusy.
func (p *peers) look(ctx context.Context, t tier, partition int, probe *dane.Probe) (s survey.Sighting, err error) {
	if own := p.holder.own(partition); own != nil {
		defer own.running.Done()
		both, end := context.WithCancel(ctx)
		defer end()
		defer context.AfterFunc(own.ctx, end)()
		s, err = p.survey(t).Sight(both, probe)
		if own.ctx.Err() != nil && ctx.Err() == nil {
			return survey.Sighting{}, errNobody
		}
		return s, err
	}
	question, err := json.Marshal(requestOf(probe))
	if err != nil {
		return s, err
	}
	r, err := p.asker.ask(ctx, p.worker.names.probe(p.worker.Row.Vantage, t, partition), question)
	if err != nil {
		return s, err
	}
	if r.Moved {
		return s, errNobody
	}
	return r.sighting()
}

// answer is for the holder.
func (p *peers) answer(ctx context.Context, t tier, question []byte) *probeReply {
	var q probeRequest
	if err := json.Unmarshal(question, &q); err != nil || !q.Addr.IsValid() || q.Timeout <= 0 {
		return &probeReply{Error: fmt.Sprintf("the question makes no sense: %v", err)}
	}
	return replyTo(p.survey(t).Sight(ctx, q.probe(p.from)))
}

// replyTo is how a Sighting is sent, or why there is no connection.
func replyTo(s survey.Sighting, err error) *probeReply {
	switch {
	case errors.As(err, new(*unseenError)):
		return &probeReply{Error: err.Error()}
	case errors.Is(err, survey.ErrBusy):
		return &probeReply{Busy: true}
	case err != nil:
		return &probeReply{Error: err.Error()}
	}
	return replyOf(s)
}

// An unseenError is why it is not known what a server shows, for reasons that are not the server's. A row
// that has one has no verdict.
type unseenError struct{ text string }

func (e *unseenError) Error() string { return e.text }

// Is has package survey ask no more.
func (e *unseenError) Is(target error) bool { return target == survey.ErrBusy }

// unseen reports whether a server of a domain was not seen for reasons that are not its own.
func unseen(r *dane.Result) *unseenError {
	for _, h := range r.Hosts {
		for _, a := range h.Attempts {
			if e, ok := errors.AsType[*unseenError](a.Err); ok {
				return e
			}
		}
	}
	return nil
}
