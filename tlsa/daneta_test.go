package tlsa_test

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

func TestDANETA(t *testing.T) {
	t.Parallel()
	w := newWorld()
	leaf, intermediate, root := w.server.Leaf, w.intermediate.Certificate, w.root.Certificate
	stranger := w.stranger.Certificate
	selfSigned := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{mx}, Time: noon})
	cross := w.stranger.NewCA(tlsatest.Authority{CrossSignedOf: w.intermediate})
	longer := w.root.NewCA(tlsatest.Authority{Name: "Longer"})
	long := longer.NewCA(tlsatest.Authority{CrossSignedOf: w.intermediate})
	run(t, []verifyCase{
		{
			name: "the root, at the end of the chain", rfc: "RFC 7672 §3.1.2",
			chain: certificates(leaf, intermediate, root), records: records(w.root.Record(tlsa.Cert, tlsa.SHA256)), depth: 2,
		},
		{
			name: "an intermediate, with the root behind it", rfc: "RFC 7671 §5.2.1",
			chain: certificates(leaf, intermediate, root), records: records(w.intermediate.Record(tlsa.SPKI, tlsa.SHA256)), depth: 1,
		},
		{
			name: "an intermediate, without the root", rfc: "RFC 7671 §5.2.1",
			chain: certificates(leaf, intermediate), records: records(w.intermediate.Record(tlsa.Cert, tlsa.SHA512)), depth: 1,
		},
		{
			name: "the nearest of two anchors", rfc: "RFC 7672 §3.1.2",
			chain:   certificates(leaf, intermediate, root),
			records: records(w.root.Record(tlsa.SPKI, tlsa.SHA256), w.intermediate.Record(tlsa.SPKI, tlsa.SHA256)), record: 1, depth: 1,
		},
		{
			name: "any order of the chain", rfc: "RFC 7672 §3.1.2",
			chain: certificates(leaf, root, intermediate), records: records(w.root.Record(tlsa.SPKI, tlsa.SHA256)), depth: 2,
		},
		{
			name: "extras, duplicates and nil in the chain", rfc: "RFC 7672 §3.1.2",
			chain:   certificates(leaf, stranger, leaf, nil, root, root, &x509.Certificate{}, intermediate, stranger, intermediate),
			records: records(w.root.Record(tlsa.SPKI, tlsa.SHA256)), depth: 2,
		},
		{
			name: "a cross-signed intermediate, by its key", rfc: "RFC 7671 §5.2.1",
			chain: certificates(leaf, cross.Certificate), records: records(w.intermediate.Record(tlsa.SPKI, tlsa.SHA256)), depth: 1,
		},
		{
			name: "a cross-signed intermediate, up to the other root", rfc: "RFC 7671 §5.2.1",
			chain:   certificates(leaf, intermediate, cross.Certificate, stranger),
			records: records(w.stranger.Record(tlsa.SPKI, tlsa.SHA256)), depth: 2,
		},
		{
			name: "the shortest of two paths, although the longer is presented first", rfc: "RFC 7672 §3.1.2",
			chain:   append(certificates(leaf, long.Certificate, longer.Certificate, root), cross.Certificate, stranger),
			records: records(w.root.Record(tlsa.SPKI, tlsa.SHA256), w.stranger.Record(tlsa.SPKI, tlsa.SHA256)), record: 1, depth: 2,
		},
		{
			name: "a digest, and the anchor is absent", rfc: "RFC 7672 §3.1.2",
			chain: certificates(leaf, intermediate), records: records(w.root.Record(tlsa.Cert, tlsa.SHA256)), want: tlsa.ReasonMismatch,
		},
		{
			name: "a digest, the anchor is absent and a CA of the system", rfc: "RFC 7672 §3.1.2", roots: w.root.Pool(),
			chain: certificates(leaf, intermediate), records: records(w.root.Record(tlsa.Cert, tlsa.SHA256)), want: tlsa.ReasonMismatch,
		},
		{
			name: "an anchor in the chain that has issued nothing in it", rfc: "RFC 7672 §3.1.2",
			chain:   certificates(leaf, intermediate, root, stranger),
			records: records(w.stranger.Record(tlsa.SPKI, tlsa.SHA256)), want: tlsa.ReasonNoPath,
		},
		{
			name: "an intermediate is missing", rfc: "RFC 7672 §3.1.2",
			chain: certificates(leaf, root), records: records(w.root.Record(tlsa.SPKI, tlsa.SHA256)), want: tlsa.ReasonNoPath,
		},
		{
			name: "the server's own certificate is no anchor", rfc: "RFC 6698 §2.1.1", want: tlsa.ReasonMismatch,
			chain:   selfSigned.Chain(),
			records: records(record(tlsa.DANETA, tlsa.SPKI, tlsa.SHA256, selfSigned.Leaf)),
		},
		{
			name: "nor is it if it is presented twice", rfc: "RFC 6698 §2.1.1", want: tlsa.ReasonMismatch,
			chain:   certificates(selfSigned.Leaf, selfSigned.Leaf),
			records: records(record(tlsa.DANETA, tlsa.Cert, tlsa.SHA256, selfSigned.Leaf)),
		},
		{
			name: "nor is it in full", rfc: "RFC 6698 §2.1.1", want: tlsa.ReasonMismatch,
			chain:   selfSigned.Chain(),
			records: records(record(tlsa.DANETA, tlsa.Cert, tlsa.Full, selfSigned.Leaf)),
		},
	})
}

