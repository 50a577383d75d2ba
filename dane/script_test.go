package dane_test

import (
	"context"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
)

// A script is a fake resolver: a line for each question, as
//
//	name TYPE status[ rdata; rdata …]
//
// with status secure, insecure, nxdomain (secure), nxdomain-insecure, bogus,
// servfail or silent; an rdata that begins with "->" is an alias with its own
// status. Other questions are answered with a secure NODATA.
type script struct {
	lines map[string]string

	mu    sync.Mutex
	asked []string
}

func parseScript(text string) *script {
	s := &script{lines: make(map[string]string)}
	for line := range strings.Lines(text) {
		fields := strings.SplitN(strings.TrimSpace(line), " ", 3)
		if len(fields) == 3 {
			s.lines[fields[0]+" "+fields[1]] = fields[2]
		}
	}
	return s
}

func (s *script) Lookup(_ context.Context, name string, qtype uint16) (*dnssec.Answer, error) {
	question := strings.TrimSuffix(name, ".") + " " + dns.TypeToString[qtype]
	s.mu.Lock()
	s.asked = append(s.asked, question)
	s.mu.Unlock()
	answer := &dnssec.Answer{Name: name, Type: qtype, Status: dnssec.Secure}
	line, ok := s.lines[question]
	if !ok {
		return answer, nil
	}
	status, data, _ := strings.Cut(line, " ")
	fail := func(status dnssec.Status) (*dnssec.Answer, error) {
		answer.Status, answer.Reason = status, dnssec.Reason{Text: "as the script says"}
		return answer, &dnssec.Error{Name: name, Type: qtype, Status: status, Reason: answer.Reason}
	}
	switch status {
	case "secure":
	case "insecure":
		answer.Status = dnssec.Insecure
	case "nxdomain":
		answer.RCode = dns.RcodeNameError
	case "nxdomain-insecure":
		answer.RCode, answer.Status = dns.RcodeNameError, dnssec.Insecure
	case "bogus":
		return fail(dnssec.Bogus)
	case "servfail", "silent":
		return fail(dnssec.Indeterminate)
	case "nil":
		return nil, nil
	case "zero":
		return &dnssec.Answer{}, nil
	default:
		panic("status " + status)
	}
	for rdata := range strings.SplitSeq(data, ";") {
		rdata = strings.TrimSpace(rdata)
		if rdata == "" {
			continue
		}
		if alias, ok := strings.CutPrefix(rdata, "->"); ok {
			target, status, _ := strings.Cut(strings.TrimSpace(alias), " ")
			step := dnssec.Alias{Name: answer.Name, Target: target + ".", Type: dns.TypeCNAME, Status: dnssec.Secure}
			switch status {
			case "insecure":
				step.Status = dnssec.Insecure
			case "unknown":
				step.Status = dnssec.Indeterminate
			}
			answer.Aliases = append(answer.Aliases, step)
			answer.Name = step.Target
			continue
		}
		rr, err := dns.NewRR(answer.Name + " 300 IN " + dns.TypeToString[qtype] + " " + rdata)
		if err != nil {
			panic(err)
		}
		answer.Records = append(answer.Records, rr)
	}
	return answer, nil
}

const (
	digest  = "1111111111111111111111111111111111111111111111111111111111111111"
	digest2 = "2222222222222222222222222222222222222222222222222222222222222222"
)
