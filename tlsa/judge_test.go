package tlsa_test

import (
	"testing"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

func TestJudgeSaysOfEachRecordWhy(t *testing.T) {
	t.Parallel()
	w := newWorld()
	expired := tlsatest.NewCA(tlsatest.Authority{Name: "Expired", Time: noon, Faults: tlsatest.Expired, CrossSignedOf: w.intermediate})
	chain := append(w.server.Chain(), expired.Certificate, w.stranger.Certificate)
	cases := []struct {
		name   string
		record tlsa.Record
		want   tlsa.Reason
		depth  int
	}{
		{"unusable", record(tlsa.PKIXEE, tlsa.SPKI, tlsa.SHA256, w.server.Leaf), tlsa.ReasonUnusable, 0},
		{"the server's key", w.server.Record(tlsa.SPKI, tlsa.SHA256), 0, 0},
		{"another key", damaged(w.server.Record(tlsa.SPKI, tlsa.SHA256)), tlsa.ReasonMismatch, 0},
		{"SHA-256 beside SHA-512", w.server.Record(tlsa.Cert, tlsa.SHA256), tlsa.ReasonWeakerDigest, 0},
		{"SHA-512", w.server.Record(tlsa.Cert, tlsa.SHA512), 0, 0},
		{"the root", w.root.Record(tlsa.SPKI, tlsa.SHA256), 0, 2},
		{"the intermediate", w.intermediate.Record(tlsa.Cert, tlsa.SHA256), 0, 1},
		{"an expired anchor", expired.Record(tlsa.Cert, tlsa.SHA256), tlsa.ReasonExpired, 0},
		{"a stranger", w.stranger.Record(tlsa.SPKI, tlsa.SHA256), tlsa.ReasonNoPath, 0},
	}
	v := tlsa.Verifier{Names: []string{mx}, Time: atNoon}
	for _, c := range cases {
		v.Records = append(v.Records, c.record)
	}
	verdicts := v.Judge(chain)
	if len(verdicts) != len(cases) {
		t.Fatalf("%d verdicts", len(verdicts))
	}
	for i, c := range cases {
		got := verdicts[i]
		if reason := reasonOf(t, got.Err); reason != c.want || !got.Record.Equal(c.record) {
			t.Errorf("%s: %v, want %v", c.name, got.Err, c.want)
		}
		if got.Err == nil && (got.Match.Index != i || got.Match.Depth != c.depth || !got.Match.Record.Equal(c.record)) {
			t.Errorf("%s: %+v", c.name, got.Match)
		}
	}
	if verdicts := new(tlsa.Verifier).Judge(chain); len(verdicts) != 0 {
		t.Errorf("verdicts about no records: %v", verdicts)
	}
}
