package queue

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"regexp"
	"strconv"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
)

// partitions is into how many parts addresses and providers are divided. Each has an owner, and
// 16 workers have four each.
const partitions = 64

// Times that all sides of a survey must agree on.
const (
	// defaultLease is how long a worker has a partition, unless it asks again.
	defaultLease = 12 * time.Second
	// defaultAckWait is when a shard goes to another worker, unless its worker says that it is at it.
	defaultAckWait = 30 * time.Second
)

// names are the subjects of one survey, and its stream. Nothing else is used, so that they are all
// that a worker needs permission for.
type names struct{ survey string }

var validSurvey = regexp.MustCompile(`^[A-Za-z0-9_-]{1,63}$`)

func newNames(survey string) (names, error) {
	if !validSurvey.MatchString(survey) {
		return names{}, fmt.Errorf("survey %.70q: a name has letters, digits, - and _, and at most 63 of them", survey)
	}
	return names{survey}, nil
}

// CheckNames returns what is wrong with the name of a survey, or those of its vantage points.
func CheckNames(survey string, vantages []string) error {
	if _, err := newNames(survey); err != nil {
		return err
	}
	return checkVantages(vantages)
}

// checkVantages returns what is wrong with names of vantage points. One that has no name is the only one.
func checkVantages(all []string) error {
	seen := make(map[string]bool)
	for _, v := range all {
		if v != "" || len(all) > 1 {
			if err := row.CheckVantage(v); err != nil {
				return err
			}
		}
		if seen[v] {
			return fmt.Errorf("vantage point %q is there twice", v)
		}
		seen[v] = true
	}
	return nil
}

// token is a vantage point in a subject; no name of one is "=".
func token(vantage string) string {
	if vantage == "" {
		return "="
	}
	return vantage
}

func (n names) stream() string { return "danesurvey-" + n.survey }

func (n names) prefix() string { return "danesurvey." + n.survey + "." }

// shards are the subjects of the stream: those of the list, and those that come again in parts.
func (n names) shards(vantage, kind string) string {
	return n.prefix() + "shard." + token(vantage) + "." + kind
}

const (
	kindNew   = "new"
	kindAgain = "again"
)

// server is where the Server is asked for something.
func (n names) server(vantage string, op operation) string {
	return n.prefix() + "server." + token(vantage) + "." + string(op)
}

type operation string

const (
	opLease   operation = "lease"   // of partitions
	opBegin   operation = "begin"   // a shard
	opRows    operation = "rows"    // to be stored
	opConnect operation = "connect" // to an address
)

// probe is where the owner of a partition is asked for what a server shows.
func (n names) probe(vantage string, t tier, partition int) string {
	return n.prefix() + "probe." + token(vantage) + "." + string(t) + "." + strconv.Itoa(partition)
}

// A tier is what a partition is of. Who asks goes to that of the provider first.
type tier string

const (
	tierProvider tier = "provider"
	tierAddress  tier = "address"
)

// partitionOf returns the partition that a server is in. Addresses of one network are in the same,
// since there is a limit on the network.
func (t tier) partitionOf(addr netip.Addr, host string) int {
	key := host
	if t == tierAddress {
		addr = addr.Unmap().WithZone("")
		bits := 24
		if addr.Is6() {
			bits = 56
		}
		network, _ := addr.Prefix(bits)
		key = network.String()
	} else if name, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		key = name
	}
	h := fnv.New32a()
	h.Write([]byte(key))
	return int(h.Sum32() % partitions)
}
