package tlsatest

// A Fault is something wrong with a certificate. Faults can be combined with |.
// The zero Fault means that nothing is wrong.
type Fault uint16

const (
	// Expired ends the validity an hour before Time.
	Expired Fault = 1 << iota
	// NotYetValid begins the validity an hour after Time.
	NotYetValid
	// WrongName makes the certificate one for "wrong.invalid". For leaves.
	WrongName
	// CommonNameOnly puts the first name into the subject, and leaves alternative
	// names out. For leaves. Not broken for DANE: RFC 7672 §3.2.3 allows it.
	CommonNameOnly
	// ClientOnly has an extended key usage for TLS clients, and none for servers.
	ClientOnly
	// NotCA leaves the CA bit out. For authorities.
	NotCA
	// NoIntermediates allows no CA below this one: a path length of 0. For
	// authorities.
	NoIntermediates
	// WrongSignature is made by a key that is not the issuer's.
	WrongSignature
	// UnknownExtension has a critical extension that nobody knows.
	UnknownExtension
	// NegativeSerial has a serial number below zero, so that crypto/x509 cannot read
	// the certificate, and crypto/tls ends the handshake. For leaves. Of
	// Certificate.Leaf only Raw and the public key are set.
	NegativeSerial
)

// leafFaults are those that an authority cannot have, and the other way round.
const (
	leafFaults      = WrongName | CommonNameOnly | NegativeSerial
	authorityFaults = NotCA | NoIntermediates
)

func (f Fault) has(one Fault) bool { return f&one != 0 }
