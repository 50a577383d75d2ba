package anchor

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// autotrustHeader is the first line of the files in which Unbound keeps the state of trust
// points (auto-trust-anchor-file in unbound.conf(5)). Everything but the records is in
// comments of a zone file, so that other programs can read the keys.
const autotrustHeader = "; autotrust trust anchor file"

// autotrustStates are the texts that Unbound writes beside the number of a state.
var autotrustStates = [...]string{
	Start: "  START  ", AddPend: " ADDPEND ", Valid: "  VALID  ", Missing: " MISSING ", Revoked: " REVOKED ", Removed: " REMOVED ",
}

// isAutotrust recognises such a file by its header, or by a state.
func isAutotrust(text []byte) bool {
	return bytes.HasPrefix(text, []byte(autotrustHeader)) || bytes.Contains(text, []byte("\n"+autotrustHeader)) ||
		bytes.Contains(text, []byte(";;state="))
}

// formatAutotrust writes trust points as Unbound does, one after the other. Unbound itself
// reads files with one trust point only.
func formatAutotrust(points []*TrustPoint) []byte {
	b := bytes.NewBufferString(autotrustHeader + "\n")
	for _, p := range points {
		if p.Revoked {
			b.WriteString(";;REVOKED\n; The zone has all keys revoked, and is\n; considered as if it has no trust anchors.\n")
		}
		fmt.Fprintf(b, ";;id: %s 1\n", p.Zone)
		for _, line := range [...]struct {
			name string
			at   time.Time
		}{{"last_queried", p.LastQueried}, {"last_success", p.LastSuccess}, {"next_probe_time", p.NextQuery}} {
			fmt.Fprintf(b, ";;%s: %d ;;%s\n", line.name, unix(line.at), ctime(line.at))
		}
		fmt.Fprintf(b, ";;query_failed: %d\n;;query_interval: %d\n;;retry_time: %d\n",
			p.Failures, p.QueryInterval/time.Second, p.RetryTime/time.Second)
		for _, record := range p.DS {
			fmt.Fprintln(b, record)
		}
		for _, k := range p.Keys {
			fmt.Fprintf(b, "%s ;{id = %d (ksk)} ;;state=%d [%s] ;;count=%d ;;lastchange=%d ;;%s\n",
				k.Key, k.Key.KeyTag(), k.State, autotrustStates[k.State], k.Seen, unix(k.Changed), ctime(k.Changed))
		}
	}
	return b.Bytes()
}

// unix returns an instant in seconds since 1970. It is 0 for the zero time, and for earlier
// instants, which only a clock that is not set has.
func unix(at time.Time) int64 { return max(at.Unix(), 0) }

// ctime formats an instant as C does, in UTC.
func ctime(at time.Time) string { return time.Unix(unix(at), 0).UTC().Format(time.ANSIC) }

// What may be wrong with a state file.
var (
	errNoState   = errors.New("a DNSKEY record without a state: the line may have lost its end")
	errNoID      = errors.New("no ;;id line before it")
	errOtherZone = errors.New("the record is not of the zone in the ;;id line")
	errNoKey     = errors.New("no trust anchor: the file may have lost its end")
)

// autotrustReader reads what formatAutotrust and Unbound write.
type autotrustReader struct {
	points  []*TrustPoint
	revoked bool // a line says that the next trust point is revoked
}

// parseAutotrust returns the keys of a state file that are anchors. line is where the error
// is.
func parseAutotrust(text []byte) (set Set, line int, err error) {
	points, line, err := parseStates(text)
	if err != nil {
		return nil, line, err
	}
	set, err = anchorsOf(points)
	return set, 0, err
}

// parseStates reads a state file. A line that makes no sense is an error: half a file must not
// pass for a whole one. line is where the error is.
func parseStates(text []byte) (points []*TrustPoint, line int, err error) {
	var r autotrustReader
	for content := range strings.Lines(string(text)) {
		line++
		if err := r.line(strings.TrimSpace(content)); err != nil {
			return nil, line, err
		}
	}
	for _, p := range r.points {
		if len(p.anchors()) == 0 && !p.Revoked {
			return nil, line, fmt.Errorf("zone %s: %w", p.Zone, errNoKey)
		}
	}
	if len(r.points) == 0 {
		return nil, line, errNoKey
	}
	return r.points, 0, nil
}

