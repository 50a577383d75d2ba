package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/danesmtp/danesmtp/dnssec/upstream"
	"github.com/danesmtp/danesmtp/internal/printable"
)

// checkResolvers prints whether each DNS server is capable of DNSSEC, judged at a
// zone that is signed, and returns the exit status: success if one of them is.
func checkResolvers(ctx context.Context, o options, stdout, stderr io.Writer) int {
	servers, zone, err := o.configured(stderr)
	if err != nil {
		complain(stderr, err)
		return exitUsage
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	capabilities := make([]upstream.Capability, len(servers.Exchangers))
	var all sync.WaitGroup
	for i, server := range servers.Exchangers {
		all.Go(func() {
			capabilities[i] = upstream.Probe(ctx, server, zone)
			capabilities[i].Server = fmt.Sprint(server)
		})
	}
	all.Wait()
	status := exitFailure
	for _, c := range capabilities {
		if c.Capable() {
			status = exitSuccess
		}
		if err := printCapability(stdout, c, &o); err != nil {
			complain(stderr, err)
			return exitUsage
		}
	}
	return status
}

// configured returns the DNS servers that the flags or the system name, and a zone
// that the trust anchors say is signed.
func (o *options) configured(stderr io.Writer) (*upstream.Pool, string, error) {
	source, err := o.anchorSource(stderr)
	if err != nil {
		return nil, "", err
	}
	anchors, err := source.Anchors(time.Now())
	if err != nil {
		return nil, "", err
	}
	zone := "."
	if _, found := anchors.Enclosing("."); len(anchors) > 0 && !found {
		zone = anchors[0].Zone
	}
	servers, err := o.servers()
	if servers == nil && err == nil {
		servers, err = upstream.System()
	}
	return servers, zone, err
}

func printCapability(w io.Writer, c upstream.Capability, o *options) error {
	if !o.json {
		server := c.Server
		if known := c.Known(); known != "" {
			server += " (" + known + ")"
		}
		text := printable.Line(fmt.Sprintf("%s %s", server, c))
		if o.screen.Terminal {
			_, err := io.WriteString(w, o.screen.Wrap("", "  ", text))
			return err
		}
		return say(w, "%s", text)
	}
	return json.NewEncoder(w).Encode(struct {
		Server  string `json:"server"`
		Known   string `json:"known,omitempty"`
		Zone    string `json:"zone"`
		Capable bool   `json:"capable"`
		Report  string `json:"report"`
	}{c.Server, c.Known(), c.Zone, c.Capable(), c.String()})
}
