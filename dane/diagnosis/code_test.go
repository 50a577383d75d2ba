package diagnosis_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
)

// Each code has a section in the documentation, which its link leads to, and there are no
// others.
func TestCodesAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/findings.md")
	if err != nil {
		t.Fatal(err)
	}
	var sections []diagnosis.Code
	for _, section := range strings.Split("\n"+string(text), "\n## ")[1:] {
		title, body, _ := strings.Cut(section, "\n")
		code := diagnosis.Code(title)
		sections = append(sections, code)
		body = strings.Join(strings.Fields(body), " ")
		if about := code.About(); about == "" || !strings.HasPrefix(strings.ToLower(body), strings.ToLower(about)+". ") {
			t.Errorf("the section of %s does not begin with what it is about: %q", code, about)
		}
	}
	codes := diagnosis.Codes()
	slices.Sort(codes)
	slices.Sort(sections)
	if diff := cmp.Diff(codes, sections); diff != "" {
		t.Errorf("codes (-code +section):\n%s", diff)
	}
	if len(slices.Compact(codes)) != len(diagnosis.Codes()) {
		t.Error("a code is there twice")
	}
	form := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	for _, code := range codes {
		if !form.MatchString(string(code)) || code.Link() != "docs/findings.md#"+string(code) {
			t.Errorf("%q is no anchor, or its link is %q", code, code.Link())
		}
	}
	if about := diagnosis.Code("nonsense").About(); about != "" {
		t.Errorf("an unknown code is about %q", about)
	}
}

func TestWordsInText(t *testing.T) {
	t.Parallel()
	for _, state := range []diagnosis.State{diagnosis.StateUnknown, diagnosis.StateNone, diagnosis.StateOK, diagnosis.StateWarning, diagnosis.StateBroken} {
		text, _ := state.MarshalText()
		var again diagnosis.State
		if err := again.UnmarshalText(text); err != nil || again != state {
			t.Errorf("%s: %s, %v", text, again, err)
		}
	}
	for _, severity := range []diagnosis.Severity{diagnosis.Note, diagnosis.Warning, diagnosis.Unknown, diagnosis.Broken} {
		text, _ := severity.MarshalText()
		var again diagnosis.Severity
		if err := again.UnmarshalText(text); err != nil || again != severity {
			t.Errorf("%s: %s, %v", text, again, err)
		}
	}
	for _, actor := range []diagnosis.Actor{diagnosis.DomainOwner, diagnosis.DNSOperator, diagnosis.Registrar, diagnosis.MailHost, diagnosis.Sender} {
		text, _ := actor.MarshalText()
		var again diagnosis.Actor
		if err := again.UnmarshalText(text); err != nil || again != actor {
			t.Errorf("%s: %s, %v", text, again, err)
		}
	}
	for _, text := range []string{"", "OK", "nonsense"} {
		if err := new(diagnosis.State).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is a state", text)
		}
	}
	if s := diagnosis.State(200).String(); s != "state(200)" {
		t.Errorf("%q", s)
	}
}

// The schema of results, in package dane, has what is added to them by this package.
func TestSchemaOfFindings(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../schema.json")
	if err != nil {
		t.Fatal(err)
	}
	type property struct{ Enum []any }
	var schema struct {
		Properties map[string]property
		Defs       map[string]struct {
			Properties map[string]property
			Required   []string
		} `json:"$defs"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	full := diagnosis.Finding{Host: "a", Addresses: []netip.Addr{{}}, Publish: []string{""}, Remove: []string{""}, Evidence: []string{""}}
	for _, f := range []diagnosis.Finding{full, {}} {
		text, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		var keys map[string]any
		if err := json.Unmarshal(text, &keys); err != nil {
			t.Fatal(err)
		}
		known, required := schema.Defs["finding"].Properties, schema.Defs["finding"].Required
		for key := range keys {
			if _, ok := known[key]; !ok {
				t.Errorf("%s is not in the schema", key)
			}
		}
		for _, key := range required {
			if _, ok := keys[key]; !ok {
				t.Errorf("%s is required, and not always there", key)
			}
		}
		if len(f.Host) > 0 && len(keys) != len(known) {
			t.Errorf("%d keys, %d in the schema", len(keys), len(known))
		}
	}
	finding := schema.Defs["finding"].Properties
	for name, words := range map[string]struct {
		schema []any
		code   []string
	}{
		"state":    {schema.Properties["state"].Enum, []string{diagnosis.StateUnknown.String(), diagnosis.StateNone.String(), diagnosis.StateOK.String(), diagnosis.StateWarning.String(), diagnosis.StateBroken.String()}},
		"severity": {finding["severity"].Enum, []string{diagnosis.Note.String(), diagnosis.Warning.String(), diagnosis.Unknown.String(), diagnosis.Broken.String()}},
		"actor":    {finding["actor"].Enum, []string{diagnosis.DomainOwner.String(), diagnosis.DNSOperator.String(), diagnosis.Registrar.String(), diagnosis.MailHost.String(), diagnosis.Sender.String()}},
	} {
		if diff := cmp.Diff(fmt.Sprint(words.schema), fmt.Sprint(words.code)); diff != "" {
			t.Errorf("%s (-schema +code):\n%s", name, diff)
		}
	}
}
