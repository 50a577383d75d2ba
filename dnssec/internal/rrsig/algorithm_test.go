package rrsig

import (
	"bytes"
	"encoding/asn1"
	"math/big"
	"testing"
)

func TestAppendInteger(t *testing.T) {
	t.Parallel()
	for _, octets := range [][]byte{
		{0}, {0, 0}, {1}, {0x7f}, {0x80}, {0, 0x7f}, {0, 0x80}, {0, 0, 1, 0}, bytes.Repeat([]byte{0xff}, 48), make([]byte, 48),
	} {
		want, err := asn1.Marshal(new(big.Int).SetBytes(octets))
		if err != nil {
			t.Fatal(err)
		}
		if got := appendInteger(nil, octets); !bytes.Equal(got, want) {
			t.Errorf("%x: %x, want %x", octets, got, want)
		}
	}
}
