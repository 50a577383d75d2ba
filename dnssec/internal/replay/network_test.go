package replay_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/replay"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// An asker asks the servers of a script.
type asker struct {
	t       *testing.T
	network *replay.Network
}

// newAsker makes a network of options and ranges.
func newAsker(t *testing.T, options, ranges string) asker {
	t.Helper()
	network, err := replay.New(parse(t, options+"CONFIG_END\nSCENARIO_BEGIN x\n"+ranges+"SCENARIO_END\n"))
	if err != nil {
		t.Fatal(err)
	}
	return asker{t, network}
}

// entry writes the reply to a question, with records for a section.
func entry(match, question, reply string, records ...string) string {
	return "ENTRY_BEGIN\nMATCH " + match + "\nADJUST copy_id\nREPLY " + reply + "\nSECTION QUESTION\n" + question + "\n" + strings.Join(records, "\n") + "\nENTRY_END\n"
}

func scope(first, last int, server string, entries ...string) string {
	return fmt.Sprintf("RANGE_BEGIN %d %d\nADDRESS %s\n%sRANGE_END\n", first, last, server, strings.Join(entries, ""))
}

// ask returns the rcode and the sections of the reply, in short.
func (a asker) ask(server, name, qtype string) string {
	a.t.Helper()
	msg := new(dns.Msg).SetQuestion(name, dns.StringToType[qtype])
	msg.SetEdns0(1232, true)
	client := &upstream.Client{Address: server, Dial: a.network.Dial}
	reply, err := client.Exchange(a.t.Context(), &upstream.Query{Msg: msg})
	if err != nil {
		return "error"
	}
	parts := []string{dns.RcodeToString[reply.Msg.Rcode]}
	for _, section := range [][]dns.RR{reply.Msg.Answer, reply.Msg.Ns} {
		for _, rr := range section {
			parts = append(parts, strings.Join(strings.Fields(strings.TrimPrefix(rr.String(), rr.Header().String())), " "))
		}
	}
	return strings.Join(parts, "; ")
}

func TestDialects(t *testing.T) {
	t.Parallel()
	const one, two, three = "192.0.2.1", "192.0.2.2", "192.0.2.3"
	www := func(address string) string {
		return entry("opcode qname qtype", "www.test. A", "QR NOERROR", "SECTION ANSWER", "www.test. A "+address)
	}
	ranges := scope(0, 5, one, entry("qname", "other.test. A", "QR REFUSED"), www("198.51.100.1")) +
		scope(0, 9, one, www("198.51.100.2")) +
		scope(0, 9, two, entry("subdomain", "test. A", "QR NXDOMAIN"))
	for _, tt := range []struct {
		name    string
		options string
		step    int
		server  string
		want    string
	}{
		{"Unbound tries the last range first", "server:\n", 5, one, "NOERROR; 198.51.100.2"},
		{"Deckard tries the first range", "", 5, one, "NOERROR; 198.51.100.1"},
		{"a range has its time", "", 6, one, "NOERROR; 198.51.100.2"},
		{"names below match", "", 5, two, "NXDOMAIN"},
		{"Deckard has any server stand in for one without range", "", 5, three, "NOERROR; 198.51.100.1"},
		// All servers know what one of them knows, since scripts have only what one
		// program asks for.
		{"another server's reply", "server:\n", 5, three, "NOERROR; 198.51.100.1"},
	} {
		a := newAsker(t, tt.options, ranges)
		a.network.At(tt.step)
		if got := a.ask(tt.server, "www.test.", "A"); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		a.network.Close()
	}
	a := newAsker(t, "", ranges)
	a.network.At(5)
	if got := a.ask(one, "www.test.", "MX"); got != "SERVFAIL" {
		t.Errorf("not in the script: %s", got)
	}
	if missed := a.network.Missed(); len(missed) != 1 || missed[0] != "www.test. MX at 192.0.2.1" {
		t.Errorf("missed %q", missed)
	}
}

