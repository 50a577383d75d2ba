package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/smtpprobe"
)

// peers are the workers of one vantage point, as one of them sees them: three Surveys that ask each
// other. The first is that of the shards, without limits, which asks the owner of the provider. The
// second is of those providers that this worker owns, with their limit, and asks the owner of
// the address. The third is of the addresses that it owns, with their limits, and connects.
type peers struct {
	names   names
	vantage string
	holder  *holder
	asker   *asker
	from    smtpprobe.Prober // how this worker connects

	shards, providers, addresses *survey.Survey
	suspects                     map[tier]chan struct{} // room for one question each
	alone                        func() bool            // this worker has a suspect shard
}

var unlimited = survey.Limit{Connections: -1, PerSecond: -1}

// newPeers takes a Survey as it would be on one machine apart.
func newPeers(alone *survey.Survey) *peers {
	p := &peers{suspects: map[tier]chan struct{}{tierProvider: make(chan struct{}, 1), tierAddress: make(chan struct{}, 1)}}
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
		for ends, tries := 0, 0; ; tries++ {
			s, begun, err := p.look(ctx, t, partition, probe, ends, tries > maxShy)
			switch {
			case errors.Is(err, errQuiet) && (begun || ends == 0):
				tries = 0
				if ends++; ends == maxEnds {
					return s, &ownersEnded{probe.Addr.String()}
				}
			case errors.Is(err, errNobody), errors.Is(err, errQuiet):
			default:
				return s, err
			}
			select {
			case <-ctx.Done():
				return survey.Sighting{}, ctx.Err()
			case <-time.After(noOwner):
			}
		}
	}
}

// look asks once. The error is errNobody if the owner has changed, and errQuiet if it has died; then it is said
// whether it had begun with this.
func (p *peers) look(ctx context.Context, t tier, partition int, probe *dane.Probe, ends int, urgent bool) (s survey.Sighting, begun bool, err error) {
	if own := p.holder.own(partition); own != nil {
		defer own.running.Done()
		both, end := context.WithCancel(ctx)
		defer end()
		defer context.AfterFunc(own.ctx, end)()
		s, err = p.survey(t).Sight(both, probe)
		if own.ctx.Err() != nil && ctx.Err() == nil {
			return survey.Sighting{}, false, errNobody
		}
		return s, false, err
	}
	q := requestOf(probe)
	q.Ends, q.Urgent = ends, urgent
	question, err := json.Marshal(q)
	if err != nil {
		return s, false, err
	}
	r, begun, err := p.asker.ask(ctx, p.names.probe(p.vantage, t, partition), question)
	if err != nil {
		return s, begun, err
	}
	if r.Moved {
		return s, begun, errNobody
	}
	s, err = r.sighting()
	return s, begun, err
}

// answer is for the holder.
func (p *peers) answer(ctx context.Context, t tier, question []byte, begun func()) *probeReply {
	var q probeRequest
	if err := json.Unmarshal(question, &q); err != nil || !q.Addr.IsValid() || q.Timeout <= 0 {
		return &probeReply{Error: fmt.Sprintf("the question makes no sense: %v", err)}
	}
	if q.Ends > 0 && !q.Urgent && p.alone() {
		return &probeReply{Moved: true} // its end would be blamed on the shard
	}
	if q.Ends > 0 {
		select {
		case p.suspects[t] <- struct{}{}:
			defer func() { <-p.suspects[t] }()
			begun()
		case <-ctx.Done():
			return &probeReply{Moved: true}
		}
	}
	s, err := p.survey(t).Sight(ctx, q.probe(p.from))
	switch {
	case errors.As(err, new(*ownersEnded)):
		return &probeReply{Ended: true, Addr: q.Addr.String()}
	case errors.Is(err, survey.ErrBusy):
		return &probeReply{Busy: true}
	case err != nil:
		return &probeReply{Error: err.Error()}
	}
	return replyOf(s)
}

// ownersEnded is why an address is not connected to any more.
type ownersEnded struct{ addr string }

func (e *ownersEnded) Error() string {
	return fmt.Sprintf("not connected to %s any more: %d workers have ended while they did that", e.addr, maxEnds)
}

// Is makes a row without a verdict of it: it is this program that cannot stand what the server sends.
func (e *ownersEnded) Is(target error) bool { return target == survey.ErrBusy }
