package replay

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// clauses are those that a resolver can be set up by. remote-control says how Unbound
// is operated.
var clauses = []string{"server", "stub-zone", "forward-zone", "remote-control"}

// unsupported are clauses and options by which Unbound answers from elsewhere than the
// network, or a file is read that a script cannot have.
var unsupported = []string{
	"auth-zone", "view", "python", "dynlib", "cachedb", "dnscrypt", "rpz", "ipset", "dnstap",
	"include", "include-toplevel", "stub-host", "forward-host", "local-data", "serve-expired", "dns64-prefix",
}

// A configReader reads the lines before CONFIG_END.
type configReader struct {
	*parser
	*Config
	zone        *Zone    // of the clause, nil in those without
	key         string   // whose value is in the line to come
	anchorFiles []string // names of files
}

// config reads up to CONFIG_END.
func (p *parser) config(c *Config) error {
	c.Options, c.Files, c.States = make(map[string]string), make(map[string][]string), make(map[string][]string)
	r := configReader{parser: p, Config: c}
	for {
		line, err := p.raw()
		if err != nil {
			return err
		}
		line = strings.TrimSpace(cutQuoted(line, ";#", `"'`))
		if strings.HasPrefix(line, "CONFIG_END") {
			return r.end()
		}
		if line == "" {
			continue
		}
		if err := r.add(line); err != nil {
			return err
		}
	}
}

// add takes a line that is not empty.
func (r *configReader) add(line string) error {
	fields := strings.Fields(line)
	switch word := fields[0]; word {
	case "AUTOTRUST_FILE", "TEMPFILE_CONTENTS", "TEMPFILE_NAME":
		if len(fields) != 2 {
			return fmt.Errorf("%s without a name", word)
		}
		var err error
		switch name := fields[1]; word {
		case "AUTOTRUST_FILE":
			r.Dialect = Unbound
			r.States[name], err = r.until("AUTOTRUST_END")
		case "TEMPFILE_CONTENTS":
			r.Files[name], err = r.until("TEMPFILE_END")
		default:
			err = r.set(r.key, name)
			r.key = ""
		}
		return err
	}
	for line != "" {
		key, value, ok := strings.Cut(line, ":")
		switch {
		case ok && r.key != "":
			return fmt.Errorf("%s without a value", r.key)
		case !ok && r.key == "":
			return fmt.Errorf("%q is no option", line)
		case !ok:
			key, value = r.key, line
		}
		key, value, line = strings.TrimSpace(key), strings.TrimSpace(value), ""
		switch {
		case slices.Contains(clauses, key):
			r.Dialect, r.zone = Unbound, nil
			if strings.HasSuffix(key, "-zone") {
				r.Zones = append(r.Zones, Zone{Forward: key == "forward-zone"})
				r.zone = &r.Zones[len(r.Zones)-1]
			}
			line = value // an option may share the line
		case value == "":
			r.key = key
		default:
			r.key = ""
			if err := r.set(key, unquote(value)); err != nil {
				return err
			}
		}
		if slices.Contains(unsupported, key) && value != "no" {
			return fmt.Errorf("%s is not supported", key)
		}
	}
	return nil
}

// set takes one option.
func (r *configReader) set(key, value string) error {
	switch key {
	case "":
		return errors.New("a value without an option")
	case "trust-anchor":
		r.Anchors = append(r.Anchors, value)
	case "trust-anchor-file", "trusted-keys-file":
		r.anchorFiles = append(r.anchorFiles, value)
	case "auto-trust-anchor-file":
		return fmt.Errorf("%s is not supported but as AUTOTRUST_FILE", key)
	case "domain-insecure":
		r.Insecure = append(r.Insecure, value)
	case "name":
		if r.zone == nil {
			return errors.New("name outside of a zone")
		}
		r.zone.Name = value
	case "stub-name": // the host name that Deckard gives to the address
	case "stub-addr", "forward-addr":
		return r.server(value, key == "forward-addr")
	default:
		r.Options[key] = value
	}
	return nil
}

// server takes the address of a server, in Deckard's dialect of the root's, since that
// has no clauses.
func (r *configReader) server(value string, forward bool) error {
	server, err := parseServer(value)
	if err != nil {
		return err
	}
	zone := r.zone
	if zone == nil {
		i := slices.IndexFunc(r.Zones, func(z Zone) bool { return z.Name == "." && z.Forward == forward })
		if i < 0 {
			i, r.Zones = len(r.Zones), append(r.Zones, Zone{Name: ".", Forward: forward})
		}
		zone = &r.Zones[i]
	}
	zone.Servers = append(zone.Servers, server)
	return nil
}

// end checks what has been read, and takes the anchors from the files.
func (r *configReader) end() error {
	if r.key != "" {
		return fmt.Errorf("%s without a value", r.key)
	}
	for _, zone := range r.Zones {
		if zone.Name == "" || len(zone.Servers) == 0 {
			return errors.New("a zone without name or servers")
		}
	}
	for _, name := range r.anchorFiles {
		lines, ok := r.Files[name]
		if !ok {
			return fmt.Errorf("no TEMPFILE_CONTENTS %s", name)
		}
		r.Anchors = append(r.Anchors, strings.Join(lines, "\n"))
	}
	return nil
}

func unquote(value string) string {
	if n := len(value); n > 1 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
		return value[1 : n-1]
	}
	return value
}

// parseServer reads an address; the port after an @ and the name after a # do not
// matter here.
func parseServer(text string) (netip.Addr, error) {
	text, _, _ = strings.Cut(text, "#")
	text, _, _ = strings.Cut(text, "@")
	return netip.ParseAddr(text)
}
