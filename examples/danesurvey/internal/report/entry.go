package report

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
)

// An entry is what a report reads of the text of a row, as package row writes it.
type (
	entry struct {
		Vantage     string         `json:"vantage"`
		At          time.Time      `json:"at"`
		NoVerdict   bool           `json:"no_verdict"`
		Line        int            `json:"line"`
		Code        diagnosis.Code `json:"finding"` // the gravest
		Domain      string         `json:"domain"`
		State       string         `json:"state"`
		Seen        string         `json:"seen"`
		Plan        string         `json:"plan"` // not empty if no mail server was to be connected to
		Busy        bool           `json:"busy"`
		Local       bool           `json:"local_lack"`
		Findings    []finding      `json:"findings"`
		Destination destination    `json:"destination"`
		Hosts       []host         `json:"hosts"`
		Lookups     []lookup       `json:"lookups"`
		NameServers *nameServers   `json:"name_servers"`
		Elapsed     float64        `json:"elapsed_ms"`

		state diagnosis.State // of State
	}
	finding struct {
		Code     diagnosis.Code `json:"code"`
		Severity string         `json:"severity"`
		Actor    string         `json:"actor"`
	}
	destination struct {
		Status   string `json:"status"`
		Implicit bool   `json:"implicit"` // there is no MX record, and the domain is its own host
		MX       []struct {
			Host string `json:"host"`
		} `json:"mx"`
	}
	host struct {
		Host   string   `json:"host"`
		Action string   `json:"action"`
		TLSA   []string `json:"tlsa"`
		Probes []probe  `json:"probes"`
	}
	probe struct {
		Protocol     string        `json:"protocol"`
		Certificates []certificate `json:"certificates"`
		Report       *struct {
			Scheme   string `json:"scheme"`
			Verdicts []struct {
				Match bool `json:"match"`
			} `json:"verdicts"`
		} `json:"report"`
	}
	certificate struct {
		Subject  string    `json:"subject"`
		Issuer   string    `json:"issuer"`
		NotAfter time.Time `json:"not_after"`
	}
	lookup struct {
		Name  string `json:"name"`
		Type  string `json:"type"`
		Chain []link `json:"chain"`
	}
	link struct {
		Zone       string    `json:"zone"`
		Name       string    `json:"name"`
		Type       string    `json:"type"`
		Status     string    `json:"status"`
		Algorithm  uint8     `json:"algorithm"`
		Expiration time.Time `json:"expiration"`
		Server     string    `json:"server"`
	}
	nameServers struct {
		Zones []struct {
			Name    string `json:"name"`
			Servers []struct {
				Name string `json:"name"`
			} `json:"servers"`
		} `json:"zones"`
	}
)

func newEntry(text []byte) (*entry, error) {
	e := new(entry)
	if err := json.Unmarshal(text, e); err != nil {
		return nil, fmt.Errorf("report: a row that begins with %.60q: %w", text, err)
	}
	if e.NoVerdict || e.state.UnmarshalText([]byte(e.State)) != nil {
		e.state = diagnosis.StateUnknown // a later version may have more of them
	}
	return e, nil
}

// bad reports whether the line names no domain.
func (e *entry) bad() bool { return e.Domain == "" || e.Code == diagnosis.CodeNotADomain }

// hosts are the names of the mail servers, whether they were looked at or not.
func (e *entry) hosts() (names []string) {
	for i := range e.Hosts {
		names = append(names, e.Hosts[i].Host)
	}
	if len(e.Hosts) == 0 {
		for _, mx := range e.Destination.MX {
			names = append(names, mx.Host)
		}
	}
	return names
}

// lookup returns the first lookup of a type; nil if there is none.
func (e *entry) lookup(kind string) *lookup {
	for i := range e.Lookups {
		if e.Lookups[i].Type == kind {
			return &e.Lookups[i]
		}
	}
	return nil
}

// last returns what the lookup ended with; nil if there is no evidence.
func (l *lookup) last() *link {
	if l == nil || len(l.Chain) == 0 {
		return nil
	}
	return &l.Chain[len(l.Chain)-1]
}