func (r *autotrustReader) line(line string) error {
	switch {
	case line == "":
		return nil
	case strings.HasPrefix(line, ";;"):
		return r.variable(line[2:])
	case strings.HasPrefix(line, ";"):
		return nil
	}
	return r.record(line)
}

// variable reads a line about the trust point. It skips variables that it does not know, which
// later versions may have.
func (r *autotrustReader) variable(line string) error {
	line, _, _ = strings.Cut(line, ";;") // what follows is the same instant for humans
	name, value, _ := strings.Cut(line, ":")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	switch name {
	case "REVOKED":
		r.revoked = true
		return nil
	case "id":
		return r.begin(value)
	case "last_queried", "last_success", "next_probe_time", "query_failed", "query_interval", "retry_time":
	default:
		return nil
	}
	if len(r.points) == 0 {
		return errNoID
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 || n > maxSeconds {
		return fmt.Errorf("%s: %q is not a number of the right size", name, value)
	}
	p := r.points[len(r.points)-1]
	switch name {
	case "last_queried":
		p.LastQueried = instant(n)
	case "last_success":
		p.LastSuccess = instant(n)
	case "next_probe_time":
		p.NextQuery = instant(n)
	case "query_failed":
		p.Failures = int(min(n, 1<<30))
	case "query_interval":
		p.QueryInterval = min(time.Duration(n)*time.Second, maxInterval)
	case "retry_time":
		p.RetryTime = min(time.Duration(n)*time.Second, maxRetry)
	}
	return nil
}

// maxSeconds is the year 9999.
const maxSeconds = 253402300799

func instant(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}

// begin starts a trust point: "zone class".
func (r *autotrustReader) begin(id string) error {
	zone, class, _ := strings.Cut(id, " ")
	name, err := canonical.ParseName(zone)
	if err != nil || zone == "" || strings.TrimSpace(class) != "1" {
		return fmt.Errorf("%q is not a zone and the class 1", id)
	}
	for _, p := range r.points {
		if p.Zone == name.String() {
			return fmt.Errorf("zone %s is there twice", name)
		}
	}
	r.points = append(r.points, &TrustPoint{Zone: name.String(), Revoked: r.revoked})
	r.revoked = false
	return nil
}

// keyState matches the comments behind a key.
var keyState = regexp.MustCompile(`;;state=(\d) \[[ A-Z]*\] ;;count=(\d{1,9}) ;;lastchange=(\d{1,12})(?: ;;.*)?$`)

// record reads a key with its state, or a DS record, which has no state.
func (r *autotrustReader) record(line string) error {
	rr, err := parseRecord(line)
	if err != nil {
		return err
	}
	a, err := newAnchor(unrevokedRecord(rr))
	if err != nil {
		return err
	}
	if len(r.points) == 0 {
		return errNoID
	}
	p := r.points[len(r.points)-1]
	if a.Zone != p.Zone {
		return errOtherZone
	}
	if len(p.Keys)+len(p.DS) >= 2*maxZoneKeys {
		return errTooManyKeys
	}
	if a.DS != nil {
		p.DS = append(p.DS, a.DS)
		return nil
	}
	state := keyState.FindStringSubmatch(line)
	if state == nil {
		return errNoState
	}
	number, _ := strconv.Atoi(state[1])
	if number >= len(autotrustStates) {
		return fmt.Errorf("unknown state %d", number)
	}
	key := rr.(*dns.DNSKEY)
	if k := (TrackedKey{State: State(number)}); k.anchors() && key.Flags&dns.REVOKE != 0 {
		return fmt.Errorf("a revoked key in the state %s", k.State)
	}
	seen, _ := strconv.Atoi(state[2])
	changed, _ := strconv.ParseInt(state[3], 10, 64)
	p.Keys = append(p.Keys, TrackedKey{Key: key, State: State(number), Seen: seen, Changed: instant(min(changed, maxSeconds))})
	return nil
}

// unrevokedRecord returns a revoked key as it was before: a state file may have such keys.
func unrevokedRecord(rr dns.RR) dns.RR {
	if key, ok := rr.(*dns.DNSKEY); ok {
		return unrevoked(key)
	}
	return rr
}
