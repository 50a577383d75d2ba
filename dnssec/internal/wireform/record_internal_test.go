package wireform

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/miekg/dns"
)

// Whatever a record is read as, it is written with the octets that came.
func FuzzRecord(f *testing.F) {
	for rrtype := range dns.TypeToRR {
		f.Add(rrtype, []byte(nil))
		f.Add(rrtype, []byte("\x01A\x00\x01B\x00\x00\x01\x40"+"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
		f.Add(rrtype, []byte("\x00\x01\x01A\xC0\x02\x01B\xC0\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
		f.Add(rrtype, []byte("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\xC0\x00"))
		f.Add(rrtype, []byte("\x01\x00\x00\x0a\x01\xff\x02\xff\xfe\x00\x02\x40\x00"))
	}
	f.Fuzz(func(t *testing.T, rrtype uint16, rdata []byte) {
		if rrtype == dns.TypeOPT || rrtype == dns.TypeTSIG || len(rdata) > 1<<15 {
			return
		}
		packet := append([]byte("\x07example\x00"), rdata...) // what names can point to
		const off = 9
		want, _ := expand(rrtype, packet, off)
		h := dns.RR_Header{Name: "example.", Rrtype: rrtype, Class: dns.ClassINET, Rdlength: uint16(len(rdata))}
		rr := new(names).unpackRecord(h, packet, off)
		if unknown, ok := rr.(*dns.RFC3597); ok {
			if unknown.Rdata != hex.EncodeToString(want) {
				t.Errorf("%v, want %x", unknown, want)
			}
			return
		}
		if got, err := pack(rr); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%v: %x, want %x: %v", rr, got, want, err)
		}
	})
}
