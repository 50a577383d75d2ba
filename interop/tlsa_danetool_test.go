//go:build interop

package interop

import (
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// TestDanetoolAndTLSA has GnuTLS make the records of a certificate and of its key:
// they are those of tlsa. (danetool --check is asked in TestPostfix.)
func TestDanetoolAndTLSA(t *testing.T) {
	t.Parallel()
	leaf := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{tlsaHost}}).Leaf
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	certificate := write("certificate.pem", "CERTIFICATE", leaf.Raw)
	key := write("key.pem", "PUBLIC KEY", leaf.RawSubjectPublicKeyInfo)
	usages := map[tlsa.Usage][]string{
		tlsa.PKIXTA: {"--ca", "--no-domain"}, tlsa.PKIXEE: {"--no-domain"}, tlsa.DANETA: {"--ca"}, tlsa.DANEEE: nil,
	}
	for usage, args := range usages {
		for _, matching := range []tlsa.Matching{tlsa.SHA256, tlsa.SHA512} {
			hash := map[tlsa.Matching]string{tlsa.SHA256: "sha256", tlsa.SHA512: "sha512"}[matching]
			args := append([]string{"danetool", "--tlsa-rr", "--host", tlsaHost, "--hash", hash}, args...)
			compare := func(what string, want tlsa.Record, err error, source ...string) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
				got, err := danetoolRecord(append(args, source...))
				if err != nil || !got.Equal(want) {
					t.Errorf("%s, %v %v: danetool has %v, tlsa %v: %v", what, usage, matching, got, want, err)
				}
			}
			want, err := tlsa.New(usage, tlsa.Cert, matching, leaf)
			compare("certificate", want, err, "--x509", "--load-certificate", certificate)
			want, err = tlsa.New(usage, tlsa.SPKI, matching, leaf)
			compare("its key", want, err, "--load-certificate", certificate)
			want, err = tlsa.NewFromKey(usage, matching, leaf.PublicKey)
			compare("key alone", want, err, "--load-pubkey", key)
		}
	}
}

// danetoolRecord reads what danetool writes: "_443._tcp.… IN TLSA ( 03 01 01 203d… )".
func danetoolRecord(argv []string) (tlsa.Record, error) {
	out, err := command(".", argv...)
	if err != nil {
		return tlsa.Record{}, err
	}
	_, data, found := strings.Cut(out, "(")
	data, _, closed := strings.Cut(data, ")")
	if !found || !closed {
		return tlsa.Record{}, fmt.Errorf("danetool wrote %q", out)
	}
	return tlsa.Parse(data)
}
