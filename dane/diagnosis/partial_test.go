package diagnosis_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// A result that was read from JSON may lack anything, or have it empty: that is no reason to
// panic, and never a reason to be content.
func TestPartialResults(t *testing.T) {
	t.Parallel()
	ca := tlsatest.NewCA(tlsatest.Authority{})
	leaf := ca.Issue(tlsatest.Leaf{Names: []string{"mail.a.example"}})
	expired := ca.Issue(tlsatest.Leaf{Names: []string{"mail.a.example"}, Faults: tlsatest.Expired})
	rsa, rsaRecord := rsaCertificate(t)
	swapped := leaf.Record(tlsa.SPKI, tlsa.SHA256)
	swapped.Selector = tlsa.Cert
	for name, w := range map[string]world{
		"a mistaken record beside a good one": oneHost(danetest.Host{TLSA: []string{leaf.Record(tlsa.SPKI, tlsa.SHA256).String(), swapped.String(), "1 1 1 " + otherKey}, Server: presenting(leaf.TLS())}, ""),
		"a mistaken record":                   oneHost(danetest.Host{TLSA: []string{swapped.String()}, Server: presenting(leaf.TLS())}, ""),
		"another key":                         oneHost(danetest.Host{TLSA: []string{"3 1 1 " + otherKey}, Server: presenting(leaf.TLS())}, "mail AAAA 2001:db8::1"),
		"a certificate that has expired":      oneHost(danetest.Host{TLSA: []string{ca.Record(tlsa.SPKI, tlsa.SHA256).String()}, Server: presenting(expired.TLS())}, ""),
		"two certificates":                    oneHost(danetest.Host{TLSA: []string{rsaRecord}, Server: presenting(leaf.TLS(), rsa)}, ""),
		"an expired signature":                oneHost(danetest.Host{TLSA: []string{"3 1 1"}}, "").faulty("_25._tcp.mail TLSA", dnssectest.Expired),
		"an unsigned zone":                    oneHost(danetest.Host{TLSA: []string{"3 1 1"}}, "").zone(func(z *dnssectest.Zone) { z.Unsigned = true }),
	} {
		checker := w.checker(t)
		checker.AllCertificates = true
		result, err := checker.Verify(t.Context(), "a.example")
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(result)
		if err != nil {
			t.Fatal(err)
		}
		var tree any
		if err := json.Unmarshal(text, &tree); err != nil {
			t.Fatal(err)
		}
		tried := 0
		without(tree, func(what string) {
			tried++
			changed, err := json.Marshal(tree)
			if err != nil {
				t.Fatal(err)
			}
			var again dane.Result
			if json.Unmarshal(changed, &again) != nil {
				return // it says so
			}
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("%s, %s: %v", name, what, p)
				}
			}()
			diagnosis.Diagnose(&again, diagnosis.Options{})
		})
		if tried < 100 {
			t.Errorf("%s: only %d results", name, tried)
		}
	}
}

// without calls do while each part of a tree in turn is missing, null or empty.
func without(tree any, do func(what string)) {
	switch node := tree.(type) {
	case map[string]any:
		for key, value := range node {
			if key == "steps" || key == "exchanges" || key == "chain" {
				continue // what is in them is only shown, and there is much of it
			}
			delete(node, key)
			do("without " + key)
			for _, other := range empties(value) {
				node[key] = other
				do(fmt.Sprintf("%s is %v", key, other))
			}
			node[key] = value
			without(value, do)
		}
	case []any:
		for i, value := range node {
			for _, other := range empties(value) {
				node[i] = other
				do(fmt.Sprintf("item %d is %v", i, other))
			}
			node[i] = value
			without(value, do)
		}
	}
}

func empties(value any) []any {
	switch value.(type) {
	case map[string]any:
		return []any{nil, map[string]any{}}
	case []any:
		return []any{nil, []any{}}
	case string:
		return []any{"", "\x1b[2J"}
	case float64:
		return []any{-1}
	}
	return []any{nil}
}
