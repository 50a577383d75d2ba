// Package anchor holds trust anchors: the keys from which a validator starts.
//
// Root returns the keys of the DNS root zone that IANA publishes, which are built
// in. ReadFile and Parse read others: DS or DNSKEY records in the form of a zone
// file, of the root or of any other zone.
//
//	anchors, err := anchor.ReadFile("root.ds")
//	resolver := &dnssec.Resolver{Anchors: anchors}
//
// # What is trusted
//
// A trust anchor is believed without proof, so a file of anchors must come from
// where nobody else can write. The built-in root keys are those of
// https://data.iana.org/root-anchors/root-anchors.xml. They do not change by
// themselves: automated updates (RFC 5011) are not part of this package yet.
//
// # Specifications
//
// RFC 4034 (DS, DNSKEY), RFC 7958 and RFC 9718 (root zone trust anchors).
package anchor
