package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/internal/printable"
	"github.com/danesmtp/danesmtp/tlsa"
)

// unused is what each step says where DNSSEC does not lead to the zone.
const unused = "The zone is not signed, or not by a chain from the root: nobody will use these records."

// A jsonTask is a step of a plan in JSON.
type jsonTask struct {
	Kind      string       `json:"kind"` // "publish", "deploy", "withdraw" or "retire"
	NotBefore time.Time    `json:"not_before"`
	Add       []jsonRecord `json:"add"`
	Remove    []jsonRecord `json:"remove"`
	Records   []jsonRecord `json:"records"` // in DNS once it is done
	Why       string       `json:"why"`
}

// A jsonPlan is a plan in JSON. Times are in seconds.
type jsonPlan struct {
	Version           int          `json:"version"`
	Owner             string       `json:"owner"`
	Signed            bool         `json:"signed"`
	TTL               int          `json:"ttl"`
	NegativeTTL       int          `json:"negative_ttl"`
	Propagation       int          `json:"propagation"`
	SignatureValidity int          `json:"signature_validity"`
	Records           []jsonRecord `json:"records"` // in DNS now
	Steps             []jsonTask   `json:"steps"`
}

func jsonRecords(records []tlsa.Record) []jsonRecord {
	all := []jsonRecord{}
	for _, r := range records {
		all = append(all, newJSONRecord(r, ""))
	}
	return all
}

// write prints the plan.
func (c *planCommand) write(records []tlsa.Record, tasks []tlsa.Task, insecure bool) (int, error) {
	r := c.rollover
	if c.json {
		out := jsonPlan{
			Version: 1, Owner: c.service.owner(), Signed: !insecure, Records: jsonRecords(records), Steps: []jsonTask{},
			TTL: int(r.TTL.Seconds()), NegativeTTL: int(r.NegativeTTL.Seconds()),
			Propagation: int(r.Propagation.Seconds()), SignatureValidity: int(r.SignatureValidity.Seconds()),
		}
		for _, task := range tasks {
			out.Steps = append(out.Steps, jsonTask{
				Kind: task.Kind.String(), NotBefore: roundUp(task.NotBefore), Add: jsonRecords(task.Add), Remove: jsonRecords(task.Remove),
				Records: jsonRecords(task.Records), Why: c.why(task, insecure),
			})
		}
		return c.printJSON(out)
	}
	if c.nsupdate {
		return c.print(c.script(records, tasks, insecure))
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s TLSA: TTL %s, all servers after %s, signatures valid for %s\n", c.service.owner(), r.TTL, r.Propagation, r.SignatureValidity)
	for _, record := range records {
		fmt.Fprintf(&text, "  now     %s", zoneLine(c.service.owner(), c.ttl(), record))
	}
	for i, task := range tasks {
		fmt.Fprintf(&text, "%d. from %s: %s\n", i+1, stamp(roundUp(task.NotBefore)), c.what(task))
		for _, record := range task.Add {
			fmt.Fprintf(&text, "  add     %s", zoneLine(c.service.owner(), c.ttl(), record))
		}
		for _, record := range task.Remove {
			fmt.Fprintf(&text, "  remove  %s", zoneLine(c.service.owner(), c.ttl(), record))
		}
		fmt.Fprintf(&text, "  %s\n", printable.Line(c.why(task, insecure)))
	}
	switch {
	case c.finished:
		fmt.Fprintf(&text, "There is nothing to do: the records that are published are those of %s, and none is of %s any more. Every address of %s has to present %s by now. Destroy the old key %s after its record went.\n",
			c.nextFile, c.currentFile, c.service.host, c.nextFile, max(r.Propagation+r.TTL, r.SignatureValidity))
	case len(tasks) == 0:
		text.WriteString("There is nothing to do: the records that are published suit the next certificate, too. Records of neither stay; to have those of an older one removed, give that as -current.\n")
	}
	if r.Scheme == tlsa.CurrentAndNext {
		text.WriteString("To have two records at all times, publish that of the key after this one as soon as it is made (`daneverify tlsa make -key`), and give that certificate as -next in the next plan.\n")
	}
	if insecure && len(tasks) == 0 {
		text.WriteString(unused + "\n")
	}
	return c.print(text.String())
}

// ttl is that of the records, for zone lines.
func (c *planCommand) ttl() uint { return uint(c.rollover.TTL / time.Second) }

// what says what is to be done.
func (c *planCommand) what(task tlsa.Task) string {
	switch task.Kind {
	case tlsa.TaskPublish:
		return "publish the new records beside the old ones"
	case tlsa.TaskDeploy:
		return fmt.Sprintf("install %s and its private key at all addresses of %s, once `%s` says that it is safe", c.nextFile, c.service.host, c.waitLine())
	case tlsa.TaskWithdraw:
		if bytes.Equal(c.rollover.Current[0].Raw, c.rollover.Next[0].Raw) {
			return "change the records"
		}
		return fmt.Sprintf("change the records, once no address presents the old certificate: `%s` prints records of what each presents", c.fromLine())
	case tlsa.TaskRetire:
		return "destroy the old key, and all copies of it"
	}
	return task.Kind.String()
}

func (c *planCommand) why(task tlsa.Task, insecure bool) string {
	if insecure {
		return task.Why + " " + unused
	}
	return task.Why
}

// roundUp is the instant in whole seconds, not earlier.
func roundUp(t time.Time) time.Time {
	t = t.UTC()
	if whole := t.Truncate(time.Second); whole.Before(t) {
		return whole.Add(time.Second)
	}
	return t
}
