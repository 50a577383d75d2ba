package dane

import (
	"time"

	"github.com/danesmtp/danesmtp/dnssec"
)

// jsonVersion changes when a field changes its meaning or goes.
const jsonVersion = 1

// The form of a Result in JSON. Durations are in milliseconds, instants in RFC
// 3339, names without the final dot.
type (
	jsonResult struct {
		Version    int          `json:"version"`
		Domain     string       `json:"domain"`
		Outcome    Outcome      `json:"outcome"`
		Profile    Profile      `json:"profile"`
		MTASTS     bool         `json:"mta_sts"`
		Mandatory  bool         `json:"mandatory,omitempty"`
		Unresolved bool         `json:"unresolved,omitempty"`
		Plan       *Action      `json:"plan,omitempty"`
		Permanent  bool         `json:"permanent,omitempty"`
		Code       string       `json:"code,omitempty"`
		ResultType ResultType   `json:"failure,omitempty"`
		Reason     string       `json:"failure_reason,omitempty"`
		Error      string       `json:"error,omitempty"`
		Decision   string       `json:"decision,omitempty"`
		Place      *jsonPlace   `json:"destination,omitempty"`
		Omitted    int          `json:"omitted_hosts,omitempty"`
		Hosts      []jsonHost   `json:"hosts,omitempty"`
		Lookups    []jsonLookup `json:"lookups"`
		Expires    *time.Time   `json:"expires,omitempty"`
		Started    time.Time    `json:"started"`
		Elapsed    float64      `json:"elapsed_ms"`
	}
	jsonPlace struct {
		Expanded string        `json:"expanded"`
		Status   dnssec.Status `json:"status"`
		Implicit bool          `json:"implicit,omitempty"`
		Routed   bool          `json:"routed,omitempty"`
		Port     uint16        `json:"port,omitempty"`
		MX       []jsonMX      `json:"mx,omitempty"`
	}
	jsonMX struct {
		Preference uint16 `json:"preference"`
		Host       string `json:"host"`
	}
	jsonHost struct {
		Host       string        `json:"host"`
		Port       uint16        `json:"port"`
		Action     Action        `json:"action"`
		Error      string        `json:"error,omitempty"`
		Code       string        `json:"code,omitempty"`
		ResultType ResultType    `json:"failure,omitempty"`
		Reason     string        `json:"failure_reason,omitempty"`
		MXSecure   bool          `json:"mx_secure"`
		Routed     bool          `json:"routed,omitempty"`
		MTASTS     bool          `json:"mta_sts"`
		PKIX       string        `json:"pkix,omitempty"`
		Base       string        `json:"base,omitempty"`
		Names      []string      `json:"names,omitempty"`
		Addresses  []jsonAddress `json:"addresses,omitempty"`
		TLSA       []string      `json:"tlsa,omitempty"`
		Report     ReportPolicy  `json:"report_policy"`
		Omitted    int           `json:"omitted_records,omitempty"`
		Lookups    int           `json:"lookup_count"` // of the result's lookups, in order
		Probes     []jsonProbe   `json:"probes,omitempty"`
	}
	jsonAddress struct {
		Address string        `json:"address"`
		Status  dnssec.Status `json:"status"`
		Refused bool          `json:"refused,omitempty"`
	}
	jsonProbe struct {
		Address       string     `json:"address"`
		Local         string     `json:"local,omitempty"`
		Authenticated bool       `json:"authenticated"`
		Fallback      bool       `json:"fallback,omitempty"`
		Protocol      string     `json:"protocol,omitempty"`
		Cipher        string     `json:"cipher,omitempty"`
		Incomplete    bool       `json:"handshake_incomplete,omitempty"`
		Match         *jsonMatch `json:"match,omitempty"`
		Error         string     `json:"error,omitempty"`
		Code          string     `json:"code,omitempty"`
		ResultType    ResultType `json:"failure,omitempty"`
		Reason        string     `json:"failure_reason,omitempty"`
		Steps         []jsonStep `json:"steps,omitempty"`
		Elapsed       float64    `json:"elapsed_ms"`
	}
	jsonStep struct {
		Stage   string   `json:"stage"`
		Command string   `json:"command,omitempty"`
		Code    int      `json:"code,omitempty"`
		Reply   []string `json:"reply,omitempty"`
		Start   float64  `json:"start_ms"`
		Elapsed float64  `json:"elapsed_ms"`
	}
	jsonMatch struct {
		Record string `json:"record"`
		Depth  int    `json:"depth"`
		Name   string `json:"name,omitempty"`
	}
	jsonLookup struct {
		Name    string        `json:"name"`
		Type    string        `json:"type"`
		Status  dnssec.Status `json:"status"`
		RCode   string        `json:"rcode,omitempty"`
		Records []string      `json:"records,omitempty"`
		Aliases []jsonAlias   `json:"aliases,omitempty"`
		Reason  string        `json:"reason,omitempty"`
		EDE     *dnssec.EDE   `json:"ede,omitempty"`
		Error   string        `json:"error,omitempty"`
		Expires *time.Time    `json:"expires,omitempty"`
		Elapsed float64       `json:"elapsed_ms"`
		Queries []jsonQuery   `json:"queries,omitempty"`
	}
	jsonQuery struct {
		Name       string   `json:"name"`
		Type       string   `json:"type"`
		Server     string   `json:"server,omitempty"`
		Network    string   `json:"network,omitempty"`
		RCode      string   `json:"rcode,omitempty"`
		Error      string   `json:"error,omitempty"`
		PassedOver []string `json:"passed_over,omitempty"`
		Elapsed    float64  `json:"elapsed_ms"`
	}
	jsonAlias struct {
		Name   string        `json:"name"`
		Target string        `json:"target"`
		Type   string        `json:"type"`
		Status dnssec.Status `json:"status"`
	}
)
