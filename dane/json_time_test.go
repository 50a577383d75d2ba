package dane_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// A server may present a certificate with times that RFC 3339 has no form for: in a zone that is a day away, or in
// years that have more digits than four where the day is another one. The result is written all the same.
func TestOddTimesInJSON(t *testing.T) {
	t.Parallel()
	for end, want := range map[string]string{
		"20600101000000Z":     "2060-01-01T00:00:00Z",
		"20600101000000+2400": "2059-12-31T00:00:00Z",
		"20600101000000-0130": "2060-01-01T01:30:00Z",
		"99991231235959-2400": "9999-12-31T23:59:59Z",
		"00000101000000+0100": "0000-01-01T00:00:00Z",
	} {
		leaf := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{"mail.a.example"}})
		internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{
			Name: "mail", TLSA: []string{leaf.Record(tlsa.SPKI, tlsa.SHA256).String()},
			Server: func(s *smtptest.Server) { s.Certificates = []tls.Certificate{leaf.TLSWith(ending(t, leaf.Leaf, end))} },
		}}})
		result, err := internet.Checker().Verify(t.Context(), "a.example")
		if err != nil || result.Outcome != dane.OutcomeSuccess {
			t.Fatalf("%s: %v", end, err)
		}
		text, err := result.MarshalJSON()
		if err != nil || !strings.Contains(string(text), `"not_after":"`+want+`"`) {
			t.Errorf("%s: %v, and %q is not there", end, err, want)
			continue
		}
		if read, _ := again(t, result); len(read.Hosts[0].Attempts[0].Chain()) != 2 {
			t.Errorf("%s: it is not read back", end)
		}
	}
}

// ending returns a certificate with another end, as it is written there. Its signature is of no use.
func ending(t *testing.T, cert *x509.Certificate, end string) *x509.Certificate {
	t.Helper()
	var whole, tbs, validity []asn1.RawValue
	const place = 4 // of the validity (RFC 5280 §4.1)
	marshal := func(parts []asn1.RawValue) asn1.RawValue {
		text, err := asn1.Marshal(parts)
		if err != nil {
			t.Fatal(err)
		}
		return asn1.RawValue{FullBytes: text}
	}
	for _, part := range []struct {
		into *[]asn1.RawValue
		from func() []byte
	}{
		{&whole, func() []byte { return cert.Raw }},
		{&tbs, func() []byte { return whole[0].FullBytes }},
		{&validity, func() []byte { return tbs[place].FullBytes }},
	} {
		if _, err := asn1.Unmarshal(part.from(), part.into); err != nil {
			t.Fatal(err)
		}
	}
	validity[1] = asn1.RawValue{FullBytes: slices.Concat([]byte{asn1.TagGeneralizedTime, byte(len(end))}, []byte(end))}
	tbs[place] = marshal(validity)
	whole[0] = marshal(tbs)
	made, err := x509.ParseCertificate(marshal(whole).FullBytes)
	if err != nil {
		t.Fatal(err)
	}
	return made
}
