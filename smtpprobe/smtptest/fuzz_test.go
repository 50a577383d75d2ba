package smtptest

import (
	"bufio"
	"bytes"
	"strings"
	"testing"
)

// FuzzReadData: what a client sends as RFC 5321 §4.5.2 has it comes out as it was.
func FuzzReadData(f *testing.F) {
	f.Add("")
	f.Add(".\r\n..\r\n")
	f.Add("a\r\n.b\n.\r")
	f.Fuzz(func(t *testing.T, text string) {
		text += "\r\n"
		wire := strings.ReplaceAll("\r\n"+text, "\r\n.", "\r\n..")[2:] + ".\r\n"
		got, fits, err := readData(bufio.NewReaderSize(strings.NewReader(wire), maxCommand))
		if err != nil || !fits || !bytes.Equal(got, []byte(text)) {
			t.Fatalf("%q became %q, error %v", text, got, err)
		}
	})
}
