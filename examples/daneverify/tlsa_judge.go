package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/tlsa"
)

// A judgement says whether senders accept a chain by what the servers say now.
type judgement struct {
	views    []judgedView // in the order of the survey
	unsafe   []string     // servers by whose records senders refuse the chain, or deliver nothing
	unknown  []string     // what could not be found out
	notes    []string     // what makes no difference
	insecure bool         // nobody uses the records
}

// A judgedView is a view and what a sender makes of it.
type judgedView struct {
	*view
	accepted bool
	match    tlsa.Match
	problem  error // why not
}

// ok reports whether senders accept the chain, whichever server is asked.
func (j *judgement) ok() bool {
	return len(j.unsafe) == 0 && len(j.unknown) == 0 && !j.insecure
}

// judge judges each view.
func (s *survey) judge(host string, chain []*x509.Certificate) *judgement {
	j := new(judgement)
	seen := map[string]bool{}
	for _, v := range s.views {
		if v.err == nil {
			seen[v.zone+" "+v.server] = true
		}
	}
	answered := false
	for _, v := range s.views {
		jv := judgedView{view: v}
		switch {
		case v.err != nil && v.status == dnssec.Bogus:
			jv.problem = v.err
			j.unsafe = append(j.unsafe, fmt.Sprintf("%s: its answer does not validate: %v", v.name(), v.err))
		case v.err != nil && isLocal(v.err) && seen[v.zone+" "+v.server]:
			jv.problem = v.err
			j.notes = append(j.notes, fmt.Sprintf("%s cannot be reached from this machine; the same server was asked at another address", v.name()))
		case v.err != nil:
			jv.problem = v.err
			j.unknown = append(j.unknown, fmt.Sprintf("%s: %v", v.name(), v.err))
		case v.status != dnssec.Secure:
			answered, j.insecure = true, true
		default:
			answered = true
			verifier := &tlsa.Verifier{Records: v.records, Names: []string{host}, Time: func() time.Time { return s.at }}
			jv.match, jv.problem = verifier.Verify(chain)
			if jv.accepted = jv.problem == nil; !jv.accepted {
				j.unsafe = append(j.unsafe, fmt.Sprintf("%s: %s", v.name(), v.refusal(jv.problem)))
			}
		}
		j.views = append(j.views, jv)
	}
	for _, z := range s.zones {
		j.omissions(z)
	}
	if !answered && len(j.unsafe) == 0 && len(j.unknown) == 0 {
		j.unknown = append(j.unknown, "no name server could be asked")
	}
	return j
}

// omissions says which servers were not asked.
func (j *judgement) omissions(z *dnssec.Zone) {
	if z.Omitted > 0 {
		j.unknown = append(j.unknown, fmt.Sprintf("zone %s has %d name servers more than are asked", z.Name, z.Omitted))
	}
	for _, server := range z.Servers {
		switch {
		case server.Omitted > 0:
			j.unknown = append(j.unknown, fmt.Sprintf("%s has %d addresses more than are asked", server.Name, server.Omitted))
		case len(server.Addresses) == 0 && server.Err == nil:
			j.notes = append(j.notes, fmt.Sprintf("%s has no address, so that nobody asks it", server.Name))
		}
	}
}

// refusal says why senders refuse a chain by a view.
func (v *view) refusal(problem error) string {
	if len(v.records) == 0 {
		return "has no TLSA record"
	}
	e, ok := errors.AsType[*tlsa.Error](problem)
	if ok && e.Reason == tlsa.ReasonMismatch {
		var have []string
		for _, r := range v.records[:min(len(v.records), 4)] {
			have = append(have, short(r))
		}
		return fmt.Sprintf("no record of this certificate, but %s", strings.Join(have, ", "))
	}
	return problem.Error()
}

// short is a record with the beginning of its data.
func short(r tlsa.Record) string {
	text := r.String()
	const most = 24
	if len(text) > most {
		text = text[:most] + "..."
	}
	return text
}

// name names the server and the address.
func (v *view) name() string {
	if !v.address.IsValid() {
		return strings.TrimSuffix(v.server, ".")
	}
	return fmt.Sprintf("%s (%s)", strings.TrimSuffix(v.server, "."), v.address)
}
