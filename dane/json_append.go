package dane

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
)

// A jsonText is JSON that is written field by field, for what there is much of: a result has
// some fifty links of chains of trust, and package encoding/json takes as long to write them as a
// signature takes to verify. It appends to what is there, so that nothing of it is copied. What it
// writes is what that package would write.
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
			t.value(value)
			return
		}
	}
	t.octets = append(append(append(t.octets, '"'), value...), '"')
}

func (t *jsonText) number(name string, value int) {
	t.name(name)
	t.octets = strconv.AppendInt(t.octets, int64(value), 10)
}

func (t *jsonText) numberIfAny(name string, value int) {
	if value != 0 {
		t.number(name, value)
	}
}

func (t *jsonText) bool(name string, value bool) {
	t.name(name)
	t.octets = strconv.AppendBool(t.octets, value)
}

func (t *jsonText) trueIf(name string, value bool) {
	if value {
		t.name(name)
		t.raw("true")
	}
}

// milliseconds has three decimals at most. Of spans that a float64 may not hold exactly package
// strconv knows best how it is written.
func (t *jsonText) milliseconds(name string, value time.Duration) {
	t.name(name)
	const exactly = 1e15 // microseconds: decimal digits that a float64 holds in any case
	micros := value.Microseconds()
	if micros < 0 || micros >= exactly {
		t.octets = strconv.AppendFloat(t.octets, milliseconds(value), 'f', -1, 64)
		return
	}
	t.octets = strconv.AppendInt(t.octets, micros/1000, 10)
	if rest := micros % 1000; rest != 0 {
		digits := [...]byte{'.', '0' + byte(rest/100), '0' + byte(rest/10%10), '0' + byte(rest%10)}
		t.octets = append(t.octets, bytes.TrimRight(digits[:], "0")...)
	}
}

// instantIfAny leaves the zero instant out.
func (t *jsonText) instantIfAny(name string, value time.Time) {
	if !value.IsZero() {
		t.instant(name, value)
	}
}

func (t *jsonText) instant(name string, value time.Time) {
	t.name(name)
	t.octets = append(t.octets, '"')
	octets, err := value.AppendText(t.octets)
	if t.fail(err); err == nil {
		t.octets = octets
	}
	t.octets = append(t.octets, '"')
}

// value appends what package encoding/json writes of it.
func (t *jsonText) value(value any) {
	text, err := json.Marshal(value)
	t.fail(err)
	t.octets = append(t.octets, text...)
}

func (t *jsonText) fail(err error) {
	if t.err == nil {
		t.err = err
	}
}

// stringsIfAny leaves an empty array out.
func (t *jsonText) stringsIfAny(name string, values []string) {
	jsonArrayIfAny(t, name, values, func(value *string) { t.string(*value) })
}

// jsonArrayIfAny writes an array, each of its values by the function. It leaves an empty one out.
func jsonArrayIfAny[T any](t *jsonText, name string, values []T, write func(*T)) {
	if len(values) == 0 {
		return
	}
	t.name(name)
	t.raw("[")
	for i := range values {
		t.comma()
		write(&values[i])
	}
	t.raw("]")
}
