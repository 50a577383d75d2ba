package tlsa_test

import (
	"testing"

	"github.com/danesmtp/danesmtp/tlsa"
)

func TestDigestAgility(t *testing.T) {
	t.Parallel()
	w := newWorld()
	chain := w.server.Chain()
	sha256 := w.server.Record(tlsa.SPKI, tlsa.SHA256)
	sha512 := w.server.Record(tlsa.SPKI, tlsa.SHA512)
	run(t, []verifyCase{
		{
			name: "SHA-512 mismatch, SHA-256 match", rfc: "RFC 7671 §9",
			chain: chain, records: records(sha256, damaged(sha512)), want: tlsa.ReasonMismatch,
		},
		{
			name: "SHA-512 match, SHA-256 mismatch", rfc: "RFC 7671 §9",
			chain: chain, records: records(damaged(sha256), sha512), record: 1,
		},
		{
			name: "two SHA-512, of which one matches", rfc: "RFC 7671 §9",
			chain: chain, records: records(damaged(sha512), sha512), record: 1,
		},
		{
			name: "full data is not suppressed", rfc: "RFC 7671 §9",
			chain: chain, records: records(damaged(sha512), w.server.Record(tlsa.SPKI, tlsa.Full)), record: 1,
		},
		{
			name: "full data does not suppress", rfc: "RFC 7671 §9",
			chain: chain, records: records(record(tlsa.DANEEE, tlsa.SPKI, tlsa.Full, w.root.Certificate), sha256), record: 1,
		},
		{
			name: "a short SHA-512 digest is dropped first", rfc: "RFC 7671 §9",
			chain: chain, records: records(tlsa.Record{3, 1, 2, sha512.Data[:63]}, sha256), record: 1,
		},
		{
			name: "a SHA-512 digest of nothing is as strong as another", rfc: "RFC 7671 §9", chain: chain,
			records: records(tlsa.Record{3, 1, 2, mustParse(emptySHA512).Data}, sha256), want: tlsa.ReasonMismatch,
		},
		{
			name: "another selector is not suppressed", rfc: "RFC 7671 §9",
			chain: chain, records: records(damaged(w.server.Record(tlsa.Cert, tlsa.SHA512)), sha256), record: 1,
		},
		{
			name: "another usage is not suppressed", rfc: "RFC 7671 §9",
			chain: chain, records: records(w.stranger.Record(tlsa.SPKI, tlsa.SHA512), sha256), record: 1,
		},
		{
			name: "the same holds for trust anchors", rfc: "RFC 7671 §9", chain: chain, want: tlsa.ReasonMismatch,
			records: records(w.root.Record(tlsa.SPKI, tlsa.SHA256), w.stranger.Record(tlsa.SPKI, tlsa.SHA512)),
		},
		{
			name: "the order can prefer SHA-256", rfc: "RFC 7671 §9", order: []tlsa.Matching{tlsa.SHA256, tlsa.SHA512},
			chain: chain, records: records(damaged(sha512), sha256), record: 1,
		},
		{
			name: "full data in the order changes nothing", rfc: "RFC 7671 §9", order: []tlsa.Matching{tlsa.Full, tlsa.SHA256},
			chain: chain, records: records(sha256, record(tlsa.DANEEE, tlsa.SPKI, tlsa.Full, w.root.Certificate)),
		},
		{
			name: "what the order names comes first", rfc: "RFC 7671 §9", order: []tlsa.Matching{tlsa.SHA256},
			chain: chain, records: records(sha512, damaged(sha256)), want: tlsa.ReasonMismatch,
		},
		{
			name: "what the order does not name still counts", rfc: "RFC 7671 §9", order: []tlsa.Matching{tlsa.SHA256},
			chain: chain, records: records(sha512),
		},
	})
}
