package validate

import (
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// A record that covers its own hash, or one beside it, is made by a server that has no chain.
func TestNarrow(t *testing.T) {
	t.Parallel()
	zeros := strings.Repeat("0", 30)
	for _, tt := range []struct {
		name, owner, next string
		want              bool
	}{
		{"the next hash", zeros + "00", zeros + "01", true},
		{"the one after it", zeros + "0v", zeros + "11", true},
		{"one hash between them and another one", zeros + "00", zeros + "03", false},
		{"the single record of a chain", zeros + "00", zeros + "00", false},
		{"back to the first, which is beside the last", strings.Repeat("v", 32), zeros + "00", true},
		{"back to the one after the first", strings.Repeat("v", 32), zeros + "02", false},
		{"the hash before", zeros + "01", zeros + "00", false},
		{"upper case", zeros + "0V", zeros + "10", true},
		{"a hash that is too short", zeros + "00", zeros, true},
		{"no hash", zeros + "00", "", true},
		{"an owner that is no hash", "mail", zeros + "09", true},
		{"an owner that is no base32", zeros + "0z", zeros + "09", true},
	} {
		owner, err := canonical.ParseName(tt.owner + ".example.")
		if err != nil {
			t.Fatal(err)
		}
		if got := narrow(owner, tt.next); got != tt.want {
			t.Errorf("%s: %t", tt.name, got)
		}
	}
	if !narrow(canonical.Root, zeros+"09") {
		t.Error("the root is a hash")
	}
}
