package dane_test

import (
	"context"
	"errors"
	"net"

	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// deadExchanger is a DNS server that nobody can reach.
type deadExchanger struct{}

func (deadExchanger) Exchange(context.Context, *upstream.Query) (*upstream.Reply, error) {
	return nil, errors.New("cable cut")
}

// noNetwork is a network without servers.
func noNetwork(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("cable cut")
}
