package replay

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// config reads up to CONFIG_END.
func (p *parser) config(c *Config) error {
	c.Options, c.Files = make(map[string]string), make(map[string][]string)
	var zone *Zone // of the clause that has begun
	for {
		line, err := p.next()
		if err != nil {
			return err
		}
		line = strings.TrimSpace(cut(line, "#"))
		if strings.HasPrefix(line, "CONFIG_END") {
			return c.check()
		}
		if fields := strings.Fields(line); fields[0] == "AUTOTRUST_FILE" || fields[0] == "TEMPFILE_CONTENTS" {
			if len(fields) != 2 {
				return fmt.Errorf("%s without a name", fields[0])
			}
			end := map[string]string{"AUTOTRUST_FILE": "AUTOTRUST_END", "TEMPFILE_CONTENTS": "TEMPFILE_END"}[fields[0]]
			if c.Files[fields[1]], err = p.until(end); err != nil {
				return err
			}
			continue
		}
		for line != "" {
			key, value, ok := strings.Cut(line, ":")
			if !ok {
				if strings.HasPrefix(line, "TEMPFILE_NAME") {
					break
				}
				return fmt.Errorf("%q is no option", line)
			}
			value, line = strings.TrimSpace(value), ""
			switch key {
			case "server", "stub-zone", "forward-zone":
				c.Dialect, zone = Unbound, nil
				if key != "server" {
					c.Zones = append(c.Zones, Zone{Forward: key == "forward-zone"})
					zone = &c.Zones[len(c.Zones)-1]
				}
				line = value // an option may share the line
			default:
				if err := c.set(zone, key, unquote(value)); err != nil {
					return err
				}
			}
		}
	}
}

// set takes one option. zone is the clause that it is in, nil if there is none.
func (c *Config) set(zone *Zone, key, value string) error {
	switch key {
	case "trust-anchor":
		c.Anchors += value + "\n"
	case "domain-insecure":
		c.Insecure = append(c.Insecure, value)
	case "name", "stub-name":
		if zone == nil && key == "name" {
			return errors.New("name outside of a zone")
		}
		if zone != nil {
			zone.Name = value
		}
	case "stub-addr", "forward-addr":
		server, err := parseServer(value)
		if err != nil {
			return err
		}
		if zone == nil { // Deckard has no clauses
			c.Zones = append(c.Zones, Zone{Name: ".", Forward: key == "forward-addr"})
			zone = &c.Zones[len(c.Zones)-1]
		}
		zone.Servers = append(zone.Servers, server)
	default:
		c.Options[key] = value
	}
	return nil
}

func (c *Config) check() error {
	for _, zone := range c.Zones {
		if zone.Name == "" || len(zone.Servers) == 0 {
			return errors.New("a zone without name or servers")
		}
	}
	return nil
}

func unquote(value string) string {
	if n := len(value); n > 1 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
		return value[1 : n-1]
	}
	return value
}

// parseServer reads an address; the port after an @ does not matter here.
func parseServer(text string) (netip.Addr, error) {
	text, _, _ = strings.Cut(text, "@")
	return netip.ParseAddr(text)
}
