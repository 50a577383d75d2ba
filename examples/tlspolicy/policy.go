package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/danesmtp/danesmtp/dane"
)

// readPolicy reads the exceptions from a file of package dane's form. What Postfix's own
// configuration decides, or cannot be told to it, is an error.
func readPolicy(path string) (*dane.Policy, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	policy, err := dane.ReadPolicy(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	text, err := policy.MarshalJSON()
	if err != nil {
		return nil, err
	}
	var all struct {
		Default      dane.Profile            `json:"default"`
		Destinations map[string]dane.Profile `json:"destinations"`
	}
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	errs := []error{unfit(path, "default", all.Default)}
	for name, profile := range all.Destinations {
		errs = append(errs, unfit(path, name, profile))
	}
	return policy, errors.Join(errs...)
}

// unfit returns why a profile cannot be told to Postfix.
func unfit(path, name string, p dane.Profile) error {
	switch {
	case len(p.Route.Hosts) > 0:
		return fmt.Errorf("%s: %s: a route is for Postfix's transport_maps to set", path, name)
	case p.UseInsecureMX:
		return fmt.Errorf("%s: %s: use_insecure_mx is Postfix's smtp_tls_dane_insecure_mx_policy", path, name)
	case p.TLS == dane.TLSPreferredVerify:
		return fmt.Errorf("%s: %s: Postfix has no level for preferred-verify", path, name)
	}
	return nil
}
