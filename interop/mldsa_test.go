//go:build interop

package interop

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// releaseWithMLDSA is a release of Go whose crypto/tls has ML-DSA; the go command fetches it.
const releaseWithMLDSA = "go1.27.3"

// TestMLDSAAcrossReleases: a server built with a release that has ML-DSA shows a sender built
// with Go 1.26 its other key, and gives it no handshake if there is none. A sender built with
// the later release sees the key of ML-DSA.
func TestMLDSAAcrossReleases(t *testing.T) {
	server := startMLDSAServer(t)
	knows := !strings.HasPrefix(runtime.Version(), "go1.26")
	for _, tt := range []struct {
		name, addr, record string
		success            bool // for this release
		code               diagnosis.Code
	}{
		{"both keys, and the record of the ECDSA one", server["both"], server["ecdsa"], !knows, map[bool]diagnosis.Code{true: diagnosis.CodeOtherCertificate}[knows]},
		{"both keys, and the record of the ML-DSA one", server["both"], server["mldsa"], knows, map[bool]diagnosis.Code{true: diagnosis.CodeOtherCertificate, false: diagnosis.CodeTLSAMismatch}[knows]},
		{"the ML-DSA key alone", server["alone"], server["mldsa"], knows, map[bool]diagnosis.Code{true: diagnosis.CodeMLDSAAlone, false: diagnosis.CodeTLSFails}[knows]},
	} {
		t.Run(tt.name, func(t *testing.T) {
			internet := danetest.New(t, danetest.Domain{Name: "a.example", Zone: dnssectest.Zone{
				Records: "@ MX 10 mail\nmail A 192.0.2.1\n_25._tcp.mail TLSA " + tt.record,
			}})
			checker := internet.Checker()
			checker.AllCertificates = true
			checker.Verifier.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, tt.addr)
			}
			result, err := checker.Verify(t.Context(), "a.example")
			if err != nil || (result.Outcome == dane.OutcomeSuccess) != tt.success {
				t.Errorf("a sender gets %s, %v\n%s", result.Outcome, err, result)
			}
			report := diagnosis.Diagnose(result, diagnosis.Options{})
			found := diagnosis.Code("")
			var text strings.Builder
			for _, f := range report.Findings {
				if f.Severity == diagnosis.Broken {
					found = f.Code
					text.WriteString(f.Text + " " + f.Fix)
				}
			}
			if found != tt.code {
				t.Errorf("found %q, want %q: %+v", found, tt.code, report.Findings)
			}
			if found != "" && found != diagnosis.CodeTLSAMismatch && !strings.Contains(text.String(), "ML-DSA") {
				t.Errorf("nothing is said of ML-DSA: %s", text.String())
			}
		})
	}
}

// startMLDSAServer builds the servers with that release, and returns what they print.
func startMLDSAServer(t *testing.T) (printed map[string]string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "mldsaserver")
	build := exec.Command("go", "build", "-o", program, "./testdata/mldsaserver")
	build.Env = append(os.Environ(), "GOTOOLCHAIN="+releaseWithMLDSA)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	server := exec.CommandContext(ctx, program)
	stdin, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		server.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(line, &printed); err != nil {
		t.Fatal(err)
	}
	return printed
}
