package diagnosis

import (
	"encoding/hex"
	"testing"
)

// The table has digests, each once, and finds each intermediate by its key and by each of its
// certificates.
func TestIssuers(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for at := range issuers {
		i := &issuers[at]
		if len(i.series()) < 2 && i.organization == "Let's Encrypt" {
			t.Errorf("%s is alone", i)
		}
		if found := issuerOf(i.record()); found != i {
			t.Errorf("%s is found as %v", i, found)
		}
		for _, digest := range append([]string{i.key}, i.certificates...) {
			if data, err := hex.DecodeString(digest); err != nil || len(data) != 32 || seen[digest] {
				t.Errorf("%s: %q is no digest, or there twice: %v", i, digest, err)
			}
			seen[digest] = true
		}
		for _, digest := range i.certificates {
			r := i.record()
			r.Selector = 0
			r.Data, _ = hex.DecodeString(digest)
			if found := issuerOf(r); found != i {
				t.Errorf("certificate %s of %s is found as %v", digest, i, found)
			}
			if r.Usage = 3; issuerOf(r) != nil {
				t.Error("a record of a server's own certificate is found to be of a CA")
			}
		}
	}
}