// What a script has no reply for may be in another one.
func TestBorrowing(t *testing.T) {
	t.Parallel()
	const server = "192.0.2.1"
	ranges := scope(0, 9, server,
		entry("qname qtype", "a.test. A", "QR NOERROR", "SECTION ANSWER", "a.test. CNAME b.test.", "b.test. A 198.51.100.1"),
		entry("qname qtype", "x.cut.test. A", "QR NOERROR", "SECTION AUTHORITY", "cut.test. NS ns.test.", "cut.test. DS 1 8 2 00", "SECTION ADDITIONAL", "ns.test. A 198.51.100.2"),
		entry("qname qtype", "x.bare.test. A", "QR NOERROR", "SECTION AUTHORITY", "bare.test. NS ns.test.", "bare.test. NSEC c.test. NS"),
		entry("qname qtype", "no.test. A", "QR NXDOMAIN", "SECTION AUTHORITY", "m.test. NSEC p.test. A"),
		entry("qname qtype", "c.test. A", "QR NXDOMAIN", "SECTION ANSWER", "c.test. CNAME gone.test.", "SECTION AUTHORITY", "f.test. NSEC h.test. A"),
		entry("qname qtype", "any.test. ANY", "QR NOERROR", "SECTION ANSWER", "any.test. A 198.51.100.3"),
	)
	a := newAsker(t, "server:\n", ranges)
	a.network.At(1)
	for _, tt := range []struct{ name, qtype, want string }{
		{"b.test.", "A", "NOERROR; 198.51.100.1"},
		{"cut.test.", "DS", "NOERROR; 1 8 2 00"},
		{"ns.test.", "A", "NOERROR; 198.51.100.2"},
		{"bare.test.", "DS", "NOERROR; c.test. NS"},
		{"no.test.", "DS", "NXDOMAIN; p.test. A"},
		{"c.test.", "A", "NXDOMAIN; gone.test.; h.test. A"},
		{"gone.test.", "A", "NXDOMAIN; h.test. A"},
		{"any.test.", "A", "NOERROR; 198.51.100.3"},
		{"nowhere.test.", "DS", "NOERROR"},
		{"nowhere.test.", "A", "SERVFAIL"},
	} {
		if got := a.ask(server, tt.name, tt.qtype); got != tt.want {
			t.Errorf("%s %s: %s, want %s", tt.name, tt.qtype, got, tt.want)
		}
	}
	a.network.Close()
}

// In Unbound's scripts a query waits for the step that has its answer.
func TestLaterStep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAsker(t, "server:\n", scope(5, 9, "192.0.2.1", entry("qname", "www.test. A", "QR NOERROR", "SECTION ANSWER", "www.test. A 198.51.100.1")))
		a.network.At(1)
		got := make(chan string, 1)
		go func() { got <- a.ask("192.0.2.1", "www.test.", "A") }()
		synctest.Wait()
		select {
		case early := <-got:
			t.Errorf("before the step: %s", early)
		default:
		}
		a.network.At(5)
		if late := <-got; late != "NOERROR; 198.51.100.1" {
			t.Errorf("at the step: %s", late)
		}
		a.network.Close()
	})
}

func TestClock(t *testing.T) {
	t.Parallel()
	sig := "SECTION ANSWER\nx. RRSIG A 8 1 1 20300101000000 20200102030405 1 x. AAAA"
	for _, tt := range []struct{ name, options, want string }{
		{"a date", "val-override-date: \"20070916134226\"\n", "2007-09-16 13:42:27"},
		{"a number of seconds", "val-override-timestamp: \"1437625000\"\n", "2015-07-23 04:16:41"},
		{"no instant at all", "val-override-date: '-1'\n", "2020-01-02 03:04:06"},
		{"nothing", "", "1970-01-01 00:00:01"},
	} {
		a := newAsker(t, tt.options, scope(0, 1, "192.0.2.1", entry("qname", "x. A", "QR", sig)))
		a.network.Pass(time.Second)
		if got := a.network.Now().UTC().Format(time.DateTime); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestUnplayable(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"val-override-date: tomorrow\nCONFIG_END\nSCENARIO_BEGIN x\nSCENARIO_END\n",
		"val-override-timestamp: 2007-09-16\nCONFIG_END\nSCENARIO_BEGIN x\nSCENARIO_END\n",
	} {
		if _, err := replay.New(parse(t, text)); err == nil {
			t.Errorf("a network of %q", text)
		}
	}
}
