//go:build unix

package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
)

// A signature is one over an RRset, ready to be verified: no record is read or written for that.
type signature struct {
	owner  string
	verify func() bool
}

var errNoSuchKey = errors.New("the chain has no key of the signature's tag")

// newSignature prepares the signature of a link by the keys in the chain.
func newSignature(link dnssec.Link, sig *dns.RRSIG, chain []dnssec.Link) (signature, error) {
	data, err := signedData(link.Records[:len(link.Records)-1], sig)
	if err != nil {
		return signature{}, err
	}
	octets, err := base64.StdEncoding.DecodeString(sig.Signature)
	if err != nil {
		return signature{}, err
	}
	problem := errNoSuchKey
	for _, keys := range chain {
		for _, rr := range keys.Records {
			key, ok := rr.(*dns.DNSKEY)
			if !ok || keys.Name != sig.SignerName || key.Algorithm != sig.Algorithm || key.KeyTag() != sig.KeyTag {
				continue
			}
			var verify func() bool
			if verify, problem = verifier(key, data, octets); problem == nil {
				return signature{link.Name, verify}, nil
			}
		}
	}
	return signature{}, fmt.Errorf("%s %s: %w", link.Name, dns.Type(link.Type), problem)
}

// verifier returns the check of a signature by a key of one of the algorithms of the laboratory.
func verifier(record *dns.DNSKEY, data, sig []byte) (func() bool, error) {
	public, err := base64.StdEncoding.DecodeString(record.PublicKey)
	if err != nil {
		return nil, err
	}
	switch {
	case record.Algorithm == dns.ECDSAP256SHA256 && len(sig) == 64:
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append([]byte{4}, public...))
		if err != nil {
			return nil, err
		}
		der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])})
		return func() bool {
			digest := sha256.Sum256(data)
			return ecdsa.VerifyASN1(key, digest[:], der)
		}, err
	case record.Algorithm == dns.RSASHA256 && len(public) > 4 && public[0] == 3:
		// The exponent is of three octets: 65537 (RFC 3110 §2).
		key := &rsa.PublicKey{E: int(new(big.Int).SetBytes(public[1:4]).Int64()), N: new(big.Int).SetBytes(public[4:])}
		return func() bool {
			digest := sha256.Sum256(data)
			return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], sig) == nil
		}, nil
	case record.Algorithm == dns.ED25519 && len(public) == ed25519.PublicKeySize:
		return func() bool { return ed25519.Verify(public, data, sig) }, nil
	}
	return nil, fmt.Errorf("algorithm %d is not one of the laboratory's", record.Algorithm)
}

// signedData is what a signature covers (RFC 4034 §3.1.8.1), of records whose names are in lower
// case and come from no wildcard, as those of the laboratory do.
func signedData(records []dns.RR, sig *dns.RRSIG) ([]byte, error) {
	head := dns.Copy(sig).(*dns.RRSIG)
	head.Hdr.Name, head.Signature = ".", ""
	data, err := packed(head)
	if err != nil {
		return nil, err
	}
	data = data[11:] // the RDATA: the owner is the root
	var wires [][]byte
	for _, rr := range records {
		rr = dns.Copy(rr)
		rr.Header().Ttl = sig.OrigTtl
		wire, err := packed(rr)
		if err != nil {
			return nil, err
		}
		wires = append(wires, wire)
	}
	// They differ in their RDATA alone, and its length is no part of the order (RFC 4034 §6.3).
	rdata := len(records[0].Header().Name) + 1 + 10
	slices.SortFunc(wires, func(a, b []byte) int { return bytes.Compare(a[rdata:], b[rdata:]) })
	return append(data, bytes.Join(wires, nil)...), nil
}

func packed(rr dns.RR) ([]byte, error) {
	wire := make([]byte, dns.Len(rr)+1)
	end, err := dns.PackRR(rr, wire, 0, nil, false)
	return wire[:max(end, 0)], err
}
