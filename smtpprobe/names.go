package smtpprobe

import (
	"crypto/tls"
	"fmt"
)

// ProtocolName returns the name of a TLS version as mail administrators know it,
// that of OpenSSL: "TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1". An unknown version is
// in hexadecimal, as in "0x7f1c".
func ProtocolName(version uint16) string {
	switch version {
	case tls.VersionTLS13:
		return "TLSv1.3"
	case tls.VersionTLS12:
		return "TLSv1.2"
	case tls.VersionTLS11:
		return "TLSv1.1"
	case tls.VersionTLS10:
		return "TLSv1"
	}
	return hex(version)
}

// CipherName returns the name of a cipher suite as mail administrators know it,
// that of OpenSSL: "ECDHE-RSA-AES256-GCM-SHA384". Suites of TLS 1.3 have one name
// everywhere: "TLS_AES_128_GCM_SHA256". All suites of crypto/tls are known. An
// unknown one is in hexadecimal, as in "0xc0a8".
func CipherName(suite uint16) string {
	if name, ok := cipherNames[suite]; ok {
		return name
	}
	return hex(suite)
}

func hex(number uint16) string { return fmt.Sprintf("0x%04x", number) }

// cipherNames are from the manual page openssl-ciphers(1).
var cipherNames = map[uint16]string{
	tls.TLS_AES_128_GCM_SHA256:       "TLS_AES_128_GCM_SHA256",
	tls.TLS_AES_256_GCM_SHA384:       "TLS_AES_256_GCM_SHA384",
	tls.TLS_CHACHA20_POLY1305_SHA256: "TLS_CHACHA20_POLY1305_SHA256",

	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256:       "ECDHE-ECDSA-AES128-GCM-SHA256",
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384:       "ECDHE-ECDSA-AES256-GCM-SHA384",
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-ECDSA-CHACHA20-POLY1305",
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256:       "ECDHE-ECDSA-AES128-SHA256",
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA:          "ECDHE-ECDSA-AES128-SHA",
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA:          "ECDHE-ECDSA-AES256-SHA",
	tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA:              "ECDHE-ECDSA-RC4-SHA",

	tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:       "ECDHE-RSA-AES128-GCM-SHA256",
	tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384:       "ECDHE-RSA-AES256-GCM-SHA384",
	tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-RSA-CHACHA20-POLY1305",
	tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256:       "ECDHE-RSA-AES128-SHA256",
	tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA:          "ECDHE-RSA-AES128-SHA",
	tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA:          "ECDHE-RSA-AES256-SHA",
	tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA:         "ECDHE-RSA-DES-CBC3-SHA",
	tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA:              "ECDHE-RSA-RC4-SHA",

	tls.TLS_RSA_WITH_AES_128_GCM_SHA256: "AES128-GCM-SHA256",
	tls.TLS_RSA_WITH_AES_256_GCM_SHA384: "AES256-GCM-SHA384",
	tls.TLS_RSA_WITH_AES_128_CBC_SHA256: "AES128-SHA256",
	tls.TLS_RSA_WITH_AES_128_CBC_SHA:    "AES128-SHA",
	tls.TLS_RSA_WITH_AES_256_CBC_SHA:    "AES256-SHA",
	tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA:   "DES-CBC3-SHA",
	tls.TLS_RSA_WITH_RC4_128_SHA:        "RC4-SHA",
}
