package upstream

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// The system's root certificates are read once in a process, so each case has one of its own. The
// file that it reads them from is a pipe: who opens it waits for the other side.
func TestSystemRootsAreReadWhileItConnects(t *testing.T) {
	t.Parallel()
	const variable = "DANESMTP_TEST_ROOTS"
	if address := os.Getenv(variable); address != "" {
		connectReadingRoots(t, address)
		return
	}
	for name, address := range map[string]string{"over TLS": "tls://192.0.2.1#dns.example", "over HTTPS": "https://192.0.2.1/dns-query"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			roots := filepath.Join(t.TempDir(), "roots")
			if err := syscall.Mkfifo(roots, 0o600); err != nil {
				t.Fatal(err)
			}
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSystemRootsAreReadWhileItConnects$")
			child.Env = append(os.Environ(), variable+"="+address, "SSL_CERT_FILE="+roots, "SSL_CERT_DIR="+t.TempDir())
			if output, err := child.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, output)
			}
		})
	}
}

// connectReadingRoots has a connection come to nothing as soon as somebody reads the roots.
func connectReadingRoots(t *testing.T, address string) {
	errRead := errors.New("the roots are read")
	client := &Client{Address: address, Timeout: 10 * time.Second, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		opened := make(chan error, 1)
		go func() {
			pipe, err := os.OpenFile(os.Getenv("SSL_CERT_FILE"), os.O_WRONLY, 0)
			if err == nil {
				err = pipe.Close()
			}
			opened <- err
		}()
		select {
		case err := <-opened:
			return nil, errors.Join(errRead, err)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
	if _, err := client.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)}); !errors.Is(err, errRead) {
		t.Errorf("got %v, want the roots to be read before there is a connection", err)
	}
}
