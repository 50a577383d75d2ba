package smtpprobe_test

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/smtpprobe"
)

func TestProtocolName(t *testing.T) {
	t.Parallel()
	for version, want := range map[uint16]string{
		tls.VersionTLS13: "TLSv1.3",
		tls.VersionTLS12: "TLSv1.2",
		tls.VersionTLS11: "TLSv1.1",
		tls.VersionTLS10: "TLSv1",
		0x7f1c:           "0x7f1c",
	} {
		if got := smtpprobe.ProtocolName(version); got != want {
			t.Errorf("%04x: got %q, want %q", version, got, want)
		}
	}
}

// TestCipherName derives OpenSSL's names from those of the IANA, which crypto/tls
// uses, by the rules in which they differ.
func TestCipherName(t *testing.T) {
	t.Parallel()
	rules := strings.NewReplacer(
		"TLS_RSA_WITH_", "", "TLS_", "", "WITH_", "",
		"AES_128_CBC", "AES128", "AES_256_CBC", "AES256", "AES_128", "AES128", "AES_256", "AES256",
		"3DES_EDE_CBC", "DES_CBC3", "RC4_128", "RC4", "POLY1305_SHA256", "POLY1305", "_", "-",
	)
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		want := suite.Name
		if suite.SupportedVersions[0] != tls.VersionTLS13 {
			want = strings.ReplaceAll(rules.Replace(suite.Name), "_", "-")
		}
		if got := smtpprobe.CipherName(suite.ID); got != want {
			t.Errorf("%s: got %q, want %q", suite.Name, got, want)
		}
	}
	for suite, want := range map[uint16]string{
		tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: "ECDHE-RSA-AES256-GCM-SHA384",
		tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA:         "DES-CBC3-SHA",
		tls.TLS_AES_128_GCM_SHA256:                "TLS_AES_128_GCM_SHA256",
		0xc0a8:                                    "0xc0a8",
		0:                                         "0x0000",
	} {
		if got := smtpprobe.CipherName(suite); got != want {
			t.Errorf("%04x: got %q, want %q", suite, got, want)
		}
	}
}
