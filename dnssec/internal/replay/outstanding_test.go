package replay_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/danesmtp/danesmtp/dnssec/internal/replay"
)

// step writes a step with an entry.
func step(head, match, adjust, reply, question string, records ...string) string {
	return "STEP " + head + "\nENTRY_BEGIN\nMATCH " + match + "\nADJUST " + adjust + "\nREPLY " + reply + "\nSECTION QUESTION\n" + question + "\n" + strings.Join(records, "\n") + "\nENTRY_END\n"
}

// check is a step at which an answer must be there.
const check = "STEP 9 CHECK_ANSWER\nENTRY_BEGIN\nENTRY_END\n"

// In Unbound's scripts steps answer the queries that no range answers.
func TestServe(t *testing.T) {
	t.Parallel()
	const server = "192.0.2.1"
	answer := "SECTION ANSWER\nwww.test. A 198.51.100.1"
	for _, tt := range []struct {
		name, steps, want string
		outstanding       bool
	}{
		{"a reply", step("5 REPLY", "opcode", "copy_id", "QR AA", "www.test. A", answer) + check, "NOERROR; 198.51.100.1", true},
		{"a reply to whatever is asked", step("5 REPLY", "opcode", "copy_id copy_query", "QR AA REFUSED", "x. A") + check, "REFUSED", true},
		{"a reply from the server that is asked", step("5 REPLY ADDRESS 192.0.2.1", "opcode", "copy_id", "QR AA", "www.test. A", answer) + check, "NOERROR; 198.51.100.1", true},
		{"a reply to another question", step("5 REPLY", "opcode", "copy_id", "QR AA", "x. A") + check, "SERVFAIL", false},
		{"no reply in time", "STEP 5 TIMEOUT\n" + check, "error", true},
		{"a closed connection", "STEP 5 ERROR\n" + check, "error", true},
		{"a check that answers", step("5 CHECK_OUT_QUERY", "qname qtype", "copy_id", "QR AA", "www.test. A", answer) + check, "NOERROR; 198.51.100.1", true},
		{"a check that does not", step("5 CHECK_OUT_QUERY", "qname qtype", "", "QR AA", "www.test. A", answer) + check, "SERVFAIL", false},
		{"a reply after the answer", check + strings.ReplaceAll(step("10 REPLY", "opcode", "copy_id", "QR AA", "www.test. A", answer), "5", "10"), "SERVFAIL", false},
	} {
		synctest.Test(t, func(t *testing.T) {
			script := parse(t, "server:\nCONFIG_END\nSCENARIO_BEGIN x\nSTEP 1 NOTHING\n"+tt.steps+"SCENARIO_END\n")
			network, err := replay.New(script)
			if err != nil {
				t.Fatal(err)
			}
			a := asker{t, network}
			network.At(2)
			got := make(chan string, 1)
			go func() { got <- a.ask(server, "www.test.", "A") }()
			synctest.Wait()
			if outstanding := len(got) == 0; outstanding != tt.outstanding {
				t.Errorf("%s: outstanding %t", tt.name, outstanding)
			}
			for _, s := range script.Steps {
				network.At(s.Number)
				synctest.Wait()
				switch s.Type {
				case "CHECK_OUT_QUERY":
					if tt.outstanding && !network.Asked(s) {
						t.Errorf("%s: not asked", tt.name)
					}
				case "REPLY", "TIMEOUT", "ERROR":
					if err := network.Serve(s); (err == nil) != tt.outstanding {
						t.Errorf("%s: %v", tt.name, err)
					}
				}
				synctest.Wait()
			}
			if got := <-got; got != tt.want {
				t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
			}
			if silent := network.Silent(); (tt.want == "error") != (len(silent) > 0 && silent[0] == "www.test. A") {
				t.Errorf("%s: silent %q", tt.name, silent)
			}
			network.Close()
		})
	}
}

// In Deckard's scripts such a step is a reply that is given once.
func TestOnce(t *testing.T) {
	t.Parallel()
	script := parse(t, "CONFIG_END\nSCENARIO_BEGIN x\n"+step("5 REPLY", "qname", "copy_id", "QR REFUSED", "www.test. A")+"SCENARIO_END\n")
	network, err := replay.New(script)
	if err != nil {
		t.Fatal(err)
	}
	a := asker{t, network}
	network.At(1)
	for _, want := range []string{"REFUSED", "SERVFAIL"} {
		if got := a.ask("192.0.2.1", "www.test.", "A"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if err := network.Serve(script.Steps[0]); err != nil {
		t.Error(err)
	}
	network.Close()
}
