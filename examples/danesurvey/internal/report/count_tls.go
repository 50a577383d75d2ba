package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// parametersOf returns usage, selector and matching type of a TLSA record; false if it does not
// begin with three small numbers.
func parametersOf(record string) (string, bool) {
	var numbers []string
	for field := range strings.FieldsSeq(record) {
		n, err := strconv.ParseUint(field, 10, 8)
		if err != nil {
			return "", false
		}
		if numbers = append(numbers, strconv.FormatUint(n, 10)); len(numbers) == 3 {
			return strings.Join(numbers, " "), true
		}
	}
	return "", false
}

func (h *host) parameters() (all []string) {
	for _, record := range h.TLSA {
		if one, ok := parametersOf(record); ok {
			all = append(all, one)
		}
	}
	slices.Sort(all)
	return all
}

func (e *entry) parameters() (all []string) {
	for i := range e.Hosts {
		all = append(all, e.Hosts[i].parameters()...)
	}
	return all
}

// maxSet bounds the records of a set that are named.
const maxSet = 6

// sets are the records of each host together: "2 1 1 + 3 1 1".
func (e *entry) sets() (all []string) {
	for i := range e.Hosts {
		set := e.Hosts[i].parameters()
		if more := len(set) - maxSet; more > 0 {
			set = append(set[:maxSet], fmt.Sprintf("%d more", more))
		}
		all = append(all, strings.Join(set, " + "))
	}
	return all
}

// schemes say how records survive the next change of a key, as far as they match now.
func (e *entry) schemes() (all []string) {
	for _, h := range e.Hosts {
		for _, p := range h.Probes {
			if h.Action != mustAuthenticate || p.Report == nil {
				continue
			}
			for _, v := range p.Report.Verdicts {
				if v.Match {
					all = append(all, p.Report.Scheme)
				}
			}
		}
	}
	return all
}

func (e *entry) versions() (all []string) {
	for _, h := range e.Hosts {
		for _, p := range h.Probes {
			all = append(all, p.Protocol)
		}
	}
	return all
}

// issuers are those of the servers' own certificates.
func (e *entry) issuers() (all []string) {
	for _, h := range e.Hosts {
		for _, p := range h.Probes {
			if len(p.Certificates) == 0 {
				continue
			}
			if c := p.Certificates[0]; c.Issuer == c.Subject {
				all = append(all, selfSigned)
			} else {
				all = append(all, organization(c.Issuer))
			}
		}
	}
	return all
}

// organization returns who a distinguished name is of, as RFC 4514 writes it: the
// organization, or else the common name.
func organization(name string) string {
	var common string
	for attribute := range attributes(name) {
		key, value, _ := strings.Cut(attribute, "=")
		switch {
		case strings.EqualFold(key, "O") && value != "":
			return unescaped(value)
		case strings.EqualFold(key, "CN") && common == "":
			common = unescaped(value)
		}
	}
	if common != "" {
		return common
	}
	return nameless
}

// attributes parts a name at the commas and pluses that no backslash is before.
func attributes(name string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		start := 0
		for i := 0; i < len(name); i++ {
			switch name[i] {
			case '\\':
				i++
			case ',', '+':
				if !yield(name[start:i]) {
					return
				}
				start = i + 1
			}
		}
		yield(name[start:])
	}
}

// unescaped takes the backslashes off that stand before a character.
func unescaped(value string) string {
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] == '\\' && i+1 < len(value) {
			i++
		}
		b.WriteByte(value[i])
	}
	return b.String()
}
