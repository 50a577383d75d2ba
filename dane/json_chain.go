package dane

import (
	"fmt"
	"time"

	"github.com/danesmtp/danesmtp/dnssec"
)

type (
	// A jsonCause is a dnssec.Reason in its parts, of which "reason" has the text.
	jsonCause struct {
		Zone   string `json:"zone,omitempty"`
		Name   string `json:"name"`
		Type   string `json:"type"`
		KeyTag uint16 `json:"key_tag,omitempty"`
		Text   string `json:"text,omitempty"`
	}
	// A jsonLink is a dnssec.Link without its records.
	jsonLink struct {
		Zone        string        `json:"zone,omitempty"`
		Name        string        `json:"name"`
		Type        string        `json:"type"`
		Status      dnssec.Status `json:"status"`
		Anchor      bool          `json:"anchor,omitempty"`
		KeyTag      uint16        `json:"key_tag,omitempty"`
		Algorithm   uint8         `json:"algorithm,omitempty"`
		OriginalTTL uint32        `json:"original_ttl,omitempty"`
		Inception   *time.Time    `json:"inception,omitempty"`
		Expiration  *time.Time    `json:"expiration,omitempty"`
		Server      string        `json:"server,omitempty"`
	}
)

// decode returns the reason with what is known of its parts.
func (in *jsonCause) decode(r dnssec.Reason) (dnssec.Reason, error) {
	if in == nil {
		return r, nil
	}
	r.Zone, r.Name, r.KeyTag, r.Text = in.Zone, in.Name, in.KeyTag, in.Text
	var err error
	r.Type, err = rrtype(in.Type)
	return r, err
}

func decodeChain(in []jsonLink) (chain []dnssec.Link, err error) {
	if len(in) > maxLinks {
		return nil, fmt.Errorf("dane: result: a chain of %d links, more than %d", len(in), maxLinks)
	}
	for _, l := range in {
		link := dnssec.Link{
			Zone: l.Zone, Name: l.Name, Status: l.Status, Anchor: l.Anchor, KeyTag: l.KeyTag, Algorithm: l.Algorithm, OriginalTTL: l.OriginalTTL,
			Inception: moment(l.Inception), Expiration: moment(l.Expiration), Server: l.Server,
		}
		if link.Type, err = rrtype(l.Type); err != nil {
			return nil, err
		}
		chain = append(chain, link)
	}
	return chain, nil
}
