package dane

import (
	"encoding/json"
	"reflect"
	"strings"
)

// The tables of decisions for the tests, which are in another package for the sake of
// danetest.

type (
	Decision = decision
	Step     = step
)

const (
	StepSecure   = stepSecure
	StepInsecure = stepInsecure
	StepBogus    = stepBogus
	StepAbsent   = stepAbsent
	StepUnusable = stepUnusable
	StepMismatch = stepMismatch
)

func Decisions(level DANELevel) []Decision { return decisions(level) }

func (r *Result) Decision() (Decision, bool) { return r.decision() }

// ByReflection writes the JSON of a result as package encoding/json does.
func ByReflection(text []byte) ([]byte, error) {
	var all jsonResult
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	return json.Marshal(all)
}

// JSONKeysOfLookups returns the keys of all that a lookup has in JSON.
func JSONKeysOfLookups() (keys []string) {
	for _, form := range []any{jsonLookup{}, jsonQuery{}, jsonAlias{}, jsonCause{}, jsonLink{}} {
		for field := range reflect.TypeOf(form).Fields() {
			key, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			keys = append(keys, key)
		}
	}
	return keys
}
