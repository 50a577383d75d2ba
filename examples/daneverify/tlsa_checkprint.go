package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/danesmtp/danesmtp/dane/rollover"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/internal/printable"
)

// stamp is an instant for a human and for scripts.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// headline is the answer in capitals.
func headline(v rollover.Verdict) string { return strings.ToUpper(v.String()) }

// remarks are what is worth knowing whatever the verdict.
func remarks(look *rollover.Look) []string {
	if look.Judgement == nil {
		return nil
	}
	all := look.Judgement.Notes
	if look.Verdict == rollover.Safe {
		all = append(slices.Clone(all), until(look.Judgement))
	}
	return all
}

// until says for how long it is safe.
func until(j *rollover.Judgement) string {
	text := fmt.Sprintf("for as long as the records stay; their signatures have to be renewed before %s", stamp(j.Signatures))
	if !j.Certificates.IsZero() {
		text += fmt.Sprintf(", and by usage 2 a certificate ends at %s", stamp(j.Certificates))
	}
	return text
}

// report prints what was found.
func (c *checkCommand) report(look *rollover.Look) (int, error) {
	if c.json {
		status, err := c.printJSON(c.jsonOf(look))
		return max(status, statusOf(look.Verdict)), err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s TLSA\n", c.service.owner())
	if look.Judgement != nil {
		table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
		for _, v := range look.Judgement.Views {
			fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", printable.Line(v.Name()), numbers(v.View), v.Status, v.Verdict())
		}
		table.Flush()
	}
	for _, remark := range remarks(look) {
		fmt.Fprintf(&text, "note: %s\n", printable.Line(remark))
	}
	fmt.Fprintf(&text, "%s: %s\n", headline(look.Verdict), printable.Line(look.Why))
	status, err := c.print(text.String())
	return max(status, statusOf(look.Verdict)), err
}

// numbers are the serial and the TTL.
func numbers(v *rollover.View) string {
	if v.Err != nil {
		return "-"
	}
	return fmt.Sprintf("serial %d, TTL %d", v.Serial, int(v.TTL/time.Second))
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

func (c *checkCommand) jsonOf(look *rollover.Look) jsonCheck {
	out := jsonCheck{
		Version: 1, Owner: c.service.owner(), Verdict: look.Verdict.String(), Text: look.Why,
		Notes: append([]string{}, remarks(look)...), Servers: []jsonView{},
		Complete: jsonTime(c.watch.State.Complete), SafeAt: jsonTime(look.SafeAt),
		OldTTL: int(look.CachedFor / time.Second),
	}
	if look.Judgement == nil {
		return out
	}
	for _, v := range look.Judgement.Views {
		jv := jsonView{
			Zone: v.Zone, Server: v.Server, Status: v.Status, Serial: v.Serial, TTL: int(v.TTL / time.Second),
			Records: jsonRecords(v.Records), Expires: jsonTime(v.Expires), Accepted: v.Accepted,
		}
		if v.Address.IsValid() {
			jv.Address = v.Address.String()
		}
		if v.Problem != nil {
			jv.Error = v.Problem.Error()
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
