//go:build interop

package interop

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPublishersCommands runs `daneverify tlsa check`, `wait` and `plan` against named, from
// the root down: they come to what the zones' owner knows.
func TestPublishersCommands(t *testing.T) {
	program, err := build()
	if err != nil {
		t.Fatal(err)
	}
	network := newNetwork(t)
	hints := filepath.Join(t.TempDir(), "named.root")
	if err := os.WriteFile(hints, fmt.Appendf(nil, ". 3600000 NS a.root.\na.root. 3600000 A %s\n", rootServer), 0o600); err != nil {
		t.Fatal(err)
	}
	stranger := lab.path("stranger.pem")
	for _, d := range domains {
		status, accepted := 2, false
		switch {
		case d.tlsaStatus == "secure" && (d.tlsa == tlsaEndEntity || d.tlsa == tlsaAuthority || d.alias):
			status, accepted = 0, true
		case d.tlsaStatus == "secure", d.tlsaStatus == "insecure", d.tlsaStatus == "bogus":
			status = 1
		}
		for _, tt := range []struct {
			args   []string
			status int
		}{
			{[]string{"check", "-cert", lab.certificate.chain, "-since", "720h"}, status},
			{[]string{"wait", "-cert", lab.certificate.chain, "-timeout", "1s"}, max(status, 1)}, // the TTL has not passed
			{[]string{"plan", "-current", lab.certificate.chain, "-next", stranger}, status},
		} {
			if status == 2 || tt.args[0] == "plan" && (!accepted && d.tlsaStatus != "bogus" || d.tlsa == tlsaAuthority) {
				continue // where no record matches there is a plan, and the next chain here has no issuer
			}
			t.Run(d.name+" "+tt.args[0], func(t *testing.T) {
				argv := slices.Concat([]string{"tlsa"}, tt.args, []string{"-recursive", "-hints", hints, "-anchors", lab.rootDS, fmt.Sprintf("mail.%s:%d", d.name, lab.smtp)})
				var out []byte
				var err error
				network.do(func() { out, err = exec.Command(program, argv...).CombinedOutput() })
				if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() != tt.status) || err == nil && tt.status != 0 {
					t.Errorf("%s: %v, want status %d\n%s: %s", d.why, err, tt.status, strings.Join(argv, " "), out)
				}
			})
		}
	}
}
