//go:build interop

package interop

// A difference is another treatment than that of the table, with its reason.
type difference struct {
	treatment treatment
	why       string
}

const (
	firstHost  = "it stops at the first host that takes the connection, and does not try the next (RFC 5321 §5.1)"
	insecureMX = "for posttls-finger an insecure MX record is no failure where DANE is mandatory; for smtp(8) it is (RFC 7672 §6)"
	reference  = "behind an insecure MX record Postfix takes the domain for a reference identifier; only the TLSA base domain is one (RFC 7672 §3.2.2)"
	serial     = "Go refuses the certificate and ends the handshake (RFC 5280 §4.1.2.2); for DANE-EE its key is enough (RFC 7672 §3.1.1)"
	encryptMX  = "the policy to encrypt for TLSA records behind an insecure MX record; we have none, nor need one (RFC 7672 §2.2.1)"
	oldTLS     = "posttls-finger was not seen to complete TLS 1.0 here; smtp(8) does, since what follows is clear text (RFC 7435 §3)"
	secondTry  = "smtp(8) sends in clear not at once, but when the message has waited (minimal_backoff_time); DANE does not apply (RFC 7672 §2.2)"
)

// The differences that are known, by who is different, and then by scenario, or by
// scenario and level. Any other fails the test, and so does one that is no more.
var differences = map[string]map[string]difference{
	"posttls-finger": {
		"first-mismatch":            {refused, firstHost},
		"first-mismatch-none":       {refused, firstHost},
		"first-clear":               {refused, firstHost},
		"first-none@dane-only":      {refused, firstHost},
		"mx-plain@dane-only":        {authenticated, insecureMX},
		"mx-plain-ta@dane-only":     {authenticated, insecureMX},
		"mx-plain-ta@dane-mx":       {authenticated, reference},
		"mx-plain-bogus@encrypt-mx": {refused, encryptMX},
		"mx-plain-clear@encrypt-mx": {refused, encryptMX},
		"ee-serial":                 {authenticated, serial},
		"tls10-none":                {cleartext, oldTLS},
	},
	"smtp": {
		"mx-plain-ta@dane-mx":       {authenticated, reference},
		"mx-plain-bogus@encrypt-mx": {refused, encryptMX},
		"mx-plain-clear@encrypt-mx": {refused, encryptMX},
		"ee-serial":                 {authenticated, serial},
		"breaks-none":               {refused, secondTry},
	},
}
