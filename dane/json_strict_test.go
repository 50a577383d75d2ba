package dane_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dane"
)

// What a typo or a merge leaves in a policy is an error that says where; package
// encoding/json alone takes most of it in silence.
func TestPolicyTakesNothingInSilence(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"a destination twice", `{"destinations": {"a.example": {"dane": "mandatory"}, "a.example": {"dane": "none"}}}`, `destinations: "a.example" is given twice`},
		{"a destination twice, once escaped", `{"destinations": {"a.example": {"dane": "mandatory"}, "\u0061.example": {"dane": "none"}}}`, `destinations: "a.example" is given twice`},
		{"two spellings of a destination: case", `{"destinations": {"a.example": {"dane": "mandatory"}, "A.Example": {"dane": "none"}}}`, "a.example is given twice"},
		{"two spellings of a destination: final dot", `{"destinations": {"a.example": {}, "a.example.": {}}}`, "a.example is given twice"},
		{"two spellings of a destination: A-label", `{"destinations": {"bücher.example": {}, "xn--bcher-kva.example": {}}}`, "xn--bcher-kva.example is given twice"},
		{"two spellings of a destination: composed letters", `{"destinations": {"bücher.example": {}, "bu\u0308cher.example": {}}}`, "xn--bcher-kva.example is given twice"},
		{"two spellings of a destination: another dot", `{"destinations": {"bücher.example": {}, "bücher。example": {}}}`, "xn--bcher-kva.example is given twice"},
		{"two spellings of a destination: address", `{"destinations": {"[IPv6:2001:db8::1]": {}, "[ipv6:2001:DB8:0::1]": {}}}`, "[IPv6:2001:db8::1] is given twice"},
		{"a setting twice", `{"destinations": {"a.example": {"dane": "mandatory", "dane": "none"}}}`, `destinations: a.example: "dane" is given twice`},
		{"a setting of the default twice", `{"default": {"tls": "required", "tls": "preferred"}}`, `default: "tls" is given twice`},
		{"a setting of a route twice", `{"destinations": {"a.example": {"route": {"hosts": ["a"], "hosts": ["b"]}}}}`, `destinations: a.example: route: "hosts" is given twice`},
		{"all destinations twice", `{"destinations": {"a.example": {"dane": "mandatory"}}, "destinations": {}}`, `"destinations" is given twice`},
		{"the default twice", `{"default": {}, "default": {"dane": "mandatory"}}`, `"default" is given twice`},
		{"a null file", `null`, "null is no value"},
		{"a null default", `{"default": null}`, "default: null is no value"},
		{"null destinations", `{"destinations": null}`, "destinations: null is no value"},
		{"a null profile", `{"destinations": {"a.example": null}}`, "destinations: a.example: null is no value"},
		{"a null setting", `{"destinations": {"a.example": {"dane": null}}}`, "destinations: a.example: dane: null is no value"},
		{"a null route", `{"destinations": {"a.example": {"route": null}}}`, "destinations: a.example: route: null is no value"},
		{"a null host", `{"destinations": {"a.example": {"route": {"hosts": [null]}}}}`, "destinations: a.example: route: hosts: null is no value"},
		{"a setting in another case", `{"destinations": {"a.example": {"DANE": "none"}}}`, `destinations: a.example: unknown field "DANE"`},
		{"a setting twice in two cases", `{"destinations": {"a.example": {"dane": "mandatory", "Dane": "none"}}}`, `destinations: a.example: unknown field "Dane"`},
		{"a setting with a letter that folds", `{"default": {"tl\u017f": "required"}}`, "default: unknown field"},
		{"a field in another case", `{"Default": {"dane": "mandatory"}}`, `unknown field "Default"`},
		{"an unknown setting", `{"destinations": {"a.example": {"dnae": "mandatory"}}}`, `a.example: json: unknown field "dnae"`},
		{"mandatory DANE for mail that is accepted", `{"destinations": {"a.example": {"dane": "mandatory", "flow": "accept"}}}`, "a.example: mandatory DANE for mail that is accepted"},
		{"an unknown flow", `{"destinations": {"a.example": {"flow": "deliver"}}}`, `a.example: flow "deliver": want "relay" or "accept"`},
		{"a setting of routes that there was once", `{"default": {"route": {"hosts": ["a"], "no_dane": true}}}`, `the default: there is no "no_dane" any more`},
		{"an unknown field", `{"destination": {}}`, `unknown field "destination"`},
		{"a destination outside of destinations", `{"a.example": {"dane": "mandatory"}}`, `unknown field "a.example"`},
		{"an unknown value", `{"destinations": {"a.example": {"dane": "Mandatory"}}}`, `a.example: dane: DANE "Mandatory": want one of`},
		{"an empty value", `{"destinations": {"a.example": {"dane": ""}}}`, `a.example: dane: DANE "": want one of`},
		{"a number for a text", `{"destinations": {"a.example": {"dane": 1}}}`, "a.example: json: cannot unmarshal number"},
		{"a text for true", `{"destinations": {"a.example": {"use_insecure_mx": "false"}}}`, "a.example: json: cannot unmarshal string"},
		{"a text for a port", `{"destinations": {"a.example": {"route": {"hosts": ["a"], "port": "25"}}}}`, "a.example: json: cannot unmarshal string"},
		{"a port that is too great", `{"destinations": {"a.example": {"route": {"hosts": ["a"], "port": 65561}}}}`, "a.example: json: cannot unmarshal number"},
		{"a text for a list", `{"destinations": {"a.example": {"route": {"hosts": "a"}}}}`, "a.example: json: cannot unmarshal string"},
		{"a route without hosts", `{"destinations": {"a.example": {"route": {}}}}`, "a.example: a route without hosts"},
		{"a route with an empty list of hosts", `{"destinations": {"a.example": {"route": {"hosts": []}}}}`, "a.example: a route without hosts"},
		{"a route by default without hosts", `{"default": {"route": {"hosts": []}}}`, "the default: a route without hosts"},
		{"a text for a profile", `{"destinations": {"a.example": "mandatory"}}`, "a.example: json: cannot unmarshal string"},
		{"a list for a profile", `{"destinations": {"a.example": []}}`, "a.example: json: cannot unmarshal array"},
		{"a text for the default", `{"default": "mandatory"}`, "the default: json: cannot unmarshal string"},
		{"a list of destinations", `{"destinations": ["a.example"]}`, "cannot unmarshal array"},
		{"a list", `[{"default": {}}]`, "is not an object"},
		{"a text", `"default"`, "is not an object"},
		{"nothing", ``, "unexpected end"},
		{"blanks", " \n", "unexpected end"},
		{"half a file", `{"destinations": {"a.example": {"dane": "mandatory"}`, "destinations: unexpected end"},
		{"two files", `{"default": {}} {"default": {"dane": "none"}}`, "has more after the end"},
		{"something behind", `{"default": {}}}`, "has more after the end"},
		{"a comma too many", `{"destinations": {"a.example": {},}}`, "destinations: invalid character"},
		{"a comment", "{\n// all\n}", "line 2: invalid character '/'"},
		{"a mark of a merge", "{\"destinations\": {\n<<<<<<< HEAD\n\"a.example\": {}\n=======\n\"a.example\": {}\n>>>>>>> b\n}}", "line 2: destinations: invalid character '<'"},
		{"a byte order mark", "\ufeff{}", "byte order mark"},
		{"UTF-16", "{\x00}\x00", "invalid character"},
		{"octets that are no UTF-8", "{\"destinations\": {\"b\xfccher.example\": {}}}", "not UTF-8"},
		{"half a letter", `{"destinations": {"\ud800.example": {}}}`, "not a host name"},
		{"deep nesting", `{"destinations": {"a.example": {"route": {"hosts": ` + strings.Repeat("[", 1e5), "within each other"},
		{"a name of several lines", `{"destinations": {"a\n\u001b[2J.example": null}}`, `destinations: a; \x1b[2J.example: null is no value`},
	} {
		for way, read := range map[string]func() error{
			"ReadPolicy": func() error {
				p, err := dane.ReadPolicy(strings.NewReader(tt.text))
				if err == nil && p == nil {
					t.Error("neither policy nor error")
				}
				return err
			},
			"UnmarshalJSON": func() error { return new(dane.Policy).UnmarshalJSON([]byte(tt.text)) },
		} {
			err := read()
			if !errors.Is(err, dane.ErrPolicy) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s by %s: %v, want %q", tt.name, way, err, tt.want)
			}
		}
	}
}

