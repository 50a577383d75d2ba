//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// asCommand makes the test binary the command.
const asCommand = "DANEVERIFY_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

// limited runs the command in a process that may have so many files open.
func limited(t *testing.T, files int, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "sh", append([]string{"-c", fmt.Sprintf(`ulimit -n %d && exec "$0" "$@"`, files), self}, args...)...)
	command.Env = append(os.Environ(), asCommand+"=1")
	var out, errs bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(stdin), &out, &errs
	if err := command.Run(); command.ProcessState == nil {
		t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), out.String(), errs.String()
}

// loopbackDomains serves domains whose mail server is on loopback, and a DNS server. All are
// DANE successes.
func loopbackDomains(t *testing.T, n int) (domains []string, args []string) {
	certificate := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{"mail.example"}})
	server := smtptest.NewServer(certificate.TLS())
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	zones := []dnssectest.Zone{{Name: "mail.example.", Records: "@ A 127.0.0.1\n_" + port + "._tcp TLSA " + certificate.Record(tlsa.SPKI, tlsa.SHA256).String()}}
	for i := range n {
		domains = append(domains, fmt.Sprintf("d%d.example", i))
		zones = append(zones, dnssectest.Zone{Name: domains[i] + ".", Records: "@ MX 10 mail.example."})
	}
	world := dnssectest.New(t, zones...)
	address, err := world.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	anchors := filepath.Join(t.TempDir(), "root.ds")
	if err := os.WriteFile(anchors, []byte(world.Anchors()[0].DS.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return domains, []string{"-resolver", address, "-anchors", anchors, "-port", port, "-helo", "client.example", "-input", "-"}
}

// With few descriptors fewer domains are worked on at a time, aloud, and all are successes.
// With too few for one there is no verdict, and in no case a wrong one.
func TestFewDescriptors(t *testing.T) {
	t.Parallel()
	domains, args := loopbackDomains(t, 40)
	list := strings.Join(domains, "\n")
	for _, tt := range []struct {
		files, status int
		successes     int // at least
	}{
		{64, exitSuccess, 40},
		{8, exitUsage, 0},
	} {
		status, stdout, stderr := limited(t, tt.files, list, args...)
		if status != tt.status {
			t.Errorf("%d files: exit status %d, want %d\n%s", tt.files, status, tt.status, stderr)
		}
		if n := strings.Count(stdout, "DANE SUCCESS for "); n < tt.successes {
			t.Errorf("%d files: %d successes, want %d", tt.files, n, tt.successes)
		}
		if strings.Contains(stdout, "DANE FAILED") {
			t.Errorf("%d files: a verdict for want of descriptors:\n%s", tt.files, stdout)
		}
		if want := fmt.Sprintf("-concurrency is lowered from 32 to 1, since this process may have %d files open", tt.files); !strings.Contains(stderr, want) {
			t.Errorf("%d files: no %q in %s", tt.files, want, stderr)
		}
	}
	status, stdout, stderr := limited(t, 8, list, append(args, "-json")...)
	if status != exitUsage || !strings.Contains(stdout, `"local_lack":true`) || strings.Contains(stdout, `"state":"broken"`) {
		t.Errorf("JSON: exit status %d, %s\n%.1000s", status, stderr, stdout)
	}
	for line := range strings.Lines(stdout) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
}
