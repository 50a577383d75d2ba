// Package browser looks at the pages of daneverify -html as those who read them do, in
// Chromium without a window: it holds tests only, and they have the build tag interop.
//
//	go test -tags interop -count=1 -v ./interop/browser
//
// The pages are those of the command's own demonstration, and the recorded ones of
// examples/daneverify/internal/page/testdata, with servers among them that send what they can
// to spoil a page; and those of surveys, as the tests of examples/danesurvey make them. Each is
// loaded from a file in a phone's width and in that of a screen, light and dark, and printed: it
// must load without a request, an error or a script, nothing may be wider than the screen, and a
// screen reader must find headings, tables and drawings.
//
// Chromium is spoken to over a pipe, in the protocol of its developer tools, so that it needs
// no port. The Debian package is chromium; without it the tests fail. With DANE_SCREENSHOTS they
// leave what they saw in that directory, and with -update the pictures of README.md and of
// examples/danesurvey are made again.
package browser
