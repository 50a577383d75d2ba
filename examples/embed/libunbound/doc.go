// Package libunbound makes a Verifier that validates by libunbound. It needs cgo, the library and
// its header, as in Debian's package libunbound-dev, and so is built with the tag unbound only:
//
//	go test -tags unbound ./libunbound
package libunbound
