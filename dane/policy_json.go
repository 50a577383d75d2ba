package dane

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/danesmtp/danesmtp/internal/printable"
)

// MarshalJSON returns the form that UnmarshalJSON reads.
func (p *Policy) MarshalJSON() ([]byte, error) { return json.Marshal(p.rules) }

// UnmarshalJSON reads a policy, and checks it as [NewPolicy] does. What can only be a mistake
// is an error that names the destination, and wraps [ErrPolicy]: a field that is unknown or
// not in lower case, since a misspelt setting would have no effect; a key that is given
// twice; null; and a route without hosts.
func (p *Policy) UnmarshalJSON(text []byte) error {
	if err := checkJSON(text, "destinations"); err != nil {
		return fmt.Errorf("dane: %w: %w", ErrPolicy, err)
	}
	var in struct {
		Default      json.RawMessage            `json:"default"`
		Destinations map[string]json.RawMessage `json:"destinations"`
	}
	if err := decodeKnown(text, &in); err != nil {
		return fmt.Errorf("dane: %w: %w", ErrPolicy, err)
	}
	var errs []error
	var byDefault Profile
	if in.Default != nil {
		if err := byDefault.decode(in.Default); err != nil {
			errs = append(errs, fmt.Errorf("%w: the default: %w", ErrPolicy, err))
		}
	}
	destinations := make(map[string]Profile, len(in.Destinations))
	for _, destination := range slices.Sorted(maps.Keys(in.Destinations)) {
		var profile Profile
		if err := profile.decode(in.Destinations[destination]); err != nil {
			errs = append(errs, fmt.Errorf("%w: %s: %w", ErrPolicy, printable.Line(destination), err))
		}
		destinations[destination] = profile
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("dane: %w", err)
	}
	policy, err := NewPolicy(byDefault, destinations)
	if err != nil {
		return err
	}
	*p = *policy
	return nil
}

// A storedProfile is a profile as policy files hold it, with the two settings that only files
// from earlier versions have. They mean what they meant.
type storedProfile struct {
	Profile
	// Flow: mail that is accepted, which goes to servers behind this one, has no DANE.
	Flow  string `json:"flow"`
	Route struct {
		Route
		NoDANE bool `json:"no_dane"`
	} `json:"route"`
}

// decode reads a profile in JSON. A route that is there must have hosts: without, the mail would
// go to those of the DNS, past the route that somebody wanted.
func (p *Profile) decode(text []byte) error {
	var in storedProfile
	if err := decodeKnown(text, &in); err != nil {
		return err
	}
	var has struct {
		Route json.RawMessage `json:"route"`
	}
	if err := json.Unmarshal(text, &has); err != nil {
		return err
	}
	if has.Route != nil && len(in.Route.Hosts) == 0 {
		return errors.New("a route without hosts")
	}
	*p = in.Profile
	p.Route = in.Route.Route
	return in.applyRetired(p)
}

// applyRetired gives the profile what the settings of earlier versions say.
func (in *storedProfile) applyRetired(p *Profile) error {
	switch in.Flow {
	case "", "relay":
	case "accept":
		if p.DANE == DANEMandatory {
			return errors.New("mandatory DANE for mail that is accepted, which is not verified")
		}
		p.DANE = DANENone
	default:
		return fmt.Errorf(`flow %q: want "relay" or "accept"`, in.Flow)
	}
	if in.Route.NoDANE && p.DANE != DANENone {
		// Such a route failed always, so that nobody can have one that delivers.
		return errors.New(`there is no "no_dane" any more: to send by a route without DANE, write "dane": "none"`)
	}
	return nil
}

// decodeKnown decodes an object without fields that are not known.
func decodeKnown(text []byte, to any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	return decoder.Decode(to)
}

// ReadPolicy reads a policy in JSON, as [Policy.UnmarshalJSON] does.
func ReadPolicy(r io.Reader) (*Policy, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxPolicy+1))
	if err != nil {
		return nil, fmt.Errorf("dane: %w: %w", ErrPolicy, err)
	}
	if len(text) > maxPolicy {
		return nil, fmt.Errorf("dane: %w: more than %d octets", ErrPolicy, maxPolicy)
	}
	p := new(Policy)
	if err := p.UnmarshalJSON(text); err != nil {
		return nil, err
	}
	return p, nil
}