func TestAnchorThatTheServerLeavesOut(t *testing.T) {
	t.Parallel()
	w := newWorld()
	leaf, intermediate, root := w.server.Leaf, w.intermediate.Certificate, w.root.Certificate
	direct := w.root.Issue(tlsatest.Leaf{Names: []string{mx}}).Leaf
	negative := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{mx}, Faults: tlsatest.NegativeSerial}).Leaf
	selfSigned := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{mx}, Time: noon}).Leaf
	// CAs with the key of the root: two of another name, and one that is no CA.
	renamed := sameKey(w.root, "Renamed", 0)
	renamedExpired := sameKey(w.root, "Renamed", tlsatest.Expired)
	forbidden := w.stranger.NewCA(tlsatest.Authority{CrossSignedOf: w.root, Faults: tlsatest.NotCA})
	unknownKey := tlsa.Record{2, 1, 0, []byte{0x30, 0x09, 0x30, 0x04, 0x06, 0x02, 0x88, 0x37, 0x03, 0x01, 0x00}}
	expired := tlsatest.NewCA(tlsatest.Authority{Name: "Expired", Time: noon, Faults: tlsatest.Expired})
	run(t, []verifyCase{
		{
			name: "2 0 0 of the root", rfc: "RFC 7671 §5.2.2",
			chain: certificates(leaf, intermediate), records: records(w.root.Record(tlsa.Cert, tlsa.Full)), depth: 2,
		},
		{
			name: "2 0 0 of the intermediate, and the certificate alone", rfc: "RFC 7671 §5.2.2",
			chain: certificates(leaf), records: records(w.intermediate.Record(tlsa.Cert, tlsa.Full)), depth: 1,
		},
		{
			name: "2 0 0 of the root, and the server sends it all the same", rfc: "RFC 7671 §5.2.2",
			chain: certificates(leaf, intermediate, root), records: records(w.root.Record(tlsa.Cert, tlsa.Full)), depth: 2,
		},
		{
			name: "2 0 0 of another CA", rfc: "RFC 7671 §5.2.2", want: tlsa.ReasonNoPath,
			chain: certificates(leaf, intermediate), records: records(w.stranger.Record(tlsa.Cert, tlsa.Full)),
		},
		{
			name: "2 0 0 that has expired", rfc: "RFC 7672 §3.1.2", want: tlsa.ReasonExpired,
			chain:   certificates(expired.Issue(tlsatest.Leaf{Names: []string{mx}}).Leaf),
			records: records(expired.Record(tlsa.Cert, tlsa.Full)),
		},
		{
			name: "2 0 0 that Go cannot read", rfc: "RFC 7672 §2.2", want: tlsa.ReasonParse,
			chain: certificates(leaf), records: records(record(tlsa.DANETA, tlsa.Cert, tlsa.Full, negative)),
		},
		{
			name: "2 1 0 that has signed the server's certificate", rfc: "RFC 7671 §5.2.3",
			chain: certificates(direct), records: records(w.root.Record(tlsa.SPKI, tlsa.Full)), depth: 0,
		},
		{
			name: "2 1 0 that has signed the top of the chain", rfc: "RFC 7671 §5.2.3",
			chain: certificates(leaf, intermediate), records: records(w.root.Record(tlsa.SPKI, tlsa.Full)), depth: 1,
		},
		{
			name: "2 1 0 in the middle: the rest of the chain is not needed", rfc: "RFC 7671 §5.2.3",
			chain: certificates(leaf, root), records: records(w.intermediate.Record(tlsa.SPKI, tlsa.Full)), depth: 0,
		},
		{
			name: "2 1 0 of a certificate in the chain", rfc: "RFC 7671 §5.2.1",
			chain: certificates(leaf, intermediate, root), records: records(w.root.Record(tlsa.SPKI, tlsa.Full)), depth: 2,
		},
		{
			name: "2 1 0 of an expired certificate in the chain: its dates count", rfc: "RFC 7672 §3.1.2", want: tlsa.ReasonExpired,
			chain:   expired.Issue(tlsatest.Leaf{Names: []string{mx}}).Chain(),
			records: records(expired.Record(tlsa.SPKI, tlsa.Full)),
		},
		{
			name: "2 1 0 of an expired certificate that is absent: a key has no dates", rfc: "RFC 7671 §5.2.3",
			chain:   certificates(expired.Issue(tlsatest.Leaf{Names: []string{mx}}).Leaf),
			records: records(expired.Record(tlsa.SPKI, tlsa.Full)),
		},
		{
			name: "2 1 0, and another certificate of the key is presented", rfc: "RFC 7671 §5.2.3",
			chain: certificates(direct, renamed.Certificate), records: records(w.root.Record(tlsa.SPKI, tlsa.Full)), depth: 0,
		},
		{
			name: "2 1 0, and another certificate of the key is presented in a longer chain", rfc: "RFC 7671 §5.2.3",
			chain: certificates(leaf, renamed.Certificate, intermediate), records: records(w.root.Record(tlsa.SPKI, tlsa.Full)), depth: 1,
		},
		{
			name: "2 1 0, and another certificate of the key has expired", rfc: "RFC 7671 §5.2.3",
			chain: certificates(direct, renamedExpired.Certificate), records: records(w.root.Record(tlsa.SPKI, tlsa.Full)), depth: 0,
		},
		{
			name: "2 1 0, and the presented certificate of the name and the key may not sign", rfc: "RFC 5280 §4.2.1.9", want: tlsa.ReasonConstraint,
			chain: certificates(direct, forbidden.Certificate), records: records(w.root.Record(tlsa.SPKI, tlsa.Full)),
		},
		{
			name: "2 1 0 of the key that has signed itself", rfc: "RFC 7671 §5.2.3",
			chain: certificates(selfSigned), records: records(record(tlsa.DANETA, tlsa.SPKI, tlsa.Full, selfSigned)), depth: 0,
		},
		{
			name: "2 1 0 of the key that has signed itself, and the certificate is presented twice", rfc: "RFC 7671 §5.2.3",
			chain: certificates(selfSigned, selfSigned), records: records(record(tlsa.DANETA, tlsa.SPKI, tlsa.Full, selfSigned)), depth: 0,
		},
		{
			name: "2 1 0, and one of two presented certificates of the name and the key may sign", rfc: "RFC 7672 §3.2",
			chain: certificates(direct, forbidden.Certificate, root), records: records(w.root.Record(tlsa.SPKI, tlsa.Full)), depth: 1,
		},
		{
			name: "2 1 0 of another key", rfc: "RFC 7671 §5.2.3", want: tlsa.ReasonNoPath,
			chain: certificates(leaf, intermediate), records: records(w.stranger.Record(tlsa.SPKI, tlsa.Full)),
		},
		{
			name: "2 1 0 still needs the right name", rfc: "RFC 7672 §3.1.2", want: tlsa.ReasonName, names: []string{"other.example.org"},
			chain: certificates(direct), records: records(w.root.Record(tlsa.SPKI, tlsa.Full)),
		},
		{
			name: "2 1 0 still needs a valid certificate", rfc: "RFC 7672 §3.1.2", want: tlsa.ReasonExpired,
			chain:   certificates(w.root.Issue(tlsatest.Leaf{Names: []string{mx}, Faults: tlsatest.Expired}).Leaf),
			records: records(w.root.Record(tlsa.SPKI, tlsa.Full)),
		},
		{
			name: "2 1 0 that Go cannot read", rfc: "RFC 7672 §2.2", want: tlsa.ReasonParse,
			chain: certificates(leaf, intermediate), records: records(unknownKey),
		},
		{
			name: "2 1 0 that Go cannot read, beside one that it can", rfc: "RFC 7672 §3.2",
			chain: certificates(leaf, intermediate), records: records(unknownKey, w.root.Record(tlsa.SPKI, tlsa.Full)), record: 1, depth: 1,
		},
	})
}

