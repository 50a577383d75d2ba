//go:build interop

package interop

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// A signing is one run of BIND's tools over one zone.
type signing struct {
	zone      string
	text      string // the zone, unsigned
	algorithm string
	one       bool // one key instead of a KSK and a ZSK
	nsec3     bool
	optOut    bool
	expired   bool
	damage    func(signed string) string // afterwards; nil for none
}

// sign makes keys, signs the zone with them, writes it where the server loads
// it, and returns the zone's DS record.
func (n *internet) sign(s signing) (ds string, err error) {
	keys := n.path("keys-" + zoneFile(s.zone))
	if err := os.Mkdir(keys, 0o755); err != nil {
		return "", err
	}
	ksk, err := n.makeKey(keys, s.zone, s.algorithm, "-f", "KSK")
	if err != nil {
		return "", err
	}
	if !s.one {
		if _, err := n.makeKey(keys, s.zone, s.algorithm); err != nil {
			return "", err
		}
	}

	if err := n.resign(s); err != nil {
		return "", err
	}
	return command(n.dir, "dnssec-dsfromkey", "-2", filepath.Join(keys, ksk+".key"))
}

// resign signs the zone with the keys that it has, and writes it where the server loads it.
func (n *internet) resign(s signing) error {
	keys := n.path("keys-" + zoneFile(s.zone))
	file, err := n.writeFile(zoneFile(s.zone)+".unsigned", s.text)
	if err != nil {
		return err
	}
	signed := n.path(zoneFile(s.zone))
	argv := []string{
		"dnssec-signzone", "-S", "-K", keys, "-d", keys,
		"-o", s.zone, "-O", "full", "-f", signed,
	}
	if s.one {
		argv = append(argv, "-z") // the KSK signs all
	}
	if s.nsec3 {
		argv = append(argv, "-3", "-", "-H", "0") // RFC 9276 §3.1: no salt, no iterations
	}
	if s.optOut {
		argv = append(argv, "-A")
	}
	if s.expired {
		// -P: the tool would find its own signatures expired.
		argv = append(argv, "-s", "20240101000000", "-e", "20240131000000", "-P")
	}
	if _, err := command(n.dir, append(argv, file)...); err != nil {
		return err
	}
	if s.damage != nil {
		return damageFile(signed, s.damage)
	}
	return nil
}

// makeKey returns the base name of a new key's files.
func (n *internet) makeKey(dir, zone, algorithm string, args ...string) (string, error) {
	argv := append([]string{"dnssec-keygen", "-q", "-K", dir, "-a", algorithm}, args...)
	if strings.Contains(algorithm, "RSA") {
		argv = append(argv, "-b", "2048")
	}
	name, err := command(n.dir, append(argv, zone)...)
	return strings.TrimSpace(name), err
}

// strangersDS returns the DS record of a key which is not in the zone.
func (n *internet) strangersDS(d domain) (string, error) {
	dir := n.path("keys-stranger-" + zoneFile(d.name))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	key, err := n.makeKey(dir, d.name, d.algorithm, "-f", "KSK")
	if err != nil {
		return "", err
	}
	return command(n.dir, "dnssec-dsfromkey", "-2", filepath.Join(dir, key+".key"))
}

func damageFile(file string, damage func(string) string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	damaged := damage(string(b))
	if damaged == string(b) {
		return errors.New("the damage has changed nothing")
	}
	return os.WriteFile(file, []byte(damaged), 0o644)
}
