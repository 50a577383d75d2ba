package nsupdate

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode/utf8"
)

// maxKeyFile bounds a file of a key. Real ones have some hundred octets.
const maxKeyFile = 1 << 14

// ReadKey reads a file with one key:
//
//   - a key statement of named.conf, as tsig-keygen and ddns-confgen -q print it;
//   - a key section of knot.conf, as keymgr -t prints it;
//   - a line as nsupdate -y and kdig -y take it, hmac-sha256:NAME:SECRET, or NAME:hmac-sha256:SECRET;
//   - one of the two files K*.key and K*.private of older versions of dnssec-keygen.
//
// Anything else in it is an error, so that no part is passed over that was meant to count.
// The flag public says that others than the owner and the group of the file may read it.
func ReadKey(file string) (key *Key, public bool, err error) {
	text, public, err := readFile(file)
	if err != nil {
		return nil, false, err
	}
	defer clear(text)
	if isPrivate(string(text)) {
		key, err = readPrivate(file, string(text))
	} else {
		key, err = ParseKey(string(text))
	}
	if err != nil {
		return nil, public, fmt.Errorf("%s: %w", file, err)
	}
	return key, public, nil
}

func readFile(file string) (text []byte, public bool, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, false, err
	}
	if text, err = io.ReadAll(io.LimitReader(f, maxKeyFile+1)); err != nil {
		return nil, false, err
	}
	if len(text) > maxKeyFile {
		return nil, false, fmt.Errorf("%s is no file of a key: it is longer than %d octets", file, maxKeyFile)
	}
	return text, info.Mode().IsRegular() && info.Mode()&0o007 != 0, nil
}

// readPrivate reads K*.private, which does not have the name, with K*.key beside it.
func readPrivate(file, text string) (*Key, error) {
	base, isPrivate := strings.CutSuffix(file, ".private")
	if !isPrivate {
		return nil, errors.New("this is a file K*.private, which is read with K*.key beside it: give it that name")
	}
	other, _, err := readFile(base + ".key")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("the name of the key is in K*.key, which should be beside this file, and is not")
	}
	if err != nil {
		return nil, err
	}
	defer clear(other)
	key, err := ParseKey(string(other))
	if err != nil {
		return nil, fmt.Errorf("%s.key: %w", base, err)
	}
	algorithm, secret, err := parsePrivate(text)
	if err != nil {
		return nil, err
	}
	if same, err := newKey(key.Name, algorithm, secret); err != nil || *same != *key {
		return nil, fmt.Errorf("this file and %s.key are not of the same key", base)
	}
	return key, nil
}

// ParseKey reads what [ReadKey] does, except K*.private.
func ParseKey(text string) (*Key, error) {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && !strings.ContainsRune("\t\r\n", r) || r == 0x7f }) {
		return nil, errors.New("this is no key: it is not text")
	}
	first := firstLine(text)
	switch word := strings.Fields(first + " .")[0]; {
	case strings.TrimSpace(text) == "":
		return nil, errors.New("the file is empty")
	case strings.HasPrefix(first, "-----BEGIN"):
		return nil, errors.New("this is PEM, as of a certificate; a key for updates is made by tsig-keygen or keymgr -t")
	case isPrivate(text):
		return nil, errors.New("this is a file K*.private, which does not have the name of the key")
	case word == "key" || strings.HasPrefix(word, `key"`) || strings.HasPrefix(first, "/*") || strings.HasPrefix(first, "//"):
		return parseNamed(text)
	case word == "key:":
		return parseKnot(text)
	case strings.Contains(strings.ToUpper(strings.Join(strings.Fields(first), " ")), " KEY "):
		return parseKeyRecord(first, text)
	}
	return parseLine(first, text)
}

// firstLine is the first line that is neither empty nor a comment of the shell's kind.
func firstLine(text string) string {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' && line[0] != ';' {
			return line
		}
	}
	return ""
}

// onlyLine is an error unless there is nothing but one line, and comments.
func onlyLine(first, text string) error {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' && line[0] != ';' && line != first {
			return errors.New("there is more than one key, or something else beside it: give each key in a file of its own")
		}
	}
	if strings.Count(text, first) > 1 {
		return errors.New("the key is there twice")
	}
	return nil
}

// parseLine reads hmac-sha256:NAME:SECRET and NAME:hmac-sha256:SECRET.
func parseLine(first, text string) (*Key, error) {
	parts := strings.Split(first, ":")
	switch {
	case len(parts) == 2 && len(parts[1]) > 8:
		return nil, errors.New("the algorithm of the key is missing, which some take to be hmac-md5, and some hmac-sha256: write hmac-sha256:NAME:SECRET")
	case len(parts) != 3:
		return nil, errors.New("this is no key in a form that is known: want the output of tsig-keygen or of keymgr -t, or a line hmac-sha256:NAME:SECRET")
	}
	if err := onlyLine(first, text); err != nil {
		return nil, err
	}
	algorithm, name := parts[0], parts[1]
	if _, err := algorithmOf(algorithm); err != nil {
		if _, second := algorithmOf(name); second != nil {
			return nil, err // the first is where most tools have it
		}
		algorithm, name = name, algorithm
	}
	return newKey(name, algorithm, parts[2])
}