// sameKey returns a CA with another name and the key of one that there is.
func sameKey(ca *tlsatest.CA, name string, faults tlsatest.Fault) *tlsatest.CA {
	renamed, subject := *ca, *ca.Certificate
	subject.Subject = pkix.Name{CommonName: name}
	renamed.Certificate = &subject
	return tlsatest.NewCA(tlsatest.Authority{Time: noon, CrossSignedOf: &renamed, Faults: faults})
}

func TestConstraintsOfThePath(t *testing.T) {
	t.Parallel()
	authority := func(a tlsatest.Authority) *tlsatest.CA {
		a.Name, a.Time = "Authority", noon
		return tlsatest.NewCA(a)
	}
	leaf := func(faults tlsatest.Fault) tlsatest.Leaf { return tlsatest.Leaf{Names: []string{mx}, Faults: faults} }
	good := authority(tlsatest.Authority{})
	below := func(faults tlsatest.Fault) *tlsatest.CA {
		return good.NewCA(tlsatest.Authority{Name: "Intermediate", Faults: faults})
	}
	for _, c := range []struct {
		name, rfc string
		anchor    *tlsatest.CA
		server    func(anchor *tlsatest.CA) *tlsatest.Certificate
		want      tlsa.Reason
		depth     int
	}{
		{name: "the certificate has expired", rfc: "RFC 7672 §3.1.2", anchor: good, want: tlsa.ReasonExpired,
			server: func(*tlsatest.CA) *tlsatest.Certificate { return good.Issue(leaf(tlsatest.Expired)) }},
		{name: "the certificate is not valid yet", rfc: "RFC 7672 §3.1.2", anchor: good, want: tlsa.ReasonNotYetValid,
			server: func(*tlsatest.CA) *tlsatest.Certificate { return good.Issue(leaf(tlsatest.NotYetValid)) }},
		{name: "the intermediate has expired", rfc: "RFC 7672 §3.1.2", anchor: good, want: tlsa.ReasonExpired,
			server: func(*tlsatest.CA) *tlsatest.Certificate { return below(tlsatest.Expired).Issue(leaf(0)) }},
		{name: "of two faults the one nearer to the server", rfc: "RFC 7672 §3.1.2", anchor: good, want: tlsa.ReasonExpired,
			server: func(*tlsatest.CA) *tlsatest.Certificate {
				return below(tlsatest.NotYetValid).NewCA(tlsatest.Authority{Faults: tlsatest.Expired}).Issue(leaf(0))
			}},
		{name: "the intermediate is not valid yet", rfc: "RFC 7672 §3.1.2", anchor: good, want: tlsa.ReasonNotYetValid,
			server: func(*tlsatest.CA) *tlsatest.Certificate { return below(tlsatest.NotYetValid).Issue(leaf(0)) }},
		{name: "the anchor has expired", rfc: "RFC 7672 §3.1.2", want: tlsa.ReasonExpired,
			anchor: authority(tlsatest.Authority{Faults: tlsatest.Expired}),
			server: func(a *tlsatest.CA) *tlsatest.Certificate { return a.Issue(leaf(0)) }},
		{name: "the anchor is not valid yet", rfc: "RFC 7672 §3.1.2", want: tlsa.ReasonNotYetValid,
			anchor: authority(tlsatest.Authority{Faults: tlsatest.NotYetValid}),
			server: func(a *tlsatest.CA) *tlsatest.Certificate { return a.Issue(leaf(0)) }},
		{name: "the anchor is no CA", rfc: "RFC 5280 §4.2.1.9", want: tlsa.ReasonConstraint,
			anchor: authority(tlsatest.Authority{Faults: tlsatest.NotCA}),
			server: func(a *tlsatest.CA) *tlsatest.Certificate { return a.Issue(leaf(0)) }},
		{name: "the intermediate is no CA", rfc: "RFC 5280 §4.2.1.9", anchor: good, want: tlsa.ReasonConstraint,
			server: func(*tlsatest.CA) *tlsatest.Certificate { return below(tlsatest.NotCA).Issue(leaf(0)) }},
		{name: "the anchor allows no intermediates, and there is none", rfc: "RFC 5280 §4.2.1.9", depth: 1,
			anchor: authority(tlsatest.Authority{Faults: tlsatest.NoIntermediates}),
			server: func(a *tlsatest.CA) *tlsatest.Certificate { return a.Issue(leaf(0)) }},
		{name: "the anchor allows no intermediates, and there is one", rfc: "RFC 5280 §4.2.1.9", want: tlsa.ReasonConstraint,
			anchor: authority(tlsatest.Authority{Faults: tlsatest.NoIntermediates}),
			server: func(a *tlsatest.CA) *tlsatest.Certificate { return a.NewCA(tlsatest.Authority{}).Issue(leaf(0)) }},
		{name: "the anchor may issue for the domain", rfc: "RFC 5280 §4.2.1.10", depth: 1,
			anchor: authority(tlsatest.Authority{PermittedDNS: []string{"example.org"}}),
			server: func(a *tlsatest.CA) *tlsatest.Certificate { return a.Issue(leaf(0)) }},
		{name: "the anchor may issue for another domain", rfc: "RFC 5280 §4.2.1.10", want: tlsa.ReasonConstraint,
			anchor: authority(tlsatest.Authority{PermittedDNS: []string{"example.net"}}),
			server: func(a *tlsatest.CA) *tlsatest.Certificate { return a.Issue(leaf(0)) }},
		{name: "the anchor may not issue for the domain", rfc: "RFC 5280 §4.2.1.10", want: tlsa.ReasonConstraint,
			anchor: authority(tlsatest.Authority{ExcludedDNS: []string{"example.org"}}),
			server: func(a *tlsatest.CA) *tlsatest.Certificate { return a.Issue(leaf(0)) }},
		{name: "the certificate is one of a client", rfc: "RFC 5280 §4.2.1.12", anchor: good, want: tlsa.ReasonConstraint,
			server: func(*tlsatest.CA) *tlsatest.Certificate { return good.Issue(leaf(tlsatest.ClientOnly)) }},
		{name: "the intermediate may issue for clients", rfc: "RFC 5280 §4.2.1.12", anchor: good, want: tlsa.ReasonConstraint,
			server: func(*tlsatest.CA) *tlsatest.Certificate { return below(tlsatest.ClientOnly).Issue(leaf(0)) }},
		{name: "the certificate has an unknown critical extension", rfc: "RFC 5280 §4.2", anchor: good, want: tlsa.ReasonConstraint,
			server: func(*tlsatest.CA) *tlsatest.Certificate { return good.Issue(leaf(tlsatest.UnknownExtension)) }},
		{name: "the intermediate has an unknown critical extension", rfc: "RFC 5280 §4.2", anchor: good, want: tlsa.ReasonConstraint,
			server: func(*tlsatest.CA) *tlsatest.Certificate { return below(tlsatest.UnknownExtension).Issue(leaf(0)) }},
		{name: "somebody else has signed the certificate", rfc: "RFC 5280 §6.1.3", anchor: good, want: tlsa.ReasonNoPath,
			server: func(*tlsatest.CA) *tlsatest.Certificate { return good.Issue(leaf(tlsatest.WrongSignature)) }},
		{name: "somebody else has signed the intermediate", rfc: "RFC 5280 §6.1.3", anchor: good, want: tlsa.ReasonNoPath,
			server: func(*tlsatest.CA) *tlsatest.Certificate { return below(tlsatest.WrongSignature).Issue(leaf(0)) }},
		{name: "the certificate is for another name", rfc: "RFC 7672 §3.1.2", anchor: good, want: tlsa.ReasonName,
			server: func(*tlsatest.CA) *tlsatest.Certificate { return good.Issue(leaf(tlsatest.WrongName)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			verifyCase{
				rfc: c.rfc, chain: c.server(c.anchor).Chain(), want: c.want, depth: c.depth,
				records: records(c.anchor.Record(tlsa.SPKI, tlsa.SHA256)),
			}.check(t)
		})
	}
}

// TestBareKeysOfOtherKinds: the kit makes ECDSA keys only.
func TestBareKeysOfOtherKinds(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	bare := func(public any) tlsa.Record {
		der, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		return tlsa.Record{Usage: tlsa.DANETA, Selector: tlsa.SPKI, Matching: tlsa.Full, Data: der}
	}
	for _, signer := range []crypto.Signer{rsaKey, edKey} {
		parent := &x509.Certificate{Subject: pkix.Name{CommonName: "Authority"}}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), DNSNames: []string{mx}, NotBefore: noon.AddDate(0, 0, -1), NotAfter: noon.AddDate(0, 0, 1),
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, rsaKey.Public(), signer)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			public any
			want   tlsa.Reason
		}{{signer.Public(), 0}, {newWorld().root.Key.Public(), tlsa.ReasonNoPath}, {x25519.Public(), tlsa.ReasonParse}} {
			verifyCase{
				rfc: "RFC 7671 §5.2.3", chain: certificates(leaf), records: records(bare(c.public)), want: c.want,
			}.check(t)
		}
	}
}
