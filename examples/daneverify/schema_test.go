package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// A schema is the part of JSON Schema that ours use.
type schema struct {
	Type       string
	Ref        string `json:"$ref"`
	Enum       []any
	Properties map[string]*schema
	Items      *schema
	Defs       map[string]*schema `json:"$defs"`
}

func readSchema(t *testing.T, file string) *schema {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := new(schema)
	if err := json.Unmarshal(text, s); err != nil {
		t.Fatal(err)
	}
	return s
}

// paths adds each key, with the keys that lead to it and its type.
func (s *schema) paths(root *schema, at string, to map[string]string) {
	if name, ok := strings.CutPrefix(s.Ref, "#/$defs/"); ok {
		s = root.Defs[name]
	}
	to[at] = s.Type
	for name, property := range s.Properties {
		property.paths(root, strings.TrimPrefix(at+"."+name, "."), to)
	}
	if s.Items != nil {
		s.Items.paths(root, at+"[]", to)
	}
}

// used adds the paths of a value.
func used(value any, at string, to map[string]bool) {
	to[at] = true
	switch value := value.(type) {
	case map[string]any:
		for name, of := range value {
			used(of, strings.TrimPrefix(at+"."+name, "."), to)
		}
	case []any:
		for _, of := range value {
			used(of, at+"[]", to)
		}
	}
}

// Keys are added to the JSON, and never go or change their type as long as the version is the
// same; none is without a description.
func TestJSONOnlyGrows(t *testing.T) {
	t.Parallel()
	described := make(map[string]string)
	for _, file := range []string{"../../dane/schema.json", "share/schema.json"} {
		s := readSchema(t, file)
		s.paths(s, "", described)
		if version := s.Properties["version"]; version == nil || len(version.Enum) != 1 || version.Enum[0] != 1.0 {
			t.Errorf("%s has another version than 1: begin a new list of keys", file)
		}
	}
	var lines []string
	for _, path := range slices.Sorted(maps.Keys(described))[1:] { // without the whole
		lines = append(lines, fmt.Sprintf("%s %s", path, described[path]))
	}
	const file = "testdata/json-keys-1.txt"
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	old := strings.Split(strings.TrimSpace(string(kept)), "\n")
	for _, line := range old {
		if !slices.Contains(lines, line) {
			t.Errorf("the JSON has had %q, which must not go", line)
		}
	}
	for _, line := range lines {
		if !slices.Contains(old, line) {
			t.Errorf("%q is new: go test ./examples/daneverify -run JSONOnlyGrows -update", line)
		}
	}
	_, checked, _ := command(t, "check", "-demo", "-json")
	_, verified, _ := command(t, "-demo", "-json")
	_, planned, _ := command(t, "-demo", "-dns-only", "-json")
	for line := range strings.Lines(checked + verified + planned) {
		var value any
		if err := json.Unmarshal([]byte(line), &value); err != nil {
			t.Fatal(err)
		}
		paths := make(map[string]bool)
		used(value, "", paths)
		for path := range paths {
			if _, ok := described[path]; !ok {
				t.Errorf("%s is in no schema", path)
			}
		}
	}
}
