package nsupdate

import (
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// fudge is by how much two clocks may differ (RFC 8945 §10).
const fudge = 300

// sign packs a message with a TSIG, whose MAC the reply's hangs on.
func (k *Key) sign(m *dns.Msg, now time.Time) (packed []byte, mac string, err error) {
	m.SetTsig(k.Name, k.Algorithm, fudge, now.Unix())
	return dns.TsigGenerate(m, k.secret, "", false)
}

// verify unpacks a reply to a message with a MAC. The reply is nil unless its TSIG is right:
// of the key, and of this exchange.
func (k *Key) verify(packed []byte, mac string, now time.Time) (*dns.Msg, error) {
	m := new(dns.Msg)
	if err := m.Unpack(packed); err != nil {
		return nil, fmt.Errorf("the reply cannot be read: %w", err)
	}
	signature := m.IsTsig() // the last record, or nil
	switch {
	case signature == nil && m.Rcode != dns.RcodeSuccess:
		return nil, &Refusal{RCode: m.Rcode}
	case signature == nil:
		return nil, errors.New("the reply is not signed: it may be of anybody")
	case tsigs(m) != 1:
		return nil, errors.New("the reply has several signatures")
	case dns.CanonicalName(signature.Hdr.Name) != k.Name, dns.CanonicalName(signature.Algorithm) != k.Algorithm:
		return nil, errors.New("the reply is signed with another key")
	case signature.OrigId != m.Id:
		return nil, errors.New("the reply is signed for another message")
	}
	// A server that cannot check our signature does not sign (RFC 8945 §5.3.2).
	if signature.Error == dns.RcodeBadKey || signature.Error == dns.RcodeBadSig || signature.Error == dns.RcodeBadTrunc {
		return nil, &Refusal{RCode: m.Rcode, TSIG: int(signature.Error)}
	}
	provider := &macProvider{key: k, rcode: byte(m.Rcode & 0xF), prior: len(mac) / 2}
	if err := provider.check(packed, mac); err != nil {
		return nil, fmt.Errorf("the reply is not signed by the key %s: %w", k, err)
	}
	if signature.Error == dns.RcodeBadTime {
		r := &Refusal{RCode: m.Rcode, TSIG: int(signature.Error), Signed: true}
		if other, err := hex.DecodeString(signature.OtherData); err == nil && len(other) == 6 {
			r.skew(other, now)
		}
		return nil, r
	}
	if signature.Error != 0 {
		return nil, &Refusal{RCode: m.Rcode, TSIG: int(signature.Error), Signed: true}
	}
	if at := time.Unix(int64(signature.TimeSigned), 0); at.Sub(now).Abs() > fudge*time.Second {
		return nil, &Refusal{RCode: dns.RcodeNotAuth, TSIG: dns.RcodeBadTime, Signed: true, Skew: at.Sub(now)}
	}
	return m, nil
}

// skew reads the server's clock out of a BADTIME (RFC 8945 §5.2.3).
func (r *Refusal) skew(other []byte, now time.Time) {
	var at int64
	for _, octet := range other {
		at = at<<8 | int64(octet)
	}
	r.Skew = time.Unix(at, 0).Sub(now)
}

func tsigs(m *dns.Msg) (n int) {
	for _, rr := range m.Extra {
		if rr.Header().Rrtype == dns.TypeTSIG {
			n++
		}
	}
	return n
}

// A macProvider computes MACs for package dns, which refuses to look at the signature of a
// reply whose code is NOTAUTH. So it gets to see another code, and the MAC is computed of
// what has really been received.
type macProvider struct {
	key   *Key
	rcode byte
	prior int // octets of the MAC that the reply hangs on
}

var errMAC = errors.New("the signature is wrong")

// headerRCode is the octet of a message that has the code in its lower half (RFC 1035
// §4.1.1).
const headerRCode = 3

func (p *macProvider) check(packed []byte, mac string) error {
	other := append([]byte(nil), packed...)
	other[headerRCode] &^= 0xF
	err := dns.TsigVerifyWithProvider(other, p, mac, false)
	if errors.Is(err, dns.ErrTime) {
		return nil // the caller has another clock, and judges by itself
	}
	return err
}

// Generate is for requests, which are signed otherwise.
func (p *macProvider) Generate([]byte, *dns.TSIG) ([]byte, error) { return nil, errMAC }

// Verify puts the code back, behind the length and the octets of the prior MAC.
func (p *macProvider) Verify(message []byte, signature *dns.TSIG) error {
	at := 2 + p.prior + headerRCode
	if len(message) <= at {
		return errMAC
	}
	message = append([]byte(nil), message...)
	message[at] |= p.rcode
	own, err := p.key.mac(message)
	if err != nil {
		return err
	}
	// A code that is cut short is not equal.
	received, err := hex.DecodeString(signature.MAC)
	if err != nil || !hmac.Equal(own, received) {
		return errMAC
	}
	return nil
}
