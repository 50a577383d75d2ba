package replay

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// defaultTTL is that of records without one.
const defaultTTL = 3600

var errNoRecord = errors.New("nothing there")

// A recordReader reads lines with records. Its settings last through the file.
type recordReader struct {
	origin string
	ttl    uint64
}

func (r *recordReader) directive(fields []string) error {
	if len(fields) != 2 {
		return fmt.Errorf("%s without a value", fields[0])
	}
	if fields[0] == "$ORIGIN" {
		r.origin = dns.Fqdn(fields[1])
		return nil
	}
	var err error
	r.ttl, err = strconv.ParseUint(fields[1], 10, 32)
	return err
}

// add adds the record, or question, to a section of the message.
func (r *recordReader) add(msg *dns.Msg, section, line string) error {
	if section == "QUESTION" {
		question, err := r.question(line)
		msg.Question = append(msg.Question, question)
		return err
	}
	rr, err := r.record(line)
	if err != nil {
		return err
	}
	switch section {
	case "ANSWER":
		msg.Answer = append(msg.Answer, rr)
	case "AUTHORITY":
		msg.Ns = append(msg.Ns, rr)
	case "ADDITIONAL":
		msg.Extra = append(msg.Extra, rr)
	}
	return nil
}

// question reads "name [class] type".
func (r *recordReader) question(line string) (dns.Question, error) {
	fields := strings.Fields(line)
	q := dns.Question{Qclass: dns.ClassINET}
	if len(fields) == 3 {
		q.Qclass = dns.StringToClass[strings.ToUpper(fields[1])]
		fields = slices.Delete(fields, 1, 2)
	}
	if len(fields) != 2 || q.Qclass == 0 {
		return q, fmt.Errorf("%q is no question", line)
	}
	var known bool
	qtype := strings.ToUpper(fields[1])
	if q.Qtype, known = dns.StringToType[qtype]; !known {
		number, _ := strings.CutPrefix(qtype, "TYPE")
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			return q, fmt.Errorf("%q is no type", fields[1])
		}
		q.Qtype = uint16(n)
	}
	q.Name = fields[0]
	if !dns.IsFqdn(q.Name) {
		q.Name = dns.Fqdn(q.Name + "." + strings.TrimPrefix(r.origin, "."))
	}
	if _, ok := dns.IsDomainName(q.Name); !ok {
		return q, fmt.Errorf("%q is no name", q.Name)
	}
	return q, nil
}

func (r *recordReader) record(line string) (dns.RR, error) {
	zone := dns.NewZoneParser(strings.NewReader(numbered(line)+"\n"), r.origin, "")
	zone.SetDefaultTTL(uint32(r.ttl))
	rr, _ := zone.Next()
	if strings.Contains(line, `\#`) {
		if raw, ok := r.rawRecord(line); ok {
			return raw, nil
		}
	}
	if rr == nil {
		return nil, fmt.Errorf("%q is no record: %w", line, cmp.Or(zone.Err(), errNoRecord))
	}
	switch rr := rr.(type) {
	case *dns.NSEC: // the order of the wire, without which they cannot be packed
		slices.Sort(rr.TypeBitMap)
	case *dns.NSEC3:
		slices.Sort(rr.TypeBitMap)
		rr.HashLength = uint8(len(rr.NextDomain) * 5 / 8) // the parser takes it to be 20
	case *dns.DNSKEY:
		rr.PublicKey = repadded(rr.PublicKey)
	case *dns.RRSIG:
		rr.Signature = repadded(rr.Signature)
	}
	return rr, nil
}

// numbered writes the algorithm of a DNSKEY record as a number, which may be a mnemonic
// (RFC 4034 §2.2).
func numbered(line string) string {
	fields := strings.Fields(line)
	i := slices.IndexFunc(fields, func(field string) bool { return strings.EqualFold(field, "DNSKEY") })
	if i < 1 || len(fields) < i+5 {
		return line
	}
	number, ok := dns.StringToAlgorithm[strings.ToUpper(fields[i+3])]
	if !ok {
		return line
	}
	fields[i+3] = strconv.Itoa(int(number))
	return strings.Join(fields, " ")
}

// rawRecord reads a record with RDATA in the form of RFC 3597 §5, which may be wrong for
// its type: that is what some scripts are about.
func (r *recordReader) rawRecord(line string) (dns.RR, bool) {
	head, rdata, found := strings.Cut(line, `\#`)
	fields := strings.Fields(head)
	if !found || len(fields) < 2 {
		return nil, false
	}
	rrtype, ok := dns.StringToType[strings.ToUpper(fields[len(fields)-1])]
	if !ok {
		return nil, false
	}
	fields[len(fields)-1] = "TYPE65280" // of private use: its RDATA is not looked at
	rr, err := r.record(strings.Join(fields, " ") + ` \#` + rdata)
	if err != nil {
		return nil, false
	}
	rr.Header().Rrtype = rrtype
	return rr, true
}

// repadded makes base64 of what is nearly that, as there is in scripts with a key or
// signature to be refused.
func repadded(text string) string {
	text = strings.TrimRight(text, "=")
	if len(text)%4 == 1 {
		text = text[:len(text)-1]
	}
	return text + strings.Repeat("=", -len(text)&3)
}
