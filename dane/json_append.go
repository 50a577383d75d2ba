package dane

import (
	"encoding/json"
	"strconv"
	"time"
)

// A jsonText is JSON that is written field by field, for what there is much of: a result has
// some fifty links of chains of trust, and package encoding/json takes as long to write them as a
// signature takes to verify. What it writes is what that package would write.
type jsonText struct {
	octets []byte
	err    error // of an instant that JSON cannot hold
}

// raw appends JSON as it is.
func (t *jsonText) raw(text string) { t.octets = append(t.octets, text...) }

// name begins a field of an object.
func (t *jsonText) name(name string) {
	t.comma()
	t.octets = append(append(append(t.octets, '"'), name...), `":`...)
}

// comma goes before all but the first of an object or array.
func (t *jsonText) comma() {
	if last := t.octets[len(t.octets)-1]; last != '{' && last != '[' {
		t.octets = append(t.octets, ',')
	}
}

// text is a field; textIfAny leaves it out if it is empty.
func (t *jsonText) text(name, value string) {
	t.name(name)
	t.string(value)
}

func (t *jsonText) textIfAny(name, value string) {
	if value != "" {
		t.text(name, value)
	}
}

// string appends a string as a value. What may have to be escaped is left to package
// encoding/json.
func (t *jsonText) string(value string) {
	for i := range len(value) {
		switch c := value[i]; {
		case c < ' ', c > '~', c == '"', c == '\\', c == '<', c == '>', c == '&':
			quoted, err := json.Marshal(value)
			t.fail(err)
			t.octets = append(t.octets, quoted...)
			return
		}
	}
	t.octets = append(append(append(t.octets, '"'), value...), '"')
}

func (t *jsonText) number(name string, value uint64) {
	t.name(name)
	t.octets = strconv.AppendUint(t.octets, value, 10)
}

func (t *jsonText) numberIfAny(name string, value uint64) {
	if value != 0 {
		t.number(name, value)
	}
}

func (t *jsonText) trueIf(name string, value bool) {
	if value {
		t.name(name)
		t.raw("true")
	}
}

func (t *jsonText) milliseconds(name string, value time.Duration) {
	t.name(name)
	t.octets = strconv.AppendFloat(t.octets, milliseconds(value), 'f', -1, 64)
}

// instantIfAny leaves the zero instant out.
func (t *jsonText) instantIfAny(name string, value time.Time) {
	if value.IsZero() {
		return
	}
	t.name(name)
	t.octets = append(t.octets, '"')
	octets, err := value.AppendText(t.octets)
	if t.fail(err); err == nil {
		t.octets = octets
	}
	t.octets = append(t.octets, '"')
}

func (t *jsonText) fail(err error) {
	if t.err == nil {
		t.err = err
	}
}

// jsonArray writes an array, each of its values by the function.
func jsonArray[T any](t *jsonText, name string, values []T, write func(T)) {
	t.name(name)
	t.raw("[")
	for _, value := range values {
		t.comma()
		write(value)
	}
	t.raw("]")
}

// jsonArrayIfAny leaves an empty one out.
func jsonArrayIfAny[T any](t *jsonText, name string, values []T, write func(T)) {
	if len(values) > 0 {
		jsonArray(t, name, values, write)
	}
}
