package upstream

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// resolvConf is where Unix systems keep the addresses of their DNS servers.
const resolvConf = "/etc/resolv.conf"

// System returns a Pool of the servers that /etc/resolv.conf names. Its timeout
// option is heeded. Search lists are not: names here are complete. Deviation from
// resolv.conf(5): a file without servers is an error, rather than a reason to try
// the local machine. The error is an *Error that names the file.
func System() (*Pool, error) { return fromFile(resolvConf) }

func fromFile(path string) (*Pool, error) {
	config, err := dns.ClientConfigFromFile(path)
	if err != nil {
		return nil, &Error{Err: fmt.Errorf("system's DNS servers: %w", err)} // it names the file
	}
	p := new(Pool)
	timeout := time.Duration(min(config.Timeout, maxTimeout)) * time.Second
	for _, address := range config.Servers {
		if _, err = parseAddress(address); err != nil {
			continue // as the C library does; the others may be good
		}
		p.Exchangers = append(p.Exchangers, &Client{Address: address, Timeout: timeout})
	}
	switch {
	case len(p.Exchangers) > 0:
		return p, nil
	case err == nil:
		err = errNoServers
	}
	return nil, &Error{Err: fmt.Errorf("%s: %s", path, text(err))}
}

// Auto asks the DNS servers of the system (see System). They are looked up at the
// first query, and again at each query while that fails, as it may before the
// network is up.
//
// The zero Auto is ready to use. It is safe for concurrent use, and must not be
// copied after its first use.
type Auto struct {
	path string // of a file like resolv.conf; empty means that one

	mu   sync.Mutex
	pool *Pool
}

// Exchange is that of the system's Pool.
func (a *Auto) Exchange(ctx context.Context, q *Query) (*Reply, error) {
	pool, err := a.servers()
	if err != nil {
		return nil, err
	}
	return pool.Exchange(ctx, q)
}

func (a *Auto) servers() (*Pool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.pool == nil {
		pool, err := fromFile(cmp.Or(a.path, resolvConf))
		if err != nil {
			return nil, err
		}
		a.pool = pool
	}
	return a.pool, nil
}
