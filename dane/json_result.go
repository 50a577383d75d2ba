package dane

import "github.com/danesmtp/danesmtp/tlsa"

// result writes a result, in the form of jsonResult.
func (t *jsonText) result(r *Result) {
	t.raw("{")
	t.number("version", jsonVersion)
	name := r.Name
	if r.Domain != nil {
		name = r.Domain.Name
	}
	t.text("domain", name)
	t.text("outcome", r.Outcome.String())
	t.profile(&r.Profile)
	t.bool("mta_sts", r.MTASTS)
	t.trueIf("mandatory", r.Mandatory)
	t.trueIf("unresolved", r.Unresolved)
	t.trueIf("local_lack", r.Local)
	if r.Planned {
		t.text("plan", r.action().String())
	}
	failure := r.Failure()
	t.trueIf("permanent", r.Outcome == OutcomeFailure && failure.Permanent)
	t.textIfAny("code", failure.Code)
	t.textIfAny("failure", string(failure.ResultType))
	t.textIfAny("failure_reason", failure.Reason)
	t.textIfAny("error", failure.Text)
	if row, ok := r.decision(); ok {
		t.textIfAny("decision", row.Text)
	}
	if r.Domain != nil {
		t.destination(r.Domain)
		t.numberIfAny("omitted_hosts", r.Domain.Omitted)
	}
	jsonArrayIfAny(t, "hosts", r.Hosts, t.host)
	t.lookups(r)
	t.instantIfAny("expires", r.Expires)
	t.instant("started", r.Started)
	t.milliseconds("elapsed_ms", r.Elapsed)
	t.raw("}")
}

// profile writes what the policy wants, in the form of Profile.
func (t *jsonText) profile(p *Profile) {
	t.name("profile")
	t.raw("{")
	t.text("dane", p.DANE.String())
	t.text("tls", p.TLS.String())
	t.trueIf("use_insecure_mx", p.UseInsecureMX)
	t.trueIf("audit", p.Audit)
	if p.Route.Hosts != nil || p.Route.Port != 0 {
		t.name("route")
		t.raw("{")
		t.stringsIfAny("hosts", p.Route.Hosts)
		t.numberIfAny("port", int(p.Route.Port))
		t.raw("}")
	}
	t.raw("}")
}

// destination writes a domain, in the form of jsonPlace.
func (t *jsonText) destination(d *Domain) {
	t.name("destination")
	t.raw("{")
	t.text("expanded", d.Expanded)
	t.text("status", d.Status.String())
	t.trueIf("implicit", d.Implicit)
	t.trueIf("routed", d.Routed)
	t.numberIfAny("port", int(d.Port))
	jsonArrayIfAny(t, "mx", d.MX, func(mx *MX) {
		t.raw("{")
		t.number("preference", int(mx.Preference))
		t.text("host", mx.Host)
		t.raw("}")
	})
	t.raw("}")
}

// host writes a host, in the form of jsonHost.
func (t *jsonText) host(h *HostResult) {
	failure := h.Classify(h.Err)
	t.raw("{")
	t.text("host", h.Name)
	t.number("port", int(h.Port))
	t.text("action", h.Action.String())
	t.textIfAny("error", failure.Text)
	t.textIfAny("code", failure.Code)
	t.textIfAny("failure", string(failure.ResultType))
	t.textIfAny("failure_reason", failure.Reason)
	t.bool("mx_secure", h.MXSecure)
	t.trueIf("routed", h.Routed)
	t.bool("mta_sts", h.MTASTS)
	t.textIfAny("pkix", h.PKIX)
	t.textIfAny("base", h.Base)
	t.stringsIfAny("names", h.Names)
	jsonArrayIfAny(t, "addresses", h.Addresses, t.address)
	jsonArrayIfAny(t, "tlsa", h.Records, func(r *tlsa.Record) { t.string(r.String()) })
	t.reportPolicy(h.ReportPolicy())
	t.trueIf("local_lack", failure.Local)
	t.numberIfAny("omitted_records", h.Omitted)
	t.number("lookup_count", len(h.Lookups))
	jsonArrayIfAny(t, "probes", h.Attempts, func(a *Attempt) { t.value(probeJSON(h, a)) })
	t.raw("}")
}

// address writes an address of a host, in the form of jsonAddress.
func (t *jsonText) address(a *Address) {
	t.raw("{")
	t.name("address")
	t.string(a.Addr.String())
	t.text("status", a.Status.String())
	t.trueIf("refused", a.Refused)
	t.raw("}")
}

// reportPolicy writes the policy part of a TLS report, in the form of ReportPolicy.
func (t *jsonText) reportPolicy(p ReportPolicy) {
	t.name("report_policy")
	t.raw("{")
	t.text("policy-type", p.Type)
	t.stringsIfAny("policy-string", p.Strings)
	t.text("policy-domain", p.Domain)
	t.textIfAny("failure", string(p.ResultType))
	t.raw("}")
}

// lookups writes those of a result, in order.
func (t *jsonText) lookups(r *Result) {
	t.name("lookups")
	t.raw("[")
	for l := range r.AllLookups() {
		t.comma()
		t.lookup(l)
	}
	t.raw("]")
}
