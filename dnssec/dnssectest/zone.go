package dnssectest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/sign"
)

// A Denial is how a zone proves that something does not exist.
type Denial = sign.Denial

// The ways to prove it. The zero value is NSEC.
const (
	NSEC        = sign.NSEC
	NSEC3       = sign.NSEC3
	NSEC3OptOut = sign.NSEC3OptOut
)

// A Zone is a zone of an [Internet]. Name must be set. The zero value of each other field is a
// good default: a zone that is signed with one key.
type Zone struct {
	// Name of the apex, with the final dot.
	Name string

	// Records in the form of a zone file, one a line, with names relative to the apex.
	// Blanks before a line do not count. A missing TTL is 300 seconds. A SOA and NS
	// records of the apex are added if they are missing, and the delegations to other
	// zones of the Internet always.
	Records string

	// AsIs says that Records are the whole zone, with keys and signatures, as another
	// signer made it. Nothing is signed, and the zone above has no DS record for it.
	AsIs bool

	// Unsigned says that the zone has no keys, and the zone above no DS record for it.
	Unsigned bool

	// NoDS says that the zone is signed, but the zone above has no DS record for it.
	NoDS bool

	// Algorithm of the keys. 0 means ECDSAP256SHA256 (13). RSA keys take long to make.
	Algorithm uint8

	// TwoKeys says that a KSK signs the keys, and a ZSK everything else.
	TwoKeys bool

	// Digest type of the DS record. 0 means SHA-256 (2).
	Digest uint8

	// Denial is how the zone proves that something does not exist: by NSEC, NSEC3 or
	// NSEC3OptOut.
	Denial Denial

	// Iterations and Salt of NSEC3; Salt is in hexadecimal.
	Iterations uint16
	Salt       string

	// Faults has what is wrong with an RRset, by "owner TYPE" with the owner relative to
	// the apex, or with the whole zone, by WholeZone. The faults ServFail, Refused and
	// Silent are those of questions for that name and type.
	Faults map[string]Fault
}

const defaultTTL = 300

// An rrsetName names an RRset.
type rrsetName struct {
	owner  canonical.Name
	rrtype uint16
}

// A signedSet is an RRset and its signatures.
type signedSet struct {
	records []dns.RR
	sigs    []*dns.RRSIG
}

// A zone is a Zone, signed and ordered for answering.
type zone struct {
	Zone
	apex   canonical.Name
	signer *sign.Zone
	faults map[rrsetName]Fault

	sets  map[rrsetName]*signedSet
	names map[canonical.Name]bool // that exist, empty non-terminals included
	cuts  map[canonical.Name]bool // delegations

	nsec  []canonical.Name // owners of NSEC records in canonical order
	nsec3 []string         // hashes of NSEC3 records in order, upper case
}

// newZone parses the records and makes the keys. The zone is not signed yet. Unless
// it says otherwise it has a name server of its own, the n-th.
func newZone(z Zone, n int) (*zone, error) {
	apex, err := canonical.ParseName(z.Name)
	if err != nil {
		return nil, fmt.Errorf("zone %q: %w", z.Name, err)
	}
	z.Name = apex.String()
	built := &zone{Zone: z, apex: apex}
	if err := built.parseFaults(); err != nil {
		return nil, fmt.Errorf("zone %s: %w", z.Name, err)
	}
	records, err := parse(trimLines(z.Records), z.Name)
	if err == nil && !z.AsIs {
		records, err = complete(records, z.Name, n)
	}
	if err != nil {
		return nil, fmt.Errorf("zone %s: %w", z.Name, err)
	}
	built.signer = &sign.Zone{Apex: z.Name, Records: records, Denial: z.Denial, Salt: z.Salt, Iterations: z.Iterations}
	if z.Unsigned || z.AsIs {
		return built, nil
	}
	algorithm := cmp.Or(z.Algorithm, dns.ECDSAP256SHA256)
	if built.signer.KSK, err = sign.NewKey(z.Name, algorithm, sign.KSK); err != nil {
		return nil, err
	}
	if z.TwoKeys {
		if built.signer.ZSK, err = sign.NewKey(z.Name, algorithm, sign.ZSK); err != nil {
			return nil, err
		}
	}
	return built, nil
}

