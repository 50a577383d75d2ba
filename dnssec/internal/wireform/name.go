package wireform

// knownNames is how many of the names of a message are remembered while it is read. Most are
// there several times: the name asked for, and that of its zone, which signatures name.
const knownNames = 6

// names reads the names of one message.
type names struct {
	known  [knownNames]string // the latest that were read
	next   int                // the place of the next one
	buffer [512]byte          // for what is copied into a string: more than most fields take
}

// maxPointers is how many pointers a name may have that follow each other: as dns.UnpackDomainName
// has it, and more than labels fit into a name.
const maxPointers = 126

// read returns the name at packet[off:] in presentation form, as dns.UnpackDomainName gives it, and
// where it ends. A name that was read before is the same string.
func (n *names) read(packet []byte, off int) (name string, end int, ok bool) {
	text := n.buffer[:0]
	octets, pointers := 1, 0 // with that of the root
	for {
		if off >= len(packet) {
			return "", 0, false
		}
		length := int(packet[off])
		off++
		switch {
		case length == 0:
			if pointers == 0 {
				end = off
			}
			return n.text(text), end, true
		case length >= minPointer:
			if off >= len(packet) {
				return "", 0, false
			}
			if pointers == 0 {
				end = off + 1
			}
			if pointers++; pointers > maxPointers {
				return "", 0, false
			}
			off = length&^minPointer<<8 | int(packet[off])
		case length > maxLabel || off+length > len(packet):
			return "", 0, false
		default:
			if octets += length + 1; octets > maxName {
				return "", 0, false
			}
			for _, c := range packet[off : off+length] {
				text = appendEscaped(text, c)
			}
			text = append(text, '.')
			off += length
		}
	}
}

// appendEscaped appends an octet of a label in presentation form (RFC 4343 §2.1).
func appendEscaped(text []byte, c byte) []byte {
	switch c {
	case '.', ' ', '\'', '@', ';', '(', ')', '"', '\\':
		return append(text, '\\', c)
	}
	if ' ' < c && c <= '~' {
		return append(text, c)
	}
	return append(text, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
}

// text returns the string of a name.
func (n *names) text(name []byte) string {
	if len(name) == 0 {
		return "."
	}
	for _, known := range &n.known {
		if string(name) == known {
			return known
		}
	}
	text := string(name)
	n.known[n.next] = text
	n.next = (n.next + 1) % knownNames
	return text
}
