package tlsa

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// schedule finds out when the next chain may be deployed: when it satisfies whatever
// records may be in caches.
func (p *planner) schedule() {
	switch {
	case !p.authenticated:
		p.deployAt, p.waited = p.now, "Senders authenticate nobody by what they have in their caches."
	case (p.early || len(p.add) == 0) && !p.Since.IsZero():
		p.deployAt, p.waited = p.now, "The records that are in DNS have been in all caches for long enough."
		if at := p.Since.Add(p.TTL); at.After(p.now) {
			p.deployAt, p.waited = at, "Caches may have had other records before."
		}
	case p.early:
		// By a record of both chains, which is as old as those of the current one.
		p.deployAt, p.waited = p.now, "Senders accept the next chain by a record of the current one."
	case len(p.add) == 0:
		p.deployAt = p.now.Add(p.Propagation + p.TTL)
		p.waited = "The record of the next chain is in DNS, but it is not known for how long."
	default:
		p.deployAt = p.now.Add(p.Propagation + p.TTL)
		p.waited = fmt.Sprintf("All servers have the new records after %v, and caches keep the old ones for %v.", p.Propagation, p.TTL)
	}
}

// A scene is a chain that senders see, and the records that they may have then.
type scene struct {
	what    string
	records []Record
	chain   []*x509.Certificate
	at      time.Time
	now     []*x509.Certificate // what they see now in its place
}

// rehearse compares the chains with the records that senders will have. Which digest counts
// is for them to say (RFC 7671 §9), so that a sender who prefers the other one must be able
// to follow, too, unless it turns the server away now.
func (p *planner) rehearse() error {
	scenes := []scene{
		{"the current chain, before deployment", p.before, p.Current, p.now, p.Current},
		{"the next chain, when it is deployed", p.before, p.Next, p.deployAt, p.Current},
		{"the next chain, in the end", p.after, p.Next, p.deployAt, p.Current},
	}
	for _, other := range p.Others {
		scenes = append(scenes,
			scene{"another chain, before deployment", p.before, other, p.now, other},
			scene{"another chain, in the end", p.after, other, p.deployAt, other})
	}
	for i, order := range [][]Matching{p.DigestOrder, {SHA256, SHA512}, {SHA512, SHA256}} {
		for _, scene := range scenes {
			v := *p.Verifier
			v.DigestOrder = order
			if _, err := v.Verify(scene.now); i > 0 && p.authenticated && err != nil {
				continue
			}
			v.Records, v.Time = scene.records, func() time.Time { return scene.at }
			if _, err := v.Verify(scene.chain); err != nil {
				return during(scene.what, err)
			}
		}
	}
	return nil
}

// during says in an error of Verify what it is about.
func during(what string, err error) error {
	about := *err.(*Error)
	if about.Err = errors.New(what); errors.Unwrap(err) != nil {
		about.Err = fmt.Errorf("%s: %w", what, errors.Unwrap(err))
	}
	return &about
}

// tasks writes the plan down.
func (p *planner) tasks() []Task {
	var all []Task
	if len(p.add) > 0 && !p.early {
		why := "The next chain needs its records in all caches before it is deployed."
		if !p.authenticated {
			from := p.now.Add(p.Propagation + max(p.TTL, p.NegativeTTL))
			why = fmt.Sprintf("All senders authenticate the server from %s on.", from.UTC().Format(time.RFC3339))
		}
		all = append(all, Task{Kind: TaskPublish, NotBefore: p.now, Add: p.add, Records: p.before, Why: why})
	}
	withdraw := Task{Kind: TaskWithdraw, NotBefore: p.deployAt, Remove: p.remove, Records: p.after, Why: p.waited}
	if !bytes.Equal(p.Current[0].Raw, p.Next[0].Raw) {
		all = append(all, Task{Kind: TaskDeploy, NotBefore: p.deployAt, Records: p.before, Why: p.waited})
		withdraw.Why = "No address of the server presents the current chain any more."
	}
	if p.early {
		withdraw.Add = p.add
	}
	if len(withdraw.Add)+len(withdraw.Remove) > 0 {
		all = append(all, withdraw)
	}
	if len(p.remove) > 0 && !bytes.Equal(selected(p.Current[0], SPKI), selected(p.Next[0], SPKI)) {
		kept := max(p.Propagation+p.TTL, p.SignatureValidity)
		all = append(all, Task{
			Kind: TaskRetire, NotBefore: p.deployAt.Add(kept), Records: p.after,
			Why: "The old records have left all caches, and their signatures have expired.",
		})
	}
	return all
}
