package upstream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/miekg/dns"
)

// Whatever is accepted is a whole, well-formed reply to the query.
func FuzzAccept(f *testing.F) {
	m, err := newMessage(question("signed.test.", dns.TypeA))
	if err != nil {
		f.Fatal(err)
	}
	m.randomizeCase(slices.Clone(m.name))
	copy(m.question, bytes.ToUpper(m.name)) // so that the corpus matches, as for the ID
	m.wire[0], m.wire[1] = 'i', 'd'
	query := new(dns.Msg)
	if err := query.Unpack(m.wire); err != nil {
		f.Fatal(err)
	}
	whole := good("udp", query)[0]
	f.Add(whole)
	f.Add(m.wire)
	f.Add(whole[:headerSize])
	f.Add(whole[:len(whole)-11])
	f.Add(append(whole[:len(whole):len(whole)], 0))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, packet []byte) {
		reply, err := m.accept(bytes.Clone(packet), m.size)
		if (err == nil) != (reply != nil) {
			t.Fatalf("%v with error %v", reply, err)
		}
		if err != nil {
			if !errors.Is(err, errNotReply) && !errors.Is(err, errTruncated) && !errors.Is(err, errMalformed) && !errors.Is(err, errCase) {
				t.Errorf("an error of no known kind: %v", err)
			}
			return
		}
		if reply.Id != query.Id || !reply.Response || reply.Opcode != dns.OpcodeQuery || reply.Truncated || len(packet) > m.size {
			t.Errorf("accepted %v", reply)
		}
		if len(reply.Question) != 1 || reply.Question[0].Name != "signed.test." || reply.Question[0].Qtype != dns.TypeA {
			t.Errorf("accepted the question %v", reply.Question)
		}
		for at, section := range map[int]int{6: len(reply.Answer), 8: len(reply.Ns), 10: len(reply.Extra)} {
			if want := int(binary.BigEndian.Uint16(packet[at:])); section != want {
				t.Errorf("%d records, the header says %d", section, want)
			}
		}
	})
}

func FuzzParseAddress(f *testing.F) {
	for _, address := range []string{"192.0.2.1", "[2001:db8::1]:5353", "tcp://[fe80::1%eth0]", "tls://x", "",
		"tls://192.0.2.1:853#dns.example", "tls://[::1]#pin-sha256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
		"https://dns.example:8443/dns-query", "https://[2001:db8::1]/%7e"} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, address string) {
		e, err := parseAddress(address)
		if err != nil {
			return
		}
		if again, err := parseAddress(e.String()); err != nil || again != e {
			t.Errorf("%q: %s is read as %v, %v", address, e, again, err)
		}
	})
}
