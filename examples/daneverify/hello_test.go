package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dane/danetest"
)

func TestNameInHello(t *testing.T) {
	t.Parallel()
	_, stdout, _ := command(t, "-demo", "-json", "-helo", "client.example.", "good.example")
	if want := `"command":"EHLO client.example"`; !strings.Contains(stdout, want) {
		t.Errorf("no %s in %s", want, stdout)
	}

	internet := danetest.New(t)
	const note = "EHLO gives its address, [192.0.2.9]; -helo sets a name"
	for _, tt := range []struct {
		said string
		args []string
		want int // how often it is noted
	}{
		{"[192.0.2.9]", []string{"-v", "good.example", "ta.example"}, 1},
		{"[192.0.2.9]", []string{"good.example", "ta.example"}, 0}, // no server minds
		{"[192.0.2.9]", []string{"-helo", "[192.0.2.9]", "good.example"}, 0},
		{"client.example", []string{"good.example"}, 0},
		{"[192.0.2.9]", []string{"nodane.example"}, 0}, // nobody was connected to
	} {
		var stdout, stderr bytes.Buffer
		o, err := parse(tt.args)
		if err != nil {
			t.Fatal(err)
		}
		v := internet.Verifier()
		v.Hello = tt.said // in place of the machine's
		verifyAll(t.Context(), v, o, &stdout, &stderr)
		if got := strings.Count(stderr.String(), note); got != tt.want {
			t.Errorf("%s with %q: noted %d times, want %d: %s", tt.said, tt.args, got, tt.want, stderr.String())
		}
	}
}

func TestProbeTimeout(t *testing.T) {
	t.Parallel()
	status, stdout, _ := command(t, "-demo", "-probe-timeout", "1ns", "good.example")
	if status != exitFailure || !strings.Contains(stdout, "no connection: i/o timeout") {
		t.Errorf("exit status %d: %s", status, stdout)
	}
	if status, stdout, stderr := command(t, "-demo", "-probe-timeout", "1m", "good.example"); status != exitSuccess {
		t.Errorf("exit status %d: %s%s", status, stdout, stderr)
	}
}
