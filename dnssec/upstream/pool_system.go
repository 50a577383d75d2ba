package upstream

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// resolvConf is where Unix systems keep the addresses of their DNS servers.
const resolvConf = "/etc/resolv.conf"

// System returns a [Pool] of Clients for the servers that /etc/resolv.conf names. Of its
// options it heeds timeout, attempts, rotate and use-vc. It has no use for search lists, since
// names here are complete. Deviation from resolv.conf(5): a file without servers is an error,
// rather than a reason to try the local machine. The error is an [*Error] that names the file.
func System() (*Pool, error) { return fromFile(resolvConf) }

func fromFile(path string) (*Pool, error) {
	text, err := readSystem(path)
	if err != nil {
		return nil, err
	}
	return fromText(text, path)
}

// readSystem returns what stands in a file like resolv.conf.
func readSystem(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", &Error{Err: fmt.Errorf("system's DNS servers: %w", err)} // it names the file
	}
	return string(text), nil
}

// fromText returns a Pool of Clients for the servers in the text of a file.
func fromText(text, path string) (*Pool, error) {
	config, err := dns.ClientConfigFromReader(strings.NewReader(text))
	if err != nil {
		return nil, &Error{Err: fmt.Errorf("system's DNS servers: %s: %w", path, err)}
	}
	options := resolverOptions(text)
	p := &Pool{Equal: slices.Contains(options, "rotate")}
	timeout := time.Duration(min(config.Timeout, maxTimeout)) * time.Second
	err = errNoServers
	for _, address := range config.Servers {
		if slices.Contains(options, "use-vc") {
			address = "tcp://" + address
		}
		if _, notOne := parseAddress(address); notOne != nil {
			err = notOne
			continue // as the C library does; the others may be good
		}
		p.Exchangers = append(p.Exchangers, &Client{Address: address, Timeout: timeout, Attempts: min(config.Attempts, maxAttempts)})
	}
	if len(p.Exchangers) > 0 {
		return p, nil
	}
	return nil, &Error{Err: fmt.Errorf("%s: %w", path, err)}
}

// resolverOptions returns the words of the options lines of a resolv.conf file.
func resolverOptions(text string) []string {
	var options []string
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); len(words) > 0 && words[0] == "options" {
			options = append(options, words[1:]...)
		}
	}
	return options
}
