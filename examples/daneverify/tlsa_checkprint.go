package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/internal/printable"
	"github.com/danesmtp/danesmtp/tlsa"
)

// stamp is an instant for a human and for scripts.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// several joins what there is to say about several servers.
func several(texts []string) string {
	const most = 4 // more would not be read; all are in the table
	if more := len(texts) - most; more > 0 {
		return fmt.Sprintf("%s; and %d more", strings.Join(texts[:most], "; "), more)
	}
	return strings.Join(texts, "; ")
}

// longTTL is from where on a TTL makes a change of keys slow.
const longTTL = 24 * time.Hour

// headline is the status in a word.
func headline(status int) string {
	switch status {
	case tlsaSafe:
		return "SAFE"
	case tlsaUnsafe:
		return "NOT SAFE"
	}
	return "UNKNOWN"
}

// remarks are what is worth knowing whatever the verdict.
func (c *checkCommand) remarks(r *reportOf) []string {
	if r.survey == nil {
		return nil
	}
	all := r.judgement.notes
	if ttl := r.survey.longestTTL(func(*view) bool { return true }); ttl > longTTL {
		all = append(all, fmt.Sprintf("the TTL of the records is %s, so that each change takes that long: lower it, for the next one", ttl))
	}
	for _, z := range r.survey.zones {
		serials := map[uint32]bool{}
		for _, v := range r.survey.views {
			if v.err == nil && v.zone == z.Name {
				serials[v.serial] = true
			}
		}
		if len(serials) > 1 {
			all = append(all, fmt.Sprintf("the servers of zone %s have different versions of it (SOA serials)", z.Name))
		}
	}
	if r.status == tlsaSafe {
		all = append(all, c.until(r))
	}
	return all
}

// until says for how long it is safe.
func (c *checkCommand) until(r *reportOf) string {
	var ends, signatures time.Time
	for _, v := range r.judgement.views {
		if !v.accepted {
			continue
		}
		if signatures.IsZero() || v.expires.Before(signatures) {
			signatures = v.expires
		}
		if v.match.Record.Usage == tlsa.DANETA {
			for _, cert := range c.chain {
				if ends.IsZero() || cert.NotAfter.Before(ends) {
					ends = cert.NotAfter
				}
			}
		}
	}
	text := fmt.Sprintf("for as long as the records stay; their signatures have to be renewed before %s", stamp(signatures))
	if !ends.IsZero() {
		text += fmt.Sprintf(", and by usage 2 a certificate ends at %s", stamp(ends))
	}
	return text
}

// report prints what was found.
func (c *checkCommand) report(r *reportOf) (int, error) {
	if c.json {
		status, err := c.printJSON(c.jsonOf(r))
		return max(status, r.status), err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s TLSA\n", c.service.owner())
	if r.judgement != nil {
		table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
		for _, v := range r.judgement.views {
			fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", printable.Line(v.name()), v.numbers(), v.status, printable.Line(v.verdict()))
		}
		table.Flush()
	}
	for _, remark := range c.remarks(r) {
		fmt.Fprintf(&text, "note: %s\n", printable.Line(remark))
	}
	fmt.Fprintf(&text, "%s: %s\n", headline(r.status), printable.Line(r.text))
	status, err := c.print(text.String())
	return max(status, r.status), err
}

// numbers are the serial and the TTL.
func (v *view) numbers() string {
	if v.err != nil {
		return "-"
	}
	return fmt.Sprintf("serial %d, TTL %d", v.serial, int(v.ttl/time.Second))
}

// verdict is what a sender makes of a view, in a few words.
func (v *judgedView) verdict() string {
	switch {
	case v.accepted:
		return "accepts: " + short(v.match.Record)
	case v.err != nil:
		return v.err.Error()
	case v.status != dnssec.Secure:
		return "nobody uses its records"
	}
	return "refuses: " + v.refusal(v.problem)
}

// A jsonView is a view in JSON.
type jsonView struct {
	Zone     string        `json:"zone"`
	Server   string        `json:"server"`
	Address  string        `json:"address,omitempty"`
	Status   dnssec.Status `json:"status"`
	Serial   uint32        `json:"serial,omitempty"`
	TTL      int           `json:"ttl"`
	Records  []jsonRecord  `json:"records"`
	Expires  *time.Time    `json:"signature_expires,omitempty"`
	Accepted bool          `json:"accepted"`
	Error    string        `json:"error,omitempty"`
}

// A jsonCheck is what check and wait found, in JSON.
type jsonCheck struct {
	Version  int        `json:"version"`
	Owner    string     `json:"owner"`
	Verdict  string     `json:"verdict"` // "safe", "not safe" or "unknown"
	Text     string     `json:"text"`
	Complete *time.Time `json:"complete,omitempty"` // since when all servers have had the records
	SafeAt   *time.Time `json:"safe_at,omitempty"`
	OldTTL   int        `json:"old_ttl"`
	Notes    []string   `json:"notes"`
	Servers  []jsonView `json:"servers"`
}

func (c *checkCommand) jsonOf(r *reportOf) jsonCheck {
	out := jsonCheck{
		Version: 1, Owner: c.service.owner(), Verdict: strings.ToLower(headline(r.status)), Text: r.text,
		Notes: append([]string{}, c.remarks(r)...), Servers: []jsonView{},
		Complete: jsonTime(c.progress.Complete), SafeAt: jsonTime(r.due),
	}
	if r.survey == nil {
		return out
	}
	out.OldTTL = int(c.progress.oldTTL(r.survey) / time.Second)
	for _, v := range r.judgement.views {
		jv := jsonView{
			Zone: v.zone, Server: v.server, Status: v.status, Serial: v.serial, TTL: int(v.ttl / time.Second),
			Records: []jsonRecord{}, Expires: jsonTime(v.expires), Accepted: v.accepted,
		}
		if v.address.IsValid() {
			jv.Address = v.address.String()
		}
		for _, record := range v.records {
			jv.Records = append(jv.Records, newJSONRecord(record, ""))
		}
		if v.problem != nil {
			jv.Error = v.problem.Error()
		}
		out.Servers = append(out.Servers, jv)
	}
	return out
}

// jsonTime is nil for the zero time, which JSON leaves out.
func jsonTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}
