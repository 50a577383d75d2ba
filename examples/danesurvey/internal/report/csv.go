package report

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
)

// others is the name of the line that has what the others of a table do not.
const others = "(others)"

// WriteCSV writes the numbers of all vantage points into files of a directory, which is made
// if it is missing: one table each, with one line of names above. A file is there whole or not
// at all.
func (r *Report) WriteCSV(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, file := range r.files() {
		if err := replace(filepath.Join(dir, file.name+".csv"), func(w io.Writer) error {
			c := csv.NewWriter(w)
			for _, record := range file.records {
				for i := range record {
					record[i] = harmless(record[i])
				}
				c.Write(record) // its error is that of Flush
			}
			c.Flush()
			return c.Error()
		}); err != nil {
			return err
		}
	}
	return nil
}

// replace writes a file beside where it belongs, and then puts it there. Its error names the file that was asked for.
func replace(file string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-")
	if err != nil {
		return fmt.Errorf("%s: %w", file, reason(err))
	}
	defer os.Remove(f.Name()) // of no use once it is renamed
	err = write(f)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if failed := f.Close(); err == nil {
		err = failed
	}
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, reason(err))
	}
	return nil
}

// reason returns an error without the names of the files that it is about.
func reason(err error) error {
	if of, ok := errors.AsType[*fs.PathError](err); ok {
		return of.Err
	}
	if of, ok := errors.AsType[*os.LinkError](err); ok {
		return of.Err
	}
	return err
}

// harmless puts an apostrophe before what a spreadsheet would take for a formula. Only
// strangers choose names that begin so.
func harmless(text string) string {
	if text != "" && strings.Contains("=+-@", text[:1]) {
		return "'" + text
	}
	return text
}

type file struct {
	name    string
	records [][]string
}

func (r *Report) files() (all []file) {
	all = append(all, r.summary())
	for kind := range kinds {
		all = append(all, r.table(kind))
	}
	return append(all, r.days(), r.nextEnds(), r.differing())
}

// stateColumns are the names of the columns with the numbers of a tally.
var stateColumns = []string{"domains", "dane", "ok", "warning", "broken", "none", "unknown"}

func (t *tally) record() []string {
	record := []string{strconv.Itoa(t.Domains), strconv.Itoa(t.DANE)}
	for _, state := range stateOrder {
		record = append(record, strconv.Itoa(t.States[state]))
	}
	return record
}

func (r *Report) summary() file {
	f := file{"summary", [][]string{slices.Concat(
		[]string{"vantage", "first", "last", "lines", "lines_done", "without_domain"}, stateColumns,
		[]string{"broken_with_dane", "no_verdict", "local_lack", "busy", "seen_before", "looked_up_only"},
		[]string{"operators_by_name", "operators_by_network", "operators_unknown"},
	)}}
	for _, name := range r.names() {
		n := r.vantages[name]
		record := []string{clip(name), machineTime(n.first), machineTime(n.last)}
		for _, number := range []int{r.lines(n), n.rows, n.bad} {
			record = append(record, strconv.Itoa(number))
		}
		record = append(record, n.all.record()...)
		for _, number := range []int{
			n.broken, n.noVerdict, n.local, n.busy, n.seen, n.planned, n.named, n.networks, n.guessed,
		} {
			record = append(record, strconv.Itoa(number))
		}
		f.records = append(f.records, record)
	}
	return f
}

func machineTime(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

func (r *Report) table(of kind) file {
	about := &tables[of]
	f := file{about.file, [][]string{append([]string{"vantage", about.column}, stateColumns...)}}
	if of == ofFinding {
		f.records[0] = append(f.records[0], "first", "severity", "about")
	}
	f.records[0] = append(f.records[0], "missing_at_most")
	for _, name := range r.names() {
		t := &r.vantages[name].tables[of]
		lines, rest, _ := t.top(MaxNames)
		if rest.Domains > 0 {
			lines = append(lines, line{others, rest})
		}
		for _, l := range lines {
			record := append([]string{clip(name), l.Name}, l.record()...)
			if of == ofFinding {
				severity := diagnosis.Severity(l.Severity).String()
				record = append(record, strconv.Itoa(l.First), severity, diagnosis.Code(l.Name).About())
			}
			f.records = append(f.records, append(record, strconv.Itoa(t.low)))
		}
	}
	return f
}

func (r *Report) days() file {
	f := file{"ends", [][]string{{"vantage", "day", "signatures", "certificates", "certificates_idle"}}}
	for _, name := range r.names() {
		n := r.vantages[name]
		for i := range int64(shownDays + 1) {
			at := dayOf(n.last) + i
			ends := n.ends.days[at]
			if n.last.IsZero() || ends == (dayEnds{}) {
				continue
			}
			f.records = append(f.records, []string{
				clip(name), time.Unix(at*int64(day/time.Second), 0).UTC().Format(time.DateOnly),
				strconv.Itoa(ends.Signatures), strconv.Itoa(ends.Certificates), strconv.Itoa(ends.Idle),
			})
		}
	}
	return f
}

func (r *Report) nextEnds() file {
	f := file{"next_ends", [][]string{{"vantage", "what", "name", "until", "domains"}}}
	for _, name := range r.names() {
		n := r.vantages[name]
		for _, of := range []struct {
			what string
			*soonest
		}{{"signature", &n.ends.signatures}, {"certificate", &n.ends.certificates}} {
			next := of.between(dayOf(n.last), dayOf(n.last)+shownDays, maxEnds)
			for _, one := range next.Ends {
				until := machineTime(time.Unix(one.at, 0))
				f.records = append(f.records, []string{clip(name), of.what, one.name, until, strconv.Itoa(one.Domains)})
			}
			if next.Others > 0 {
				f.records = append(f.records, []string{clip(name), of.what, others, "", strconv.Itoa(next.Others)})
			}
		}
	}
	return f
}

// differing has a line for each vantage point of a difference, with the same number.
func (r *Report) differing() file {
	f := file{"differences", [][]string{{"difference", "vantage", "state", "domains", "first"}}}
	all, _ := r.differences()
	for i, d := range all {
		for j, name := range r.names() {
			state := others
			if d.States != nil {
				state = d.States[j]
			}
			f.records = append(f.records, []string{
				strconv.Itoa(i + 1), clip(name), state, strconv.Itoa(d.Domains), strings.Join(d.First, " "),
			})
		}
	}
	return f
}
