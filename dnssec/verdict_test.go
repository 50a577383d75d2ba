package dnssec

import (
	"reflect"
	"testing"

	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
)

// The judge's statuses, in their order, are those that users see. What is neither is a failure.
func TestStatusOfAVerdict(t *testing.T) {
	t.Parallel()
	for status, want := range map[validate.Status]string{
		validate.Indeterminate: "indeterminate", validate.Bogus: "bogus",
		validate.Insecure: "insecure", validate.Secure: "secure",
		validate.Secure + 1: "indeterminate", 255: "indeterminate",
	} {
		if got := statusOf(status).String(); got != want {
			t.Errorf("%d is %s, want %s", status, got, want)
		}
		for other := range validate.Secure {
			if status <= validate.Secure && status < other != (statusOf(status) < statusOf(other)) {
				t.Errorf("%s and %s are in another order", statusOf(status), statusOf(other))
			}
		}
	}
}

// The judge's codes have the numbers and the texts of the registry, as users see them.
func TestCodeOfAVerdict(t *testing.T) {
	t.Parallel()
	for code, want := range map[validate.Code]struct {
		code EDE
		text string
	}{
		validate.CodeOther:                 {EDEOther, "Other"},
		validate.CodeUnsupportedAlgorithm:  {EDEUnsupportedAlgorithm, "Unsupported DNSKEY Algorithm"},
		validate.CodeUnsupportedDigest:     {EDEUnsupportedDigest, "Unsupported DS Digest Type"},
		validate.CodeIndeterminate:         {EDEIndeterminate, "DNSSEC Indeterminate"},
		validate.CodeBogus:                 {EDEBogus, "DNSSEC Bogus"},
		validate.CodeSignatureExpired:      {EDESignatureExpired, "Signature Expired"},
		validate.CodeSignatureNotYetValid:  {EDESignatureNotYetValid, "Signature Not Yet Valid"},
		validate.CodeDNSKEYMissing:         {EDEDNSKEYMissing, "DNSKEY Missing"},
		validate.CodeRRSIGsMissing:         {EDERRSIGsMissing, "RRSIGs Missing"},
		validate.CodeNoZoneKeyBitSet:       {EDENoZoneKeyBitSet, "No Zone Key Bit Set"},
		validate.CodeNSECMissing:           {EDENSECMissing, "NSEC Missing"},
		validate.CodeNoReachableAuthority:  {EDENoReachableAuthority, "No Reachable Authority"},
		validate.CodeNetworkError:          {EDENetworkError, "Network Error"},
		validate.CodeNSEC3IterationsTooBig: {EDENSEC3IterationsTooBig, "Unsupported NSEC3 Iterations Value"},
		4711:                               {4711, "EDE 4711"},
	} {
		if got := reasonOf(&validate.Reason{Code: code}).Code; got != want.code || got.String() != want.text {
			t.Errorf("%d is %d, %s", code, got, got)
		}
	}
}

// No field of a reason is lost.
func TestReasonOfAVerdict(t *testing.T) {
	t.Parallel()
	given := validate.Reason{Code: validate.CodeBogus, Zone: "zone.", Name: "name.zone.", Type: 1, KeyTag: 2, Text: "text"}
	want := Reason{Code: EDEBogus, Zone: "zone.", Name: "name.zone.", Type: 1, KeyTag: 2, Text: "text"}
	if got := reasonOf(&given); got != want {
		t.Errorf("%+v", got)
	}
	all := reflect.ValueOf(want)
	for i := range all.NumField() {
		if all.Field(i).IsZero() {
			t.Errorf("%s is not tested", all.Type().Field(i).Name)
		}
	}
	const shown = 2 // Sig, as Link.Refused, and Err, as Error.Err
	if fields := reflect.TypeFor[validate.Reason]().NumField() - shown; fields != all.NumField() {
		t.Errorf("the judge's reasons have %d fields, those of users %d", fields, all.NumField())
	}
}
