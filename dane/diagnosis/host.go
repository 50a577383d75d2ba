package diagnosis

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/tlsa"
)

func isLocal(err error) bool { return err != nil && new(dane.Host).Classify(err).Local }

// host looks at one mail host, and at each of its addresses.
func (d *diagnosis) host(h *dane.HostResult) {
	if len(h.Lookups) == 0 && len(h.Addresses) == 0 {
		d.notLookedUp(h)
		return
	}
	if len(h.Attempts) == 0 && ofNoInternet(h.Name) {
		d.find(Finding{Code: CodeMXName, Host: h.Name,
			Text: "The MX record names " + quoted(h.Name) + ", a name that no sender on the Internet finds a mail server by.",
			Fix:  "Publish an MX record with the public name of the mail server."})
		return
	}
	failed := false
	for i := range h.Lookups {
		if l := &h.Lookups[i]; l.Err != nil {
			failed = true
			d.failedLookup(l, h.Name)
		}
	}
	if len(h.Addresses) == 0 && !failed {
		f := Finding{Code: CodeNoAddress, Host: h.Name,
			Text: "The MX record names " + h.Name + ", which has neither an A nor an AAAA record: nobody can deliver there.",
			Fix:  "Publish its addresses, or remove the MX record."}
		if d.result.Domain.Implicit {
			f.Text = h.Name + " has neither an MX record nor an address: nobody can deliver there."
			f.Fix = "Publish an MX record that names the mail server; if the domain is to accept no mail, a null MX record (0 .)."
		} else if meant := d.meantHost(h.Name); meant != "" {
			f.Fix = d.withDot(meant)
		}
		d.find(f)
	}
	d.refusedAddresses(h)
	d.privateAddresses(h)
	if len(h.Records) > 0 && !slices.ContainsFunc(h.Records, func(r tlsa.Record) bool { return r.Usable(tlsa.SMTP) == nil }) {
		d.unusable(h)
	}
	for i := range h.Attempts {
		d.attempt(h, &h.Attempts[i])
	}
	d.notProbed(h)
	d.risks(h)
}

// notLookedUp says why there was nothing to ask for.
func (d *diagnosis) notLookedUp(h *dane.HostResult) {
	f := Finding{Code: CodeMXName, Host: h.Name, Evidence: texts(h.Err),
		Text: "The MX record names " + quoted(trimDot(h.Name)) + ", which is not a host name.",
		Fix:  "Publish an MX record with the name of a host that has A or AAAA records, not with an address, an empty label or other characters than letters, digits and hyphens."}
	if trimDot(h.Name) == "" {
		f.Text = "There is a null MX record (.), which says that the domain accepts no mail, beside others that name mail servers (RFC 7505)."
		f.Fix = "Remove the null MX record, or all the others."
	}
	if isLocal(h.Err) {
		f.Code = CodeLocalLack
		f.Text, f.Fix = "This machine could not look up "+h.Name+".", "Give it what it lacks, and ask again. It says nothing about the domain."
	}
	d.find(f)
}

// ofNoInternet reports whether a name is for use on one host or network alone, by RFC 6761, 6762
// and 8375, by ICANN (internal), or by habit.
func ofNoInternet(name string) bool {
	name = "." + strings.ToLower(trimDot(name))
	return slices.ContainsFunc([]string{".localhost", ".localdomain", ".local", ".lan", ".internal", ".invalid", ".home.arpa"},
		func(suffix string) bool { return strings.HasSuffix(name, suffix) })
}

func (d *diagnosis) refusedAddresses(h *dane.HostResult) {
	var refused []netip.Addr
	for _, a := range h.Addresses {
		if a.Refused {
			refused = append(refused, a.Addr)
		}
	}
	if len(refused) > 0 {
		d.find(Finding{Code: CodeAddressRefused, Host: h.Name, Addresses: refused,
			Text: "An address of " + h.Name + " is of this machine, of a local network link, or reserved: no sender connects to it.",
			Fix:  "Publish the address at which the Internet reaches the server."})
	}
}

