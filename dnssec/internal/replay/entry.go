package replay

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// entry reads what follows ENTRY_BEGIN.
func (p *parser) entry() (*Entry, error) {
	e := &Entry{Line: p.line, Msg: new(dns.Msg)}
	section := "QUESTION"
	for {
		line, err := p.next()
		if err != nil {
			return nil, err
		}
		fields := strings.Fields(line)
		switch fields[0] {
		case "ENTRY_END":
			return e, nil
		case "MATCH":
			e.Match = append(e.Match, fields[1:]...)
			err = known(fields[1:], matches)
		case "ADJUST":
			e.Adjust = append(e.Adjust, fields[1:]...)
			err = known(fields[1:], adjustments)
		case "REPLY", "FLAGS":
			err = e.header(fields[1:])
		case "SECTION":
			section = strings.ToUpper(strings.Join(fields[1:], " "))
			if !slices.Contains([]string{"QUESTION", "ANSWER", "AUTHORITY", "ADDITIONAL"}, section) {
				err = fmt.Errorf("unknown section %q", section)
			}
		case "MANDATORY":
			e.Mandatory = true
		case "$ORIGIN", "$TTL":
			err = p.records.directive(fields)
		case "HEX_ANSWER_BEGIN":
			e.Raw, err = p.hex("HEX_ANSWER_END")
			if err == nil && len(e.Raw) < headerSize {
				err = errors.New("a packet without a header")
			}
		case "HEX_EDNSDATA_BEGIN":
			var data []byte
			if data, err = p.hex("HEX_EDNSDATA_END"); err == nil {
				e.EDNS, err = ednsOptions(data)
			}
		case "RAW": // the packet in the next line, or in this one
			text := strings.Join(fields[1:], "")
			if text == "" {
				text, err = p.next()
			}
			if err == nil {
				e.Raw, err = hex.DecodeString(strings.Join(strings.Fields(text), ""))
			}
		case "EXTRA_PACKET", "TSIG":
			err = fmt.Errorf("%s is not supported", fields[0])
		default:
			err = p.records.add(e.Msg, section, line)
		}
		if err != nil {
			return nil, err
		}
	}
}

// headerSize is that of a message (RFC 1035 §4.1.1).
const headerSize = 12

// hex reads the octets before the line that is the word.
func (p *parser) hex(end string) ([]byte, error) {
	lines, err := p.until(end)
	var text strings.Builder
	for _, line := range lines {
		text.WriteString(strings.Join(strings.Fields(cut(line, ";#")), ""))
	}
	if err != nil {
		return nil, err
	}
	return hex.DecodeString(text.String())
}

// ednsOptions reads the RDATA of an OPT record.
func ednsOptions(data []byte) ([]dns.EDNS0, error) {
	record := append([]byte{0, 0, byte(dns.TypeOPT), 0, 0, 0, 0, 0, 0, byte(len(data) >> 8), byte(len(data))}, data...)
	rr, _, err := dns.UnpackRR(record, 0)
	if err != nil {
		return nil, err
	}
	opt, _ := rr.(*dns.OPT)
	return opt.Option, nil
}

var opcodes = map[string]int{
	"QUERY": dns.OpcodeQuery, "IQUERY": dns.OpcodeIQuery, "STATUS": dns.OpcodeStatus, "NOTIFY": dns.OpcodeNotify, "UPDATE": dns.OpcodeUpdate,
}

// adjustments are the words of ADJUST. One that ends in = has a value; the others about
// EDNS are for options that a Resolver does not send.
var adjustments = []string{
	"copy_id", "copy_query", "raw_id", "do_not_answer", "sleep=", "packet_sleep=",
	"copy_ednsdata_assume_clientsubnet", "increment_ecs_scope",
}

var errToken = errors.New("unknown token")

// known finds the words that are not in a list.
func known(tokens, words []string) error {
	for _, token := range tokens {
		name, value, valued := strings.Cut(token, "=")
		if valued {
			name += "="
		}
		_, err := strconv.ParseUint(value, 10, 32)
		if !slices.Contains(words, name) || valued && err != nil && token != "ede=any" {
			return fmt.Errorf("%w %q", errToken, token)
		}
	}
	return nil
}

// header sets opcode, rcode and flags.
func (e *Entry) header(tokens []string) error {
	for _, token := range tokens {
		token = strings.ToUpper(token)
		h := &e.Msg.MsgHdr
		flag := map[string]*bool{
			"QR": &h.Response, "AA": &h.Authoritative, "TC": &h.Truncated, "RD": &h.RecursionDesired, "CO": &e.CO,
			"CD": &h.CheckingDisabled, "RA": &h.RecursionAvailable, "AD": &h.AuthenticatedData, "DO": &e.DO,
		}[token]
		opcode, isOpcode := opcodes[token]
		if token == "NOTIMPL" {
			token = "NOTIMP"
		}
		rcode, isRCode := dns.StringToRcode[token]
		switch {
		case flag != nil:
			*flag = true
		case isOpcode:
			h.Opcode = opcode
		case isRCode:
			h.Rcode = rcode
		default:
			return fmt.Errorf("%w %q", errToken, token)
		}
	}
	return nil
}
