package nsupdate_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/examples/daneverify/internal/nsupdate"
)

const secret = "7iDm0VDNa15o8OXv/HIFDrM/YmmT39DgV3l0Xx+7OoY="

// sample puts the secret into the text of a key file.
func sample(text string) string { return strings.ReplaceAll(text, "SECRET", secret) }

// forms are key files, each of the key "ddns".
var forms = map[string]string{
	"tsig-keygen":           "key \"ddns\" {\n\talgorithm hmac-sha256;\n\tsecret \"SECRET\";\n};\n",
	"ddns-confgen -q":       "key \"ddns\" {\n\talgorithm hmac-sha256;\n\tsecret \"SECRET\";\n};\n\n",
	"named, without quotes": "key ddns { algorithm hmac-sha256; secret SECRET; };",
	"named, other order":    "key ddns. { secret \"SECRET\"; algorithm \"HMAC-SHA256\"; };",
	"named, with comments":  "/* a */ // b\n# c\nkey /* d */ \"ddns\" { algorithm hmac-sha256; # e\nsecret \"SECRET\"; // f\n};\n",
	"keymgr -t":             "# hmac-sha256:ddns:SECRET\nkey:\n  - id: ddns\n    algorithm: hmac-sha256\n    secret: SECRET\n",
	"knot.conf, quoted":     "key:\n- id: \"ddns\"\n  algorithm: hmac-sha256 # usual\n  secret: 'SECRET'\n",
	"nsupdate -y":           "hmac-sha256:ddns:SECRET\n",
	"name first":            "ddns:hmac-sha256:SECRET",
	"a name with a dot":     "hmac-sha256:DDNS.:SECRET",
	"lines of Windows":      "key \"ddns\" {\r\n\talgorithm hmac-sha256;\r\n\tsecret \"SECRET\";\r\n};\r\n",
	"K*.key":                "ddns. IN KEY 512 3 163 SECRET\n",
}

func TestKeysInAllForms(t *testing.T) {
	t.Parallel()
	want, err := nsupdate.ParseKey(sample(forms["tsig-keygen"]))
	if err != nil || want.Name != "ddns." || want.Algorithm != "hmac-sha256." {
		t.Fatal(want, err)
	}
	for name, text := range forms {
		if strings.Contains(name, "named, with comments") {
			text = strings.TrimSpace(text)
		}
		if key, err := nsupdate.ParseKey(sample(text)); err != nil || *key != *want {
			t.Errorf("%s: %v, %v", name, key, err)
		}
	}
}

func TestKeysOfEachAlgorithm(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "HMAC-SHA512"} {
		if key, err := nsupdate.ParseKey(sample(name + ":k:SECRET")); err != nil || key.Algorithm != strings.ToLower(name)+"." {
			t.Errorf("%s: %v, %v", name, key, err)
		}
	}
}

// A key prints without its secret, and so does what is wrong with one.
func TestWrongKeys(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", "empty"},
		{"comments alone", "# a\n; b\n", "no key"},
		{"a certificate", "-----BEGIN CERTIFICATE-----\nSECRET\n", "PEM"},
		{"octets", "\x00\x01", "not text"},
		{"a secret alone", "SECRET", "no key in a form"},
		{"without an algorithm", "ddns:SECRET", "algorithm of the key is missing"},
		{"md5", "hmac-md5:ddns:SECRET", "must not be used"},
		{"md5 of named", "key ddns { algorithm hmac-md5.sig-alg.reg.int; secret \"SECRET\"; };", "must not be used"},
		{"md5 of dnssec-keygen", "ddns. IN KEY 512 3 157 SECRET", "must not be used"},
		{"a digest cut short", "hmac-sha256-128:ddns:SECRET", "not known"},
		{"an unknown algorithm", "SECRET:ddns:SECRET", "not known"},
		{"secret and name exchanged", "hmac-sha256:SECRET:ddns", "no name"},
		{"an empty name", "hmac-sha256::SECRET", "no name"},
		{"the root as name", "hmac-sha256:.:SECRET", "no name"},
		{"a name with an escape", `hmac-sha256:a\000b:SECRET`, "no name"},
		{"a secret that is not base64", "hmac-sha256:ddns:SECRET!", "not base64"},
		{"a secret with a space", "hmac-sha256:ddns:AA AA", "not base64"},
		{"no secret", "hmac-sha256:ddns:", "not base64"},
		{"a very long secret", "hmac-sha256:ddns:" + strings.Repeat("AAAA", 200), "not base64"},
		{"two lines", "hmac-sha256:ddns:SECRET\nhmac-sha256:other:SECRET", "more than one key"},
		{"the same line twice", "hmac-sha256:ddns:SECRET\nhmac-sha256:ddns:SECRET", "twice"},
		{"two of named", sample(forms["tsig-keygen"]) + strings.ReplaceAll(forms["tsig-keygen"], "ddns", "other"), "several keys"},
		{"ddns-confgen without -q", forms["tsig-keygen"] + "update-policy {\n\tgrant ddns zonesub ANY;\n};", "nothing else"},
		{"named without the last semicolon", "key ddns { algorithm hmac-sha256; secret SECRET; }", "nothing else"},
		{"named without a secret", "key ddns { algorithm hmac-sha256; };", "nothing else"},
		{"named with two secrets", "key ddns { secret SECRET; secret SECRET; algorithm hmac-sha256; };", "nothing else"},
		{"named with something else", "key ddns { algorithm hmac-sha256; secret SECRET; bits 1; };", "nothing else"},
		{"named with a quoted brace", `key "{" { algorithm hmac-sha256; secret SECRET; };`, "no name"},
		{"named with an open quotation", `key "ddns { algorithm hmac-sha256; secret SECRET; };`, "does not end"},
		{"named with an open comment", `key ddns { algorithm hmac-sha256; /* secret SECRET; };`, "does not end"},
		{"named, very long", "key " + strings.Repeat("; ", 300), "more than one key"},
		{"two of Knot", forms["keymgr -t"] + "  - id: other\n    algorithm: hmac-sha256\n    secret: SECRET\n", "several keys"},
		{"Knot with another section", forms["keymgr -t"] + "acl:\n  - id: a\n", "nothing else"},
		{"Knot with something else", "key:\n  - id: ddns\n    algorithm: hmac-sha256\n    secret: SECRET\n    x: y\n", "nothing else"},
		{"Knot without an id", "key:\n  - algorithm: hmac-sha256\n    secret: SECRET\n", "begins with - id"},
		{"Knot with a clause twice", "key:\n  - id: ddns\n    secret: SECRET\n    secret: SECRET\n", "twice"},
		{"Knot without a secret", "key:\n  - id: ddns\n    algorithm: hmac-sha256\n", "has id, algorithm and secret"},
		{"Knot without dashes", "key:\n    id: ddns\n", "begins with - id"},
		{"K*.private", "Private-key-format: v1.3\nAlgorithm: 163 (HMAC_SHA256)\nKey: SECRET\n", "does not have the name"},
		{"a zone's K*.key", "example.org. IN DNSKEY 257 3 13 SECRET\n", "no key in a form"},
		{"a KEY record of RSA", "ddns. IN KEY 512 3 5 SECRET\n", "not known"},
		{"a KEY record that is short", "ddns. IN KEY 512\n", "want NAME IN KEY"},
	} {
		key, err := nsupdate.ParseKey(sample(tt.text))
		if err == nil || key != nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, %v; want %q", tt.name, key, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), secret[:8]) {
			t.Errorf("%s: the error has the secret: %v", tt.name, err)
		}
	}
	key, err := nsupdate.ParseKey(sample(forms["keymgr -t"]))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprint(key), fmt.Sprint(*key), fmt.Sprintf("%v %+v %#v %s %q %x", key, key, key, key, key, key), fmt.Sprintf("%+v", struct{ K *nsupdate.Key }{key})} {
		if strings.Contains(text, secret[:8]) || strings.Contains(text, fmt.Sprintf("%x", secret)[:8]) {
			t.Errorf("a key prints as %s", text)
		}
	}
}

func TestKeyFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(sample(text)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		return file
	}
	const private = "Private-key-format: v1.3\nAlgorithm: 163 (HMAC_SHA256)\nKey: SECRET\nBits: AAA=\nCreated: 20260101000000\n"
	write("Kddns.+163+1.key", forms["K*.key"], 0o600)
	write("Kzone.+013+1.key", forms["K*.key"], 0o600)
	write("Kother.+163+1.key", "ddns. IN KEY 512 3 163 AAAA", 0o600)
	for _, tt := range []struct {
		name, file string
		public     bool
		want       string // of the error
	}{
		{"of the owner", write("a", forms["tsig-keygen"], 0o600), false, ""},
		{"of a group", write("b", forms["tsig-keygen"], 0o640), false, ""},
		{"of everybody", write("c", forms["tsig-keygen"], 0o644), true, ""},
		{"that everybody may write", write("d", forms["tsig-keygen"], 0o602), true, ""},
		{"K*.private", write("Kddns.+163+1.private", private, 0o600), false, ""},
		{"K*.private alone", write("Klost.+163+1.private", private, 0o600), false, "should be beside"},
		{"K*.private by another name", write("private", private, 0o600), false, "give it that name"},
		{"K*.private of another key", write("Kother.+163+1.private", private, 0o600), false, "not of the same key"},
		{"K*.private of a zone", write("Kzone.+013+1.private", "Private-key-format: v1.3\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: SECRET\n", 0o600), false, "of a zone"},
		{"that is too long", write("long", strings.Repeat("# \n", 1<<13), 0o600), false, "longer than"},
		{"that is not there", filepath.Join(dir, "none"), false, "no such file"},
		{"that is a folder", dir, false, "directory"},
	} {
		key, public, err := nsupdate.ReadKey(tt.file)
		switch {
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), secret[:8])):
			t.Errorf("a file %s: %v, %v; want %q", tt.name, key, err, tt.want)
		case tt.want == "" && (err != nil || key.Name != "ddns." || public != tt.public):
			t.Errorf("a file %s: %v, public %t, want %t: %v", tt.name, key, public, tt.public, err)
		}
	}
}

// FuzzParseKey looks for a file that is not refused, and yields no key; and for a secret in an
// error or a key that is printed.
func FuzzParseKey(f *testing.F) {
	for _, text := range forms {
		f.Add(text)
	}
	f.Add("key \"a\" { /* */ } ;")
	f.Add("key:\n - id: a")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := nsupdate.ParseKey(sample(text))
		switch {
		case (err == nil) != (key != nil):
			t.Fatalf("%v, %v", key, err)
		case err != nil && strings.Contains(err.Error(), secret[:12]), err == nil && strings.Contains(fmt.Sprintf("%+v", key), secret[:12]) && !strings.Contains(key.Name, strings.ToLower(secret[:12])):
			t.Fatalf("the secret is printed: %v %v", key, err)
		case err == nil && (key.Name == "" || key.Algorithm == "" || !strings.HasSuffix(key.Name, ".")):
			t.Fatalf("a key without parts: %v", key)
		}
	})
}
