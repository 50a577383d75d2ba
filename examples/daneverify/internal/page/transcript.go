package page

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/smtpprobe"
)

type (
	// A sessionView is what was said on a connection.
	sessionView struct {
		Host, Address string
		Result        badge
		Text          string // a line for each step and each line of a reply
	}
	// An answerView is what the DNS said to a question.
	answerView struct {
		Name, Type string
		Status     badge
		Records    []string
		Why        string
		Server     string
		Expires    instant
	}
)

func newSessions(r *dane.Result) (all []sessionView, omitted string) {
	more := 0
	for i := range r.Hosts {
		for j := range r.Hosts[i].Attempts {
			a := &r.Hosts[i].Attempts[j]
			if a.Session == nil || r.Hosts[i].Host == nil {
				continue
			}
			if len(all) == maxSessions {
				more++
				continue
			}
			v := sessionView{Host: clip(r.Hosts[i].Name, maxName), Address: a.Addr.String(), Text: conversation(a)}
			v.Result, _ = result(a)
			all = append(all, v)
		}
	}
	return all, leftOut(more, "connections are")
}

// conversation returns what was said, C: by the client and S: by the server.
func conversation(a *dane.Attempt) string {
	var b strings.Builder
	if a.Fallback {
		fmt.Fprintf(&b, "* a second connection, in a weaker way, after: %s\n", clip(fmt.Sprint(a.FallbackErr), maxText))
	}
	steps := a.Session.Steps
	for _, step := range steps[:min(len(steps), maxSteps)] {
		took := milliseconds(step.Duration)
		switch step.Stage {
		case smtpprobe.StageDial:
			fmt.Fprintf(&b, "* connect (%s)\n", took)
		case smtpprobe.StageHandshake:
			fmt.Fprintf(&b, "* TLS handshake (%s)%s\n", took, handshakeWords(a))
		case smtpprobe.StageGreeting:
			fmt.Fprintf(&b, "* greeting (%s)\n", took)
		default:
			fmt.Fprintf(&b, "C: %s (%s)\n", clip(step.Command, maxText), took)
		}
		reply := lines(step.Reply.Lines, maxReplyLines, "lines are")
		for i, text := range reply {
			separator := "-" // as on the wire, for all lines but the last
			if i == len(reply)-1 {
				separator = " "
			}
			fmt.Fprintf(&b, "S: %d%s%s\n", step.Reply.Code, separator, text)
		}
	}
	if text := leftOut(len(steps)-maxSteps, "steps are"); text != "" {
		fmt.Fprintf(&b, "* %s\n", text)
	}
	if a.Err != nil {
		fmt.Fprintf(&b, "* %s\n", clip(a.Err.Error(), maxText))
	}
	return b.String()
}

func handshakeWords(a *dane.Attempt) string {
	state := a.Session.TLS
	if state == nil {
		return ""
	}
	text := ": " + clip(tlsWords(state), maxName)
	if !state.HandshakeComplete {
		text += ", not completed"
	}
	return text
}

func newAnswers(r *dane.Result, now time.Time) (all []answerView, omitted string) {
	lookups := r.Lookups()
	for _, l := range lookups[:min(len(lookups), maxAnswers)] {
		v := answerView{
			Name: clip(zoneName(l.Name), maxName), Type: dns.Type(l.Type).String(), Status: statusBadge(l.Status),
			Records: lines(l.Records, maxAnswerLines, "records are"), Why: clip(l.Reason.String(), maxText),
		}
		switch {
		case l.Err != nil && v.Why == "":
			v.Why = clip(l.Err.Error(), maxText)
		case l.Err == nil && len(l.Records) == 0:
			v.Records = []string{"no such record"}
			if l.RCode == dns.RcodeNameError {
				v.Records[0] = "no such name"
			}
		}
		for _, e := range l.Exchanges[:min(len(l.Exchanges), maxAnswerLines)] {
			v.Server = clip(cmp.Or(e.Server, v.Server), maxName)
		}
		if !l.Expires.IsZero() {
			v.Expires = newInstant(l.Expires, now)
		}
		for _, a := range l.Aliases[:min(len(l.Aliases), maxAnswerLines)] {
			v.Records = append(v.Records, clip(fmt.Sprintf("alias of %s (%s)", zoneName(a.Target), a.Status), maxText))
		}
		all = append(all, v)
	}
	return all, leftOut(len(lookups)-maxAnswers, "answers are")
}
