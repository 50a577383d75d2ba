//go:build ignore

// Command issuers makes the table of intermediate CAs of package dane/diagnosis from the list
// that Firefox ships, which Mozilla makes of the Common CA Database:
//
//	apt-get download firefox-esr && dpkg-deb -x firefox-esr_*.deb x
//	unzip -p x/usr/lib/firefox-esr/browser/omni.ja defaults/settings/security-state/intermediates.json >list
//	go run .ci/issuers.go list PACKAGE-AND-VERSION >dane/diagnosis/issuers_table.go
//
// The list has no certificates, but digests of them and their keys, and of many no name; those
// without are left out.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"go/format"
	"log"
	"os"
	"slices"
	"strings"
	"time"
)

// organizations whose intermediates are in the table: those that issue by ACME, without fee,
// and from several at a time.
var organizations = []string{"Let's Encrypt", "Google Trust Services"}

type entry struct {
	Subject    string `json:"subject"`
	Key        []byte `json:"pubKeyHash"`
	Whole      []byte `json:"derHash"`
	Attachment struct {
		Filename string `json:"filename"`
	} `json:"attachment"`
}

type issuer struct {
	organization, name, key string
	certificates            []string
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: go run .ci/issuers.go LIST PACKAGE-AND-VERSION")
	}
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var list struct {
		Data      []entry `json:"data"`
		Timestamp int64   `json:"timestamp"`
	}
	if err := json.Unmarshal(text, &list); err != nil {
		log.Fatal(err)
	}
	out, err := format.Source(table(collect(list.Data), os.Args[2], time.UnixMilli(list.Timestamp).UTC()))
	if err != nil {
		log.Fatal(err)
	}
	os.Stdout.Write(out)
}

// collect returns the issuers in the order of their organizations and names.
func collect(entries []entry) []issuer {
	var all []issuer
	for _, e := range entries {
		name, rest, _ := strings.Cut(strings.TrimPrefix(e.Subject, "CN="), ",O=")
		organization, _, _ := strings.Cut(rest, ",C=")
		if !slices.Contains(organizations, organization) {
			continue
		}
		// The file is named for the key, too.
		if named := base64.URLEncoding.EncodeToString(e.Key) + ".pem"; named != e.Attachment.Filename || len(e.Key) != 32 || len(e.Whole) != 32 {
			log.Fatalf("%s: the file %s is not of the key %s", e.Subject, e.Attachment.Filename, named)
		}
		key, whole := hex.EncodeToString(e.Key), hex.EncodeToString(e.Whole)
		i := slices.IndexFunc(all, func(known issuer) bool { return known.key == key })
		if i < 0 {
			i = len(all)
			all = append(all, issuer{organization: organization, name: name, key: key})
		}
		if all[i].name != name {
			log.Fatalf("%s and %s have the same key", all[i].name, name)
		}
		all[i].certificates = append(all[i].certificates, whole)
	}
	slices.SortFunc(all, func(a, b issuer) int {
		if a.organization != b.organization {
			return slices.Index(organizations, a.organization) - slices.Index(organizations, b.organization)
		}
		if len(a.name) != len(b.name) {
			return len(a.name) - len(b.name)
		}
		return strings.Compare(a.name, b.name)
	})
	return all
}

func table(all []issuer, source string, at time.Time) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `// Made by .ci/issuers.go; do not edit.

package diagnosis

// issuers are intermediate CAs that are known by name. Source: the list of intermediates that
// Firefox ships (defaults/settings/security-state/intermediates.json), which Mozilla makes of the
// Common CA Database; as of %s, in Debian's package
// %s.
var issuers = [...]issuer{
`, at.Format("2 January 2006"), source)
	for _, i := range all {
		slices.Sort(i.certificates)
		fmt.Fprintf(&b, "\t{%q, %q, %q, []string{\n", i.organization, i.name, i.key)
		for _, digest := range i.certificates {
			fmt.Fprintf(&b, "\t\t%q,\n", digest)
		}
		b.WriteString("\t}},\n")
	}
	b.WriteString("}\n")
	return b.Bytes()
}
