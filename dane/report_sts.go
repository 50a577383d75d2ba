package dane

// The result types of MTA-STS, for a sender that applies it where Host.MTASTS says that it
// may. This module gives none of them: what such a sender reports is its own
// Report, with a ReportPolicy of type "sts".
const (
	STSPolicyFetchError ResultType = "sts-policy-fetch-error" // RFC 8460 §4.3.2.2
	STSPolicyInvalid    ResultType = "sts-policy-invalid"     // RFC 8460 §4.3.2.2
	STSWebPKIInvalid    ResultType = "sts-webpki-invalid"     // RFC 8460 §4.3.2.2
)
