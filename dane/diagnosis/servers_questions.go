package diagnosis

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/compare"
)

// ServerQuestions returns what to ask each name server of a mail domain, for
// Options.Servers: the first question, and those that follow from answers, for
// [compare.Comparer.Next]. They are those of a sender: the MX records, and the addresses and
// TLSA records of each host, also where another name is at the end of an alias. Beside TLSA
// there is TXT, of which hardly anybody has any: whoever denies the one, and not the other,
// has trouble with TLSA. port is that of the mail servers; 0 means 25.
func ServerQuestions(domain string, port uint16) (first compare.Question, next func(compare.Question, *compare.Answer) []compare.Question) {
	if port == 0 {
		port = 25
	}
	first = compare.Question{Name: dns.CanonicalName(domain), Type: dns.TypeMX}
	return first, func(q compare.Question, a *compare.Answer) (questions []compare.Question) {
		switch {
		case a.Alias != "": // which is followed
		case q.Type == dns.TypeMX && len(a.Records) == 0:
			questions = ofHost(q.Name, port) // RFC 5321 §5.1
		case q.Type == dns.TypeMX:
			for _, record := range a.Records {
				_, host, _ := strings.Cut(record, " ")
				if host != "." && host != "" {
					questions = append(questions, ofHost(host, port)...)
				}
			}
		case len(a.Records) > 0 && (q.Type == dns.TypeA || q.Type == dns.TypeAAAA):
			questions = ofService(q.Name, port) // RFC 7672 §2.2.2
		}
		return questions
	}
}

func ofHost(host string, port uint16) []compare.Question {
	return append([]compare.Question{{Name: host, Type: dns.TypeA}, {Name: host, Type: dns.TypeAAAA}}, ofService(host, port)...)
}

func ofService(host string, port uint16) []compare.Question {
	owner := fmt.Sprintf("_%d._tcp.%s", port, host)
	return []compare.Question{{Name: owner, Type: dns.TypeTLSA}, {Name: owner, Type: dns.TypeTXT}}
}
