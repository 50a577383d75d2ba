package dane

import (
	"bytes"
	"cmp"
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

// decode reads a profile in JSON. A route that is there must have hosts: without, the mail would
// go to those of the DNS, past the route that somebody wanted.
func (p *Profile) decode(text []byte) error {
	if err := decodeKnown(text, p); err != nil {
		return cmp.Or(retiredSetting(text), err)
	}
	var has struct {
		Route json.RawMessage `json:"route"`
	}
	if err := json.Unmarshal(text, &has); err != nil {
		return err
	}
	if has.Route != nil && len(p.Route.Hosts) == 0 {
		return errors.New("a route without hosts")
	}
	return nil
}

// retiredSetting returns what to write in place of a setting that there was once, and nil
// for others.
func retiredSetting(profile []byte) error {
	var has struct {
		Flow  json.RawMessage
		Route struct {
			NoDANE json.RawMessage `json:"no_dane"`
		}
	}
	switch err := json.Unmarshal(profile, &has); {
	case err != nil:
		return nil
	case has.Flow != nil:
		return errors.New(`there is no "flow" any more: leave "relay" out, and for "accept" write "dane": "none"`)
	case has.Route.NoDANE != nil:
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
