package tlsa_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/tlsa"
)

func TestRecordTravelsThroughJSON(t *testing.T) {
	in := []tlsa.Record{{Usage: 3, Selector: 1, Matching: 1, Data: []byte{0xab}}, {Usage: 255, Data: []byte{}}}
	text, err := json.Marshal(in)
	if err != nil || string(text) != `["3 1 1 ab","255 0 0"]` {
		t.Fatalf("%s, %v", text, err)
	}
	var out []tlsa.Record
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, out); diff != "" {
		t.Error(diff)
	}
	kept := in[0]
	if err := kept.UnmarshalText([]byte("3 1")); err == nil || !kept.Equal(in[0]) {
		t.Errorf("after %v the record is %v", err, kept)
	}
}

// TestAcronyms has RFC 7218 §2.
func TestAcronyms(t *testing.T) {
	got := []string{
		tlsa.PKIXTA.String(), tlsa.PKIXEE.String(), tlsa.DANETA.String(), tlsa.DANEEE.String(), tlsa.Usage(4).String(), tlsa.Usage(255).String(),
		tlsa.Cert.String(), tlsa.SPKI.String(), tlsa.Selector(2).String(),
		tlsa.Full.String(), tlsa.SHA256.String(), tlsa.SHA512.String(), tlsa.Matching(3).String(),
		tlsa.SMTP.String(), tlsa.PKIX.String(),
	}
	want := []string{
		"PKIX-TA", "PKIX-EE", "DANE-TA", "DANE-EE", "4", "PrivCert",
		"Cert", "SPKI", "2",
		"Full", "SHA2-256", "SHA2-512", "3",
		"SMTP", "PKIX",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
