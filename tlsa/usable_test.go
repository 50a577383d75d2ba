package tlsa_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"slices"
	"testing"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

func TestUsable(t *testing.T) {
	t.Parallel()
	w := newWorld()
	full := w.server.Leaf.Raw
	key := w.server.Leaf.RawSubjectPublicKeyInfo
	empty256, empty512 := sha256.Sum256(nil), sha512.Sum512(nil)
	negative := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{mx}, Faults: tlsatest.NegativeSerial}).Leaf.Raw
	// A SubjectPublicKeyInfo with an algorithm that nobody knows.
	unknownKey := []byte{0x30, 0x09, 0x30, 0x04, 0x06, 0x02, 0x88, 0x37, 0x03, 0x01, 0x00}
	for _, c := range []struct {
		name, rfc string
		record    tlsa.Record
		smtp      bool
		pkix      bool
	}{
		{"the zero record", "RFC 6698 §4.1", tlsa.Record{}, false, false},
		{"DANE-EE with a SHA-256 digest", "RFC 7672 §3.1.1", tlsa.Record{3, 1, 1, make([]byte, 32)}, true, true},
		{"DANE-TA with a SHA-512 digest", "RFC 7672 §3.1.2", tlsa.Record{2, 0, 2, make([]byte, 64)}, true, true},
		{"PKIX-TA", "RFC 7672 §3.1.3", tlsa.Record{0, 1, 1, make([]byte, 32)}, false, true},
		{"PKIX-EE", "RFC 7672 §3.1.3", tlsa.Record{1, 1, 1, make([]byte, 32)}, false, true},
		{"unknown usage 4", "RFC 6698 §4.1", tlsa.Record{4, 1, 1, make([]byte, 32)}, false, false},
		{"unknown usage 255", "RFC 6698 §4.1", tlsa.Record{255, 1, 1, make([]byte, 32)}, false, false},
		{"unknown selector", "RFC 6698 §4.1", tlsa.Record{3, 2, 1, make([]byte, 32)}, false, false},
		{"unknown matching type", "RFC 6698 §4.1", tlsa.Record{3, 1, 17, make([]byte, 32)}, false, false},
		{"SHA-256 digest that is too short", "RFC 6698 §2.1.4", tlsa.Record{3, 1, 1, make([]byte, 31)}, false, false},
		{"SHA-256 digest that is too long", "RFC 6698 §2.1.4", tlsa.Record{3, 1, 1, make([]byte, 64)}, false, false},
		{"SHA-512 digest of half the length", "RFC 6698 §2.1.4", tlsa.Record{3, 1, 2, make([]byte, 32)}, false, false},
		{"no data for a digest", "RFC 6698 §2.1.4", tlsa.Record{3, 1, 1, nil}, false, false},
		{"no data in full", "RFC 6698 §2.1.4", tlsa.Record{3, 1, 0, nil}, false, false},
		{"SHA-256 digest of nothing, which matches nobody", "RFC 6698 §4.1", tlsa.Record{3, 1, 1, empty256[:]}, true, true},
		{"SHA-512 digest of nothing, which matches nobody", "RFC 6698 §4.1", tlsa.Record{3, 1, 2, empty512[:]}, true, true},
		{"whole certificate", "RFC 7671 §5.2.2", tlsa.Record{2, 0, 0, full}, true, true},
		{"whole key", "RFC 7671 §5.2.3", tlsa.Record{2, 1, 0, key}, true, true},
		{"certificate and one octet more", "RFC 6698 §2.1.4", tlsa.Record{3, 0, 0, slices.Concat(full, []byte{0})}, false, false},
		{"certificate without its last octet", "RFC 6698 §2.1.4", tlsa.Record{3, 0, 0, full[:len(full)-1]}, false, false},
		{"certificate for the selector of keys", "RFC 6698 §2.1.2", tlsa.Record{3, 1, 0, full}, false, false},
		{"key for the selector of certificates", "RFC 6698 §2.1.2", tlsa.Record{3, 0, 0, key}, false, false},
		{"text", "RFC 6698 §2.1.4", tlsa.Record{3, 0, 0, []byte("-----BEGIN CERTIFICATE-----")}, false, false},
		{"indefinite length, which is BER, and matches nobody", "RFC 7672 §2.2", tlsa.Record{3, 1, 0, []byte{0x30, 0x80, 0x30, 0, 3, 0, 0, 0}}, true, true},
		{"indefinite lengths within each other", "RFC 7672 §2.2", tlsa.Record{3, 1, 0, []byte{0x30, 0x80, 0x30, 0x80, 0x30, 0x80, 0, 0, 0, 0, 0x23, 0x80, 3, 0, 0, 0, 0, 0}}, true, true},
		{"indefinite length and one octet more", "RFC 6698 §4.1", tlsa.Record{3, 1, 0, []byte{0x30, 0x80, 0x30, 0, 3, 0, 0, 0, 0}}, false, false},
		{"indefinite length without its end", "RFC 6698 §4.1", tlsa.Record{3, 1, 0, []byte{0x30, 0x80, 0x30, 0, 3, 0, 0}}, false, false},
		{"indefinite lengths without any end", "RFC 6698 §4.1", tlsa.Record{3, 1, 0, bytes.Repeat([]byte{0x30, 0x80}, 32766)}, false, false},
		{"long form of a short length, which is BER", "RFC 7672 §2.2", tlsa.Record{3, 1, 0, []byte{0x30, 0x81, 4, 0x30, 0, 3, 0}}, true, true},
		{"length with a zero in front, which is BER", "RFC 7672 §2.2", tlsa.Record{3, 1, 0, slices.Concat([]byte{0x30, 0x82, 0, 0x85, 0x30, 0, 3, 0x81, 0x80}, make([]byte, 128))}, true, true},
		{"the same length without it", "RFC 6698 §2.1.4", tlsa.Record{3, 1, 0, slices.Concat([]byte{0x30, 0x81, 0x85, 0x30, 0, 3, 0x81, 0x80}, make([]byte, 128))}, true, true},
		{"tag and the beginning of an indefinite length", "RFC 6698 §2.1.4", tlsa.Record{3, 1, 0, []byte{0x30, 0x80}}, false, false},
		{"tag alone", "RFC 6698 §2.1.4", tlsa.Record{3, 1, 0, []byte{0x30}}, false, false},
		{"length of 4 GB", "RFC 6698 §2.1.4", tlsa.Record{3, 1, 0, []byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff}}, false, false},
		{"certificate that Go cannot read: a negative serial number", "RFC 7672 §2.2", tlsa.Record{3, 0, 0, negative}, true, true},
		{"key that Go cannot read: an unknown algorithm", "RFC 7672 §2.2", tlsa.Record{2, 1, 0, unknownKey}, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			for application, want := range map[tlsa.Application]bool{tlsa.SMTP: c.smtp, tlsa.PKIX: c.pkix} {
				err := c.record.Usable(application)
				if (err == nil) != want || err != nil && reasonOf(t, err) != tlsa.ReasonUnusable {
					t.Errorf("%s: Usable(%v) = %v, want nil: %t", c.rfc, application, err, want)
				}
			}
		})
	}
}
