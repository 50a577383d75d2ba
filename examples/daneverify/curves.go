package main

import (
	"crypto/tls"
	"fmt"
	"strings"
)

// curveNames are those that -curves takes, in lower case: of IANA, and of NIST.
var curveNames = map[string]tls.CurveID{
	"x25519mlkem768": tls.X25519MLKEM768,
	"x25519":         tls.X25519,
	"secp256r1":      tls.CurveP256,
	"p-256":          tls.CurveP256,
	"secp384r1":      tls.CurveP384,
	"p-384":          tls.CurveP384,
	"secp521r1":      tls.CurveP521,
	"p-521":          tls.CurveP521,
}

// parseCurves reads the list of -curves.
func parseCurves(list string) (ids []tls.CurveID, err error) {
	for name := range strings.SplitSeq(list, ",") {
		id, known := curveNames[strings.ToLower(strings.TrimSpace(name))]
		if !known {
			return nil, fmt.Errorf("%q: want X25519MLKEM768, X25519, P-256, P-384 or P-521", name)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// tlsConfig is what handshakes start from; nil if no flag is about it.
func (o *options) tlsConfig() *tls.Config {
	if o.curves == nil {
		return nil
	}
	return &tls.Config{CurvePreferences: o.curves}
}