// privateAddresses warns of those that were not tried; see attempt for the others.
func (d *diagnosis) privateAddresses(h *dane.HostResult) {
	var private []netip.Addr
	for _, a := range h.Addresses {
		tried := slices.ContainsFunc(h.Attempts, func(t dane.Attempt) bool { return t.Addr.Addr().Unmap() == a.Addr.Unmap() })
		if isPrivate(a.Addr) && !a.Refused && !tried {
			private = append(private, a.Addr)
		}
	}
	if len(private) > 0 {
		f := Finding{Host: h.Name, Addresses: private}
		privateAddress(h, &f)
		d.find(f)
	}
}

// privateAddress says that only some senders can reach a server.
func privateAddress(h *dane.HostResult, f *Finding) {
	f.Code = CodeAddressPrivate
	f.Text = h.Name + " has a private address in DNS: only hosts in the same network reach the server there."
	f.Fix = "Publish the address at which the Internet reaches the server, or remove the record."
}

var sharedAddresses = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598

func isPrivate(addr netip.Addr) bool {
	return addr.Unmap().IsPrivate() || sharedAddresses.Contains(addr.Unmap())
}

// unusable says that the records mean nothing, where all that could be done was to encrypt.
func (d *diagnosis) unusable(h *dane.HostResult) {
	f := Finding{Code: CodeTLSAUnusable, Host: h.Name, Remove: recordsOf(h),
		Text: "None of the TLSA records of " + h.Name + " means anything to a sender of mail, so that they protect nothing: " + uselessness(h) + "."}
	f.Fix = "Publish a record of the server's own key instead: 3 1 1 and the digest of its public key."
	for _, a := range h.Attempts {
		if chain := a.Chain(); len(chain) > 0 {
			if a.Report != nil && d.mistaken(h, a.Report, chain, &f) {
				f.Evidence = append(recordEvidence(a.Report), certificateEvidence(chain)...)
				break
			}
			f.Publish = []string{rightRecord(h, chain)}
			f.Fix = "Publish the record of the server's own key instead."
			f.Evidence = append(f.Evidence, certificateEvidence(chain)...)
			break
		}
	}
	for _, r := range h.Records {
		if err := r.Usable(tlsa.SMTP); err != nil {
			f.Evidence = append(f.Evidence, r.String()+": "+err.Error())
		}
	}
	d.find(f)
}

// uselessness says why records mean nothing.
func uselessness(h *dane.HostResult) string {
	var reasons []string
	for _, r := range h.Records {
		err := r.Usable(tlsa.SMTP)
		if err == nil {
			continue
		}
		reason := err.Error()
		if i := strings.LastIndex(reason, ": "); i >= 0 {
			reason = reason[i+2:]
		}
		if r.Usage == tlsa.PKIXTA || r.Usage == tlsa.PKIXEE {
			reason = "usages 0 and 1 are not for SMTP (RFC 7672)"
		}
		reasons = appendNew(reasons, []string{reason})
	}
	return strings.Join(reasons, "; ")
}

// notProbed says which addresses there is no verdict on, although there should be.
func (d *diagnosis) notProbed(h *dane.HostResult) {
	expected := h.Err == nil && (h.Action == dane.MustAuthenticate || h.Action == dane.MustEncrypt)
	switch {
	case len(h.Addresses) > 0 && isLocal(h.Err) && !slices.ContainsFunc(h.Lookups, func(l dane.Lookup) bool { return l.Err != nil }):
		d.find(Finding{Code: CodeNotProbed, Host: h.Name, Evidence: texts(h.Err), Addresses: addressesOf(h),
			Text: h.Name + " has no address of the one family over which connections were to be made, so that nothing is known of the server.",
			Fix:  "Ask over the other family, too."})
	case expected && d.result.Planned:
		d.find(Finding{Code: CodeNotProbed, Host: h.Name, Text: "No connection was made to " + h.Name + ".",
			Fix: "Ask with connections to know what its servers present."})
	case expected && h.Omitted > 0:
		d.find(Finding{Code: CodeNotProbed, Host: h.Name, Text: h.Name + " has more addresses than are looked at.",
			Fix: "Ask for the others by themselves."})
	}
}

func addressesOf(h *dane.HostResult) (all []netip.Addr) {
	for _, a := range h.Addresses {
		all = append(all, a.Addr)
	}
	return all
}

