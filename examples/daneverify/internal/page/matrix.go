package page

import (
	"fmt"
	"slices"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/tlsa"
)

// A hostView is a mail server: its records are the columns of a table, and its addresses
// the rows.
type hostView struct {
	ID, Name, Place string
	Action, Why     string
	Records         []recordView
	Rows            []rowView
	Omitted         []string
	Many            bool // records, so that a sheet of paper is too narrow
}

type (
	recordView struct {
		Label, Numbers, Text string
		Usable               string // why it is not; empty if it is
		index                int    // in Host.Records
	}
	rowView struct {
		Address string
		DNS     badge
		Result  badge
		Why     string
		TLS     string
		Cells   []badge
	}
)

var actionWords = map[dane.Action]string{
	dane.Skip:             "A sender must not connect to it.",
	dane.MayEncrypt:       "DANE does not apply: TLS is used if it is offered, and nobody is authenticated.",
	dane.MustEncrypt:      "A sender must encrypt, but cannot authenticate the server.",
	dane.MustAuthenticate: "A sender must authenticate it by its TLSA records.",
	dane.SendClear:        "A sender uses no TLS.",
}

func newHosts(id string, r *dane.Result) (hosts []hostView, omitted string) {
	for i := range r.Hosts[:min(len(r.Hosts), maxHosts)] {
		h := &r.Hosts[i]
		if h.Host == nil {
			continue
		}
		hosts = append(hosts, newHost(fmt.Sprintf("%s-host%d", id, i+1), r, h))
	}
	more := len(r.Hosts) - maxHosts
	if r.Domain != nil {
		more = max(more, 0) + r.Domain.Omitted
	}
	return hosts, leftOut(more, "mail servers are")
}

func newHost(id string, r *dane.Result, h *dane.HostResult) hostView {
	v := hostView{ID: id, Name: clip(h.Name, maxName), Place: place(r, h.Name), Action: actionWords[h.Action]}
	if h.Err != nil {
		v.Why = clip(h.Err.Error(), maxText)
	}
	v.Records = columns(h)
	v.Many = len(v.Records) > 4
	for _, a := range h.Addresses[:min(len(h.Addresses), maxAddresses)] {
		v.Rows = append(v.Rows, newRow(h, a, v.Records))
	}
	for _, text := range []string{
		leftOut(len(h.Records)-len(v.Records), "records are"),
		leftOut(max(len(h.Addresses)-maxAddresses, 0)+h.Omitted, "addresses are"),
	} {
		if text != "" {
			v.Omitted = append(v.Omitted, text)
		}
	}
	return v
}

// place says how a sender comes to the host.
func place(r *dane.Result, name string) string {
	if r.Domain == nil || r.Domain.Routed {
		return "given"
	}
	if r.Domain.Implicit {
		return "the domain itself, as it has no MX record"
	}
	for _, mx := range r.Domain.MX {
		if mx.Host == name {
			return fmt.Sprintf("MX, preference %d", mx.Preference)
		}
	}
	return "MX"
}

// columns returns the records that have a column: all, or if they are too many those that
// match at an address, and the first of the others.
func columns(h *dane.HostResult) (shown []recordView) {
	var matching, others []int
	for i, r := range h.Records {
		if slices.ContainsFunc(h.Attempts, func(a dane.Attempt) bool { v, ok := verdict(a, r); return ok && v.Err == nil }) {
			matching = append(matching, i)
		} else {
			others = append(others, i)
		}
	}
	all := append(matching, others...)
	all = all[:min(len(all), maxColumns)]
	slices.Sort(all)
	for _, i := range all {
		r := h.Records[i]
		c := recordView{
			Label: fmt.Sprintf("R%d", i+1), Numbers: fmt.Sprintf("%d %d %d", r.Usage, r.Selector, r.Matching),
			Text: clip(r.String(), maxText), index: i,
		}
		if err := r.Usable(tlsa.SMTP); err != nil {
			c.Usable = clip(err.Error(), maxText)
		}
		shown = append(shown, c)
	}
	return shown
}

// verdict returns what the certificates of an attempt make of a record.
func verdict(a dane.Attempt, r tlsa.Record) (tlsa.Verdict, bool) {
	if a.Report == nil {
		return tlsa.Verdict{}, false
	}
	i := slices.IndexFunc(a.Report.Verdicts, func(v tlsa.Verdict) bool { return v.Record.Equal(r) })
	if i < 0 {
		return tlsa.Verdict{}, false
	}
	return a.Report.Verdicts[i], true
}

func newRow(h *dane.HostResult, address dane.Address, records []recordView) rowView {
	row := rowView{Address: address.Addr.String(), DNS: statusBadge(address.Status), Result: badge{classNone, "not tried"}}
	var made *dane.Attempt
	for i := range h.Attempts {
		if h.Attempts[i].Addr.Addr() == address.Addr {
			made = &h.Attempts[i]
		}
	}
	switch {
	case made != nil:
		row.Result, row.Why = result(made)
		if s := made.Session; s != nil && s.TLS != nil {
			row.TLS = clip(tlsWords(s.TLS), maxName)
		}
	case address.Refused:
		row.Result, row.Why = badge{classBroken, "refused"}, "The address is not one of the public Internet."
	case address.Status == dnssec.Bogus:
		row.Result = badge{classBroken, "bogus"}
	}
	matched := made != nil && slices.ContainsFunc(h.Records, func(r tlsa.Record) bool { v, ok := verdict(*made, r); return ok && v.Err == nil })
	for _, c := range records {
		row.Cells = append(row.Cells, cell(made, h.Records[c.index], matched))
	}
	return row
}

// result says how an attempt ended.
func result(a *dane.Attempt) (badge, string) {
	switch {
	case a.Err != nil && dane.Classify(a.Err).Local:
		return badge{classUnknown, "unknown"}, "This machine lacks something: " + clip(a.Err.Error(), maxText)
	case a.Err != nil:
		return badge{classBroken, "failed"}, clip(a.Err.Error(), maxText)
	case a.Authenticated:
		return badge{classOK, "authenticated"}, ""
	case a.Session != nil && a.Session.TLS != nil:
		return badge{classNone, "encrypted"}, "By TLS, without authentication."
	}
	return badge{classNone, "in clear"}, ""
}

// cell is what one record makes of the certificates at one address.
func cell(a *dane.Attempt, r tlsa.Record, matched bool) badge {
	if r.Usable(tlsa.SMTP) != nil {
		return badge{classNone, "unusable"}
	}
	if a == nil {
		return badge{classNone, "not tried"}
	}
	v, ok := verdict(*a, r)
	switch {
	case !ok:
		return badge{classUnknown, "not seen"}
	case v.Err == nil:
		return badge{classOK, "matches"}
	case matched:
		return badge{classNone, "no match"} // that of the next key, as a rule
	}
	return badge{classBroken, "no match"}
}
