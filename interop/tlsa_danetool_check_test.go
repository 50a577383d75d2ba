//go:build interop

package interop

import (
	"errors"
	"os/exec"
	"testing"
)

// checkedHosts are those that danetool is asked about: mail.NAME.signed. Where it
// differs, there is the reason.
var checkedHosts = map[string]string{
	"ee-key": "", "ee-cert": "", "ee-key-512": "", "ee-full": "", "ee-full-key": "",
	"ta-key": "", "ta-cert": "", "ta-full": "", "ta-full-key": "", "ta-cn": "",
	"mismatch": "", "mismatch-ta": "", "rollover": "", "mixed": "", "digest": "", "nxdomain": "",
	"tlsa-bogus": "", "tlsa-alias": "", "tlsa-wildcard": "", "a-bogus": "",
	"ee-expired": "", "ee-name": "", "ta-expired": "", "ta-alone": "", "self": "", "self-ta": "",
	"breaks": "", "down": "",

	"agility": "danetool takes any record that matches, not those with the strongest digest (RFC 7671 §9)",
	"pkix":    "for danetool usages 0 and 1 are usable, which they are not for SMTP (RFC 7672 §3.1.3)",
	"ta-name": "danetool does not look at names (RFC 7672 §3.2.2)",
}

// testDanetool has GnuTLS look up the records of a sample of the hosts, and match their
// certificates: it accepts those that the table has for authenticated.
func (w *world) testDanetool(t *testing.T) {
	for _, s := range scenarios {
		why, checked := checkedHosts[s.name]
		if !checked {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			output, err := w.command("danetool", "--local-dns", "--check", "mail."+s.name+".signed",
				"--starttls-proto", "smtp", "--port", "25", "--proto", "tcp")
			if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
				t.Fatal(err)
			}
			accepts, want := err == nil, s.want[0] == authenticated
			if different := accepts != want; different != (why != "") {
				t.Errorf("%s: danetool accepts it: %t; %s, difference: %q\n%s", s.why, accepts, s.want[0], why, output)
			}
		})
	}
}
