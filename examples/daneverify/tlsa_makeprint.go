package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/danesmtp/danesmtp/internal/printable"
	"github.com/danesmtp/danesmtp/tlsa"
)

// updateTTL is that of nsupdate scripts, where one must be given. It is short enough for
// a change of keys within a day.
const updateTTL = 3600

// zoneLine is a record as it stands in a zone file; without a TTL the zone's counts.
func zoneLine(owner string, ttl uint, r tlsa.Record) string {
	if ttl == 0 {
		return fmt.Sprintf("%s IN TLSA %s\n", owner, r)
	}
	return fmt.Sprintf("%s %d IN TLSA %s\n", owner, ttl, r)
}

// A jsonRecord is a record in JSON.
type jsonRecord struct {
	Usage    uint8  `json:"usage"`
	Selector uint8  `json:"selector"`
	Matching uint8  `json:"matching"`
	Data     string `json:"data"`
	Text     string `json:"text"`
	Of       string `json:"of,omitempty"`
}

func newJSONRecord(r tlsa.Record, of string) jsonRecord {
	return jsonRecord{uint8(r.Usage), uint8(r.Selector), uint8(r.Matching), hex.EncodeToString(r.Data), r.String(), of}
}

// write prints what was made, the records last.
func (out *made) write(t *tlsaTool, m *makeCommand) (int, error) {
	owner := m.service.owner()
	if m.json {
		return t.printJSON(struct {
			Version  int          `json:"version"`
			Owner    string       `json:"owner"`
			TTL      uint         `json:"ttl,omitempty"`
			Records  []jsonRecord `json:"records"`
			Warnings []warning    `json:"warnings"`
		}{1, owner, m.ttl, out.jsonRecords(), append([]warning{}, out.warnings...)})
	}
	var text strings.Builder
	comment := func(r madeRecord) { fmt.Fprintf(&text, "; %s\n", printable.Line(r.of)) }
	if m.nsupdate {
		ttl := m.ttl
		if ttl == 0 {
			ttl = updateTTL
		}
		for _, r := range out.records {
			comment(r)
			text.WriteString("update add " + zoneLine(owner, ttl, r.Record))
		}
		text.WriteString("send\n")
	} else {
		for _, r := range out.records {
			comment(r)
			text.WriteString(zoneLine(owner, m.ttl, r.Record))
		}
	}
	for _, w := range out.warnings {
		t.tell("warning: %s", w.Text)
	}
	return t.print(text.String())
}

func (out *made) jsonRecords() []jsonRecord {
	all := []jsonRecord{}
	for _, r := range out.records {
		all = append(all, newJSONRecord(r.Record, r.of))
	}
	return all
}

// printJSON prints a value on lines of its own.
func (t *tlsaTool) printJSON(v any) (int, error) {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return tlsaUnknown, err
	}
	return t.print(string(text) + "\n")
}
