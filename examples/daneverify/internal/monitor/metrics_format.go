package monitor

import (
	"io"
	"math"
	"strconv"
	"strings"
)

// An exposition is metrics in the text format of Prometheus, version 0.0.4. All samples of a
// name stand together, below its HELP and TYPE, in whatever order they were added.
type exposition struct {
	families []*family
	byName   map[string]*family
}

type family struct {
	name, kind, help string
	samples          []string
	seen             map[string]bool // labels: two samples with the same are refused by readers
}

// contentType is that of the format.
const contentType = "text/plain; version=0.0.4; charset=utf-8"

// Kinds of metrics.
const (
	gauge   = "gauge"
	counter = "counter"
)

// add adds a sample. labels are names and values in turn. One that is there already stays.
func (e *exposition) add(name, kind, help string, value float64, labels ...string) {
	f := e.byName[name]
	if f == nil {
		if e.byName == nil {
			e.byName = make(map[string]*family)
		}
		f = &family{name: name, kind: kind, help: help, seen: make(map[string]bool)}
		e.byName[name] = f
		e.families = append(e.families, f)
	}
	text := labelText(labels)
	if f.seen[text] {
		return
	}
	f.seen[text] = true
	f.samples = append(f.samples, name+text+" "+number(value)+"\n")
}

// number is a value as it is read best: without an exponent, unless that would be long.
func number(value float64) string {
	if size := math.Abs(value); size == 0 || size >= 1e-6 && size < 1e15 {
		return strconv.FormatFloat(value, 'f', -1, 64)
	}
	return strconv.FormatFloat(value, 'g', -1, 64)
}

func labelText(labels []string) string {
	if len(labels) == 0 {
		return ""
	}
	var b strings.Builder
	for i := 0; i < len(labels); i += 2 {
		b.WriteString(labels[i] + `="` + escapeLabel(labels[i+1]) + `",`)
	}
	return "{" + strings.TrimSuffix(b.String(), ",") + "}"
}

// escapeLabel makes a label's value of any octets. Only backslash, quotation mark and line end
// are special to the format; other control characters would not survive those who read it.
func escapeLabel(value string) string {
	value = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(value, "\uFFFD"))
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`).Replace(value)
}

// write writes all of it.
func (e *exposition) write(w io.Writer) error {
	var b strings.Builder
	for _, f := range e.families {
		help := strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(f.help)
		b.WriteString("# HELP " + f.name + " " + help + "\n# TYPE " + f.name + " " + f.kind + "\n")
		for _, sample := range f.samples {
			b.WriteString(sample)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