// hostsWithoutDANE says which hosts have no TLSA records that count, and why. Where others
// have some that is a hole, and not just a wish.
func (d *diagnosis) hostsWithoutDANE() {
	severity, others := Note, ""
	before, protected := false, d.protected()
	for i := range d.result.Hosts {
		h := &d.result.Hosts[i]
		before = before || authenticates(h)
		if d.result.Profile.DANE == dane.DANENone || !h.MXSecure || len(h.Records) > 0 || len(h.Addresses) == 0 {
			continue
		}
		if slices.ContainsFunc(h.Lookups, func(l dane.Lookup) bool { return l.Err != nil }) {
			continue
		}
		switch {
		case before:
			severity, others = Warning, " Other hosts of the domain have TLSA records: whoever can make those unreachable gets mail delivered here without authentication."
		case protected:
			severity, others = Warning, " Other hosts of the domain have TLSA records, and this one is tried before them, so that mail is delivered here without authentication."
		}
		f := d.withoutDANE(h)
		f.Severity, f.Text = severity, f.Text+others
		if others == "" {
			f.Text += " Nothing is broken."
		}
		d.find(f)
	}
}

func (d *diagnosis) withoutDANE(h *dane.HostResult) Finding {
	name := d.result.Domain.Name
	foreign := h.Name != name && !strings.HasSuffix(h.Name, "."+name)
	switch {
	case h.TLSA == nil:
		l := addressLookup(h)
		f := Finding{Code: CodeHostUnsigned, Host: h.Name, Evidence: lookupEvidence(l)}
		zone := unsignedZone(l)
		what, fix := d.unsigned(l, zone)
		f.Text = "The addresses of " + h.Name + " are in " + what + ", so that DANE does not apply to the host."
		f.Fix = fix + " Then publish TLSA records."
		if foreign {
			f.Fix = "Whoever runs the mail host must have the zone " + nameOr(zone, "of its name") + " signed and publish TLSA records: ask them. " +
				"If they will not, only moving the mail to a host that has DANE helps; nothing that " + name + " publishes does."
		}
		return f
	case h.TLSA.Status == dnssec.Insecure:
		what, fix := d.unsigned(h.TLSA, unsignedZone(h.TLSA))
		return Finding{Code: CodeTLSAUnsigned, Host: h.Name, Evidence: lookupEvidence(h.TLSA),
			Text: "What there is at " + h.TLSA.Name + " is in " + what + ", so that it does not count.", Fix: fix}
	}
	f := Finding{Code: CodeTLSAAbsent, Host: h.Name, Evidence: lookupEvidence(h.TLSA),
		Text: h.Name + " has no TLSA records at " + h.TLSA.Name + aliasOf(h.TLSA) + ", so that DANE does not protect mail to it."}
	made := "daneverify tlsa make -from " + h.Name + " prints the record by what the server presents; compare it with the certificate file."
	f.Fix = "Everything is signed already: publish 3 1 1 and the digest of the server's public key at that name, and one of the key to come. " + made
	if end := owner(h); end != h.TLSA.Name {
		f.Fix = "Publish at " + end + " 3 1 1 and the digest of the server's public key, and one of the key to come, or take the alias away and publish them in its place: beside an alias there can be none. " + made
	}
	if foreign {
		f.Fix = "Ask those who run the mail host to publish TLSA records at that name; its zone is signed already."
	}
	if d.asked == nil {
		f.Fix += " If they are published, a name server has an old zone" + d.comparing() + "."
	}
	return f
}

// aliasOf says where the aliases of a name lead.
func aliasOf(l *dane.Lookup) string {
	if len(l.Aliases) == 0 {
		return ""
	}
	target := trimDot(l.Aliases[len(l.Aliases)-1].Target)
	if l.RCode == dns.RcodeNameError {
		return ", which is an alias of " + target + ", a name that does not exist"
	}
	return ", which is an alias of " + target + ", where there are none"
}

// addressLookup is the lookup of addresses that gave some.
func addressLookup(h *dane.HostResult) *dane.Lookup {
	for i := range h.Lookups {
		l := &h.Lookups[i]
		if (l.Type == dns.TypeA || l.Type == dns.TypeAAAA) && len(l.Records) > 0 {
			return l
		}
	}
	return new(dane.Lookup)
}
