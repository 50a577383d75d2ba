package tlsa_test

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// FuzzParse: what parses survives the way through text and wire form.
func FuzzParse(f *testing.F) {
	f.Add("3 1 1 8cb0fc6c527506a053f4f14c8464bebbd6dede2738d11468dd953d7d6a3021f1")
	f.Add("DANE-TA Cert SHA2-512 ab CD\t12")
	f.Add("255 255 255")
	f.Add("PrivCert PrivSel PrivMatch 00")
	f.Add("mx 1h IN TLSA ( 03 01 01 ab ; half\n cd )\n")
	f.Add("mx CLASS1 TYPE52 \\# 5 030101ab cd")
	f.Add("3 1 1 ab\ncd")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := tlsa.Parse(text)
		if err != nil {
			reasonOf(t, err)
			return
		}
		again, err := tlsa.Parse(r.String())
		if err != nil || !again.Equal(r) {
			t.Errorf("%q becomes %v, %v", text, again, err)
		}
		wire, err := tlsa.ParseRData(r.AppendRData(nil))
		if err != nil || !wire.Equal(r) {
			t.Errorf("%q becomes %v on the wire, %v", text, wire, err)
		}
	})
}

// FuzzParseRData: the wire form and the text are inverted, and whether a record is
// usable can be asked of anything.
func FuzzParseRData(f *testing.F) {
	w := newWorld()
	f.Add([]byte{3, 1, 1})
	f.Add(w.server.Record(tlsa.SPKI, tlsa.SHA256).AppendRData(nil))
	f.Add(w.server.Record(tlsa.Cert, tlsa.Full).AppendRData(nil))
	f.Add(w.root.Record(tlsa.SPKI, tlsa.Full).AppendRData(nil))
	f.Add([]byte{2, 1, 0, 0x30, 0x80, 0x30, 0, 3, 0, 0, 0})
	f.Fuzz(func(t *testing.T, rdata []byte) {
		r, err := tlsa.ParseRData(rdata)
		if err != nil {
			reasonOf(t, err)
			return
		}
		if !bytes.Equal(r.AppendRData(nil), rdata) {
			t.Errorf("%x does not survive", rdata)
		}
		text, err := tlsa.Parse(r.String())
		if err != nil || !text.Equal(r) {
			t.Errorf("%x becomes %v as text, %v", rdata, text, err)
		}
		for _, line := range []string{
			"_25._tcp.mx.example.org. 3600 IN TLSA " + r.String(),
			fmt.Sprintf("\tTYPE52 \\# %d %X ; comment", len(rdata), rdata),
			fmt.Sprintf("mx TLSA (%d\t%d\n%d\n%X ; comment\n)", r.Usage, r.Selector, r.Matching, r.Data),
		} {
			if parsed, err := tlsa.Parse(line); err != nil || !parsed.Equal(r) {
				t.Errorf("%q becomes %v, %v", line, parsed, err)
			}
		}
		smtp, pkix := r.Usable(tlsa.SMTP), r.Usable(tlsa.PKIX)
		if smtp == nil && pkix != nil {
			t.Errorf("%v is usable for SMTP, and not for PKIX: %v", r, pkix)
		}
		// What Go can read is of the right shape.
		if r.Matching == tlsa.Full && r.Usage <= tlsa.DANEEE && pkix != nil {
			if _, err := x509.ParseCertificate(r.Data); err == nil && r.Selector == tlsa.Cert {
				t.Errorf("%v is a certificate, but: %v", r, pkix)
			}
			if _, err := x509.ParsePKIXPublicKey(r.Data); err == nil && r.Selector == tlsa.SPKI {
				t.Errorf("%v is a key, but: %v", r, pkix)
			}
		}
	})
}