// complete adds the SOA and NS records that a zone must have.
func complete(records []dns.RR, apex string, n int) ([]dns.RR, error) {
	for rrtype, record := range map[uint16]string{
		dns.TypeSOA: "@ SOA ns hostmaster 1 7200 3600 1209600 300",
		// An address for tests of networks (RFC 2544 §C.2.2).
		dns.TypeNS: fmt.Sprintf("@ NS ns\nns A 198.18.%d.%d", n>>8, n&255),
	} {
		if slices.ContainsFunc(records, func(rr dns.RR) bool {
			return rr.Header().Rrtype == rrtype && strings.EqualFold(rr.Header().Name, apex)
		}) {
			continue
		}
		more, err := parse(record, apex)
		if err != nil {
			return nil, err
		}
		records = append(records, more...)
	}
	return records, nil
}

func trimLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, "\n")
}

func parse(text, apex string) ([]dns.RR, error) {
	parser := dns.NewZoneParser(strings.NewReader(text+"\n"), apex, "")
	parser.SetDefaultTTL(defaultTTL)
	var records []dns.RR
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		records = append(records, rr)
	}
	return records, parser.Err()
}

// delegate adds the delegation to a child zone.
func (z *zone) delegate(child *zone) {
	header := func(rrtype uint16) dns.RR_Header {
		return dns.RR_Header{Name: child.Name, Rrtype: rrtype, Class: dns.ClassINET, Ttl: defaultTTL}
	}
	for _, rr := range child.signer.Records {
		if ns, ok := rr.(*dns.NS); ok && strings.EqualFold(ns.Hdr.Name, child.Name) {
			z.signer.Records = append(z.signer.Records, &dns.NS{Hdr: header(dns.TypeNS), Ns: ns.Ns})
		}
	}
	if child.Unsigned || child.AsIs || child.NoDS {
		return
	}
	for _, ds := range child.signer.DS(cmp.Or(child.Digest, dns.SHA256)) {
		if child.forZone() == WrongDS {
			ds.Digest = strings.Repeat("00", len(ds.Digest)/2)
		}
		ds.Hdr = header(dns.TypeDS)
		z.signer.Records = append(z.signer.Records, ds)
	}
}

// finish signs the zone and orders it for answering.
func (z *zone) finish(now time.Time) error {
	records := z.signer.Records
	if !z.Unsigned && !z.AsIs {
		z.signer.Inception, z.signer.Expiration = validity(z.forZone(), now)
		var err error
		if records, err = z.signer.Sign(); err != nil {
			return err
		}
	}
	z.sets = make(map[rrsetName]*signedSet)
	z.names = make(map[canonical.Name]bool)
	z.cuts = make(map[canonical.Name]bool)
	for _, rr := range records {
		if err := z.add(rr); err != nil {
			return err
		}
	}
	maps.DeleteFunc(z.sets, func(_ rrsetName, set *signedSet) bool {
		return len(set.records) == 0 // signatures of nothing, in a zone as it is
	})
	slices.SortFunc(z.nsec, canonical.Name.Compare)
	slices.Sort(z.nsec3)
	return z.damage(now)
}

func (z *zone) add(rr dns.RR) error {
	owner, err := canonical.ParseName(rr.Header().Name)
	if err != nil || !owner.Below(z.apex) {
		return fmt.Errorf("zone %s: %q is not a name in it", z.Name, rr.Header().Name)
	}
	name := rrsetName{owner, rr.Header().Rrtype}
	sig, isSig := rr.(*dns.RRSIG)
	if isSig {
		name.rrtype = sig.TypeCovered
	}
	set := z.sets[name]
	if set == nil {
		set = new(signedSet)
		z.sets[name] = set
	}
	if isSig {
		set.sigs = append(set.sigs, sig)
		return nil
	}
	set.records = append(set.records, rr)
	switch {
	case name.rrtype == dns.TypeNSEC3:
		z.nsec3 = append(z.nsec3, strings.ToUpper(string(owner[1:1+owner[0]])))
		return nil // the owner is no name of the zone (RFC 5155 §7.2.8)
	case name.rrtype == dns.TypeNSEC:
		z.nsec = append(z.nsec, owner)
	case name.rrtype == dns.TypeNS && owner != z.apex:
		z.cuts[owner] = true
	}
	for ; owner != z.apex; owner = owner.Parent() {
		z.names[owner] = true
	}
	z.names[z.apex] = true
	return nil
}
