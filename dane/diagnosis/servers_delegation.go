package diagnosis

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/danesmtp/danesmtp/dnssec/compare"
)

// delegation says where the zone above, and the zone itself, do not have the same.
func (d *diagnosis) delegation(z *zoneView) {
	above, within := z.NamedAbove(), z.NamedWithin()
	if len(above)+len(within) > 0 {
		f := Finding{Code: CodeDelegationDiffers, Text: "The zone above names other name servers for " + z.shown() + " than the zone itself:"}
		if len(above) > 0 {
			f.Text += " " + dotless(above) + plural(len(above), " is", " are") + " named above alone, so that resolvers go there, although the zone does not count on it;"
			f.Evidence = append(f.Evidence, "named above alone: "+dotless(above))
		}
		if len(within) > 0 {
			f.Text += " " + dotless(within) + plural(len(within), " is", " are") + " named in the zone alone, so that it does not help those who come from above;"
			f.Evidence = append(f.Evidence, "named in the zone alone: "+dotless(within))
		}
		f.Text = strings.TrimSuffix(f.Text, ";") + "."
		f.Fix = "Give the registrar the name servers that the zone is to have, or change the NS records of the zone: both must be the same."
		for _, delegation := range z.Delegations {
			if len(delegation.NS) > 0 {
				f.Evidence = append(f.Evidence, fmt.Sprintf("%s, of the zone above, names %s", trimDot(delegation.Server), dotless(delegation.NS)))
			}
		}
		d.find(f)
	}
	d.glue(z)
	d.parentDS(z)
}

// glue says which addresses the zone above has that the server's name does not have any more.
func (d *diagnosis) glue(z *zoneView) {
	var told []string
	for i := range z.Servers {
		s := &z.Servers[i]
		if !z.StaleGlue(s) || slices.Contains(told, s.Name) {
			continue
		}
		told = append(told, s.Name)
		f := Finding{Code: CodeGlueDiffers,
			Text: "The zone above still has an old address for " + trimDot(s.Name) + ", a name server of " + z.shown() + ": " + s.Address.String() + ". Resolvers that come from above go there" + whatIsThere(s) + ".",
			Fix:  "Have the registrar replace the address of the host object " + trimDot(s.Name) + " by " + addresses(z.recorded(s.Name)) + "."}
		f.Evidence = []string{
			"glue in the zone above: " + addresses(z.Glue(s.Name)), "records of " + trimDot(s.Name) + ": " + addresses(z.recorded(s.Name)), seenServer(s),
		}
		d.find(f)
	}
}

// whatIsThere says what an address that should not be asked any more answers.
func whatIsThere(s *compare.Server) string {
	switch s.Outcome {
	case compare.Answered:
		return ", and still find the zone"
	case compare.Local:
		return ""
	}
	return ", and find nothing of use (" + s.Outcome.String() + ")"
}

// recorded are the addresses that a server's own name has.
func (z *zoneView) recorded(name string) (all []netip.Addr) {
	for i := range z.Servers {
		if s := &z.Servers[i]; s.Name == name && s.Recorded {
			all = append(all, s.Address)
		}
	}
	return all
}

// parentDS says that the servers of the zone above disagree about the DS records.
func (d *diagnosis) parentDS(z *zoneView) {
	var said, lines []string
	for _, delegation := range z.Delegations {
		if a := &delegation.DS; a.HasData() && len(delegation.NS) > 0 {
			lines = append(lines, fmt.Sprintf("%s (%s): %s: %s", trimDot(delegation.Server), delegation.Address, shownQuestion(a.Question), a.Said()+inBrackets(a.Reason.String())))
			if what := a.Said() + " " + a.Outcome.String(); !slices.Contains(said, what) {
				said = append(said, what)
			}
		}
	}
	if len(said) > 1 {
		d.find(Finding{Code: CodeDSDiffers, Evidence: lines,
			Text: "The name servers of " + nameOr(trimDot(z.Parent), "the root") + " disagree about the DS records of " + z.shown() + ": which keys validate depends on the server that a resolver happens to ask.",
			Fix:  "If the DS records were changed a moment ago, wait until all of these servers have them, and keep the old key in the zone until then. Otherwise tell the registry."})
	}
}

func dotless(names []string) string {
	shown := make([]string, len(names))
	for i, name := range names {
		shown[i] = trimDot(name)
	}
	return strings.Join(shown, ", ")
}

func addresses(all []netip.Addr) string {
	if len(all) == 0 {
		return "none"
	}
	shown := make([]string, len(all))
	for i, addr := range all {
		shown[i] = addr.String()
	}
	return strings.Join(shown, ", ")
}