// FuzzVerify presents certificates chosen by the input to records chosen by it, and
// states the rules again in a simpler way: what is accepted is a right record, and
// Judge agrees.
func FuzzVerify(f *testing.F) {
	w := newWorld()
	other := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{mx}, Faults: tlsatest.NegativeSerial})
	wrong := w.root.Issue(tlsatest.Leaf{Names: []string{mx}, Faults: tlsatest.WrongName})
	expired := w.root.NewCA(tlsatest.Authority{Name: "Expired", Faults: tlsatest.Expired})
	late := expired.Issue(tlsatest.Leaf{Names: []string{mx}}).Leaf
	pool := certificates(w.server.Leaf, w.intermediate.Certificate, w.root.Certificate, w.stranger.Certificate,
		other.Leaf, wrong.Leaf, expired.Certificate, late, nil, new(x509.Certificate))
	f.Add([]byte{0, 1, 2}, []byte{3, 1, 1, 0}, []byte(nil))
	f.Add([]byte{0, 1, 2}, []byte{2, 1, 1, 2, 2, 0, 0, 3}, []byte(nil))
	f.Add([]byte{0}, []byte{2, 1, 0, 1}, []byte(nil))
	f.Add([]byte{8, 0}, []byte{3, 1, 1, 0}, []byte(nil)) // a chain that begins with nil
	f.Add([]byte{5, 2}, []byte{2, 1, 1, 2, 1, 0, 1, 5}, []byte(nil))
	f.Add([]byte{7, 6, 2}, []byte{2, 1, 1, 2, 3, 1, 2, 0}, []byte{2, 0, 0, 0x30, 0})
	f.Add([]byte{7}, []byte{2, 1, 0, 6}, []byte(nil))    // an expired CA's key alone
	f.Add([]byte{7, 6}, []byte{2, 1, 0, 6}, []byte(nil)) // and with its certificate
	f.Fuzz(func(t *testing.T, presented, chosen, rdata []byte) {
		var chain []*x509.Certificate
		for _, i := range presented[:min(len(presented), 8)] {
			chain = append(chain, pool[int(i)%len(pool)])
		}
		v := tlsa.Verifier{Names: []string{mx}, Time: atNoon}
		for ; len(chosen) >= 4 && len(v.Records) < 8; chosen = chosen[4:] {
			r, err := tlsa.New(tlsa.Usage(chosen[0]), tlsa.Selector(chosen[1]), tlsa.Matching(chosen[2]), pool[int(chosen[3])%len(pool)])
			if err == nil {
				v.Records = append(v.Records, r)
			}
		}
		if r, err := tlsa.ParseRData(rdata); err == nil {
			v.Records = append(v.Records, r)
		}
		match, err := v.Verify(chain)
		if satisfied := anySatisfied(v.Judge(chain)); satisfied != (err == nil) {
			t.Fatalf("Judge finds a satisfied record: %t, Verify says %v", satisfied, err)
		}
		report := v.Check(chain)
		if err == nil && !anySatisfied(report.Verdicts) {
			t.Fatalf("Check finds no satisfied record: %v", report)
		}
		for _, f := range report.Findings {
			if f.Record >= len(v.Records) || f.Certificate >= len(chain) || strings.Contains(f.String(), "unknown") {
				t.Errorf("%+v: %v", f, f)
			}
		}
		if err != nil {
			reasonOf(t, err)
			if len(err.Error()) > 2000 {
				t.Errorf("a text of %d octets", len(err.Error()))
			}
			return
		}
		r := v.Records[match.Index]
		if !r.Equal(match.Record) || r.Usable(tlsa.SMTP) != nil {
			t.Errorf("matched by %v, which is not usable or another", match.Record)
		}
		switch r.Usage {
		case tlsa.DANEEE:
			if match.Depth != 0 || match.Name != "" || !record(3, r.Selector, r.Matching, chain[0]).Equal(r) {
				t.Errorf("%+v", match)
			}
		case tlsa.DANETA:
			is := func(ca *tlsatest.CA) bool { return ca.Record(r.Selector, r.Matching).Equal(r) }
			good := chain[0] == w.server.Leaf && (is(w.intermediate) || is(w.root))
			// An anchor that another CA has signed counts without its dates.
			old := chain[0] == late && is(expired)
			if match.Name != mx || !good && !old {
				t.Errorf("%+v", match)
			}
		}
	})
}

// FuzzVerifyDER presents certificates that are not of our making.
func FuzzVerifyDER(f *testing.F) {
	w := newWorld()
	f.Add(w.server.Leaf.Raw, w.intermediate.Certificate.Raw, []byte{2, 1, 1})
	f.Add(w.intermediate.Certificate.Raw, w.root.Certificate.Raw, []byte{3, 1, 1})
	f.Fuzz(func(t *testing.T, leaf, issuer, rdata []byte) {
		var chain []*x509.Certificate
		for _, der := range [][]byte{leaf, issuer} {
			if certificate, err := x509.ParseCertificate(der); err == nil {
				chain = append(chain, certificate)
			}
		}
		if len(chain) == 0 {
			return
		}
		v := tlsa.Verifier{Names: []string{mx}, Time: atNoon, Records: records(
			w.root.Record(tlsa.SPKI, tlsa.Full), w.root.Record(tlsa.Cert, tlsa.Full),
			record(tlsa.DANETA, tlsa.Cert, tlsa.SHA256, chain[len(chain)-1]),
		)}
		if r, err := tlsa.ParseRData(rdata); err == nil {
			v.Records = append(v.Records, r)
		}
		if _, err := v.Verify(chain); err != nil {
			reasonOf(t, err)
		}
	})
}
