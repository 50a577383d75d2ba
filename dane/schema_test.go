package dane_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// A schema is the part of JSON Schema that schema.json uses.
type schema struct{ root map[string]any }

func readSchema(t *testing.T) schema { return readSchemaFile(t, "schema.json") }

func readSchemaFile(t *testing.T, path string) schema {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var s schema
	if err := json.Unmarshal(text, &s.root); err != nil {
		t.Fatal(err)
	}
	return s
}

// check returns where a value breaks a rule. A property that the rule does not have
// is wrong, so that none stays undocumented.
func (s schema) check(rule map[string]any, value any, at string) (wrong []string) {
	if ref, ok := rule["$ref"].(string); ok {
		rule = s.root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
	}
	if enum, ok := rule["enum"].([]any); ok && !slices.Contains(enum, value) {
		wrong = append(wrong, fmt.Sprintf("%s: %v is none of %v", at, value, enum))
	}
	kind := ""
	switch value := value.(type) {
	case map[string]any:
		kind = "object"
		properties, _ := rule["properties"].(map[string]any)
		for name, of := range value {
			property, ok := properties[name].(map[string]any)
			if !ok {
				wrong = append(wrong, at+"."+name+" is not in the schema")
				continue
			}
			wrong = append(wrong, s.check(property, of, at+"."+name)...)
		}
		required, _ := rule["required"].([]any)
		for _, name := range required {
			if _, ok := value[name.(string)]; !ok {
				wrong = append(wrong, fmt.Sprintf("%s: no %s", at, name))
			}
		}
	case []any:
		kind = "array"
		for i, item := range value {
			wrong = append(wrong, s.check(rule["items"].(map[string]any), item, fmt.Sprintf("%s[%d]", at, i))...)
		}
	case string:
		kind = "string"
	case float64:
		kind = "number"
	case bool:
		kind = "boolean"
	}
	if want := rule["type"]; want != kind && !(want == "integer" && kind == "number") {
		wrong = append(wrong, fmt.Sprintf("%s is of type %s, want %v", at, kind, want))
	}
	return wrong
}
