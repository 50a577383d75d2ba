package replay

import (
	"errors"
	"fmt"
	"slices"
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
		case "ADJUST":
			e.Adjust = append(e.Adjust, fields[1:]...)
		case "REPLY", "FLAGS":
			err = e.header(fields[1:])
		case "SECTION":
			section = strings.Join(fields[1:], " ")
			if !slices.Contains([]string{"QUESTION", "ANSWER", "AUTHORITY", "ADDITIONAL"}, section) {
				err = fmt.Errorf("unknown section %q", section)
			}
		case "MANDATORY":
		case "$ORIGIN", "$TTL":
			err = p.records.directive(fields)
		case "HEX_ANSWER_BEGIN", "HEX_EDNSDATA_BEGIN", "EXTRA_PACKET", "RAW", "TSIG":
			err = fmt.Errorf("%s is not supported", fields[0])
		default:
			err = p.records.add(e.Msg, section, line)
		}
		if err != nil {
			return nil, err
		}
	}
}

var opcodes = map[string]int{
	"QUERY": dns.OpcodeQuery, "IQUERY": dns.OpcodeIQuery, "STATUS": dns.OpcodeStatus, "NOTIFY": dns.OpcodeNotify, "UPDATE": dns.OpcodeUpdate,
}

var errToken = errors.New("unknown token")

// header sets opcode, rcode and flags.
func (e *Entry) header(tokens []string) error {
	for _, token := range tokens {
		h := &e.Msg.MsgHdr
		flag := map[string]*bool{
			"QR": &h.Response, "AA": &h.Authoritative, "TC": &h.Truncated, "RD": &h.RecursionDesired,
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