// All that is wrong with a policy is said at once.
func TestPolicyErrorsNameAllDestinations(t *testing.T) {
	t.Parallel()
	_, err := dane.ReadPolicy(strings.NewReader(`{"default": {"dane": 1}, "destinations": {"a.example": {"tls": "no"}, "b.example": {"x": 1}}}`))
	for _, want := range []string{"the default", "a.example", "b.example"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

// Neither does a result take what would be read in another way by others.
func TestResultTakesNothingInSilence(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"the outcome twice":          `{"version": 1, "outcome": "failure", "outcome": "success"}`,
		"the outcome in two cases":   `{"version": 1, "outcome": "failure", "Outcome": "success"}`,
		"null":                       `null`,
		"a null outcome":             `{"version": 1, "outcome": null}`,
		"null hosts":                 `{"version": 1, "hosts": [null]}`,
		"a field of a host twice":    `{"version": 1, "destination": {"status": "secure", "routed": true}, "hosts": [{"host": "a", "action": "skip", "action": "may-encrypt"}]}`,
		"octets that are no UTF-8":   "{\"version\": 1, \"domain\": \"\xff\"}",
		"a list":                     `[]`,
		"unreadable depths, ignored": `{"version": 1, "more": ` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
	} {
		if err := json.Unmarshal([]byte(text), new(dane.Result)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if err := json.Unmarshal([]byte(`{"version": 1, "added_later": [{"a": 1}]}`), new(dane.Result)); err != nil {
		t.Errorf("a field that was added later: %v", err)
	}
	if err := json.Unmarshal([]byte(`{"version": 1, "profile": {"dane": "opportunistic", "tls": "preferred", "flow": "accept"}}`), new(dane.Result)); err != nil {
		t.Errorf("a result from a version that had a flow: %v", err)
	}
}
