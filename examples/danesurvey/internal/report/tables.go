package report

import (
	"strings"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/tlsa"
)

// A tableAbout says what a table is about.
type tableAbout struct {
	// file is the CSV without its ending, and column the name of its lines.
	file, column string
	title, text  string
	// empty says why there may be nothing in it.
	empty string
	// label returns what a page shows for the name of a line. Nil means the name.
	label func(name string) string
	// shown is how many lines a page shows, and drawn how many of them its drawing.
	shown, drawn int
}

var tables = [kinds]tableAbout{
	ofFinding: {
		file: "findings", column: "code", title: "Findings", shown: 100, drawn: 15,
		empty: "Nothing was found.",
		text:  "What is wrong, or worth knowing, by the number of domains that have it. A domain may have several.",
	},
	ofActor: {
		file: "actors", column: "actor", title: "Who must act", shown: 10, drawn: 10,
		empty: "No domain is broken.",
		text:  "For the broken domains, by the gravest finding of each.",
	},
	ofProvider: {
		file: "providers", column: "provider", title: "Mail providers", shown: 25, drawn: 15,
		empty: "No domain has a mail server.",
		label: ownServers,
		text: "By the registered domain of the mail servers. Servers within the domain that they are for " +
			"are its own. A domain with several providers counts for each.",
	},
	ofOperator: {
		file: "dns_operators", column: "operator", title: "DNS operators", shown: 25, drawn: 15,
		empty: "The rows do not tell who runs the name servers: they have no names of them, and the answers " +
			"came from a resolver. A survey that asks name servers by itself has their networks.",
		label: ownServers,
		text: "By the registered domain of the name servers where the rows have them, and else by the network " +
			"of the server that gave the MX records.",
	},
	ofDNSSEC: {
		file: "dnssec", column: "status", title: "DNSSEC of the MX records", shown: 10, drawn: 10,
		empty: "No MX record was looked up.",
		label: func(name string) string {
			return map[string]string{
				"secure": "signed", "secure" + withoutMX: "no MX (signed)",
				"secure" + notThere: "not there (signed)",
				"insecure":          "not signed", "insecure" + withoutMX: "no MX (not signed)",
				"insecure" + notThere: "not there (not signed)",
				"bogus":               "wrongly signed (bogus)", "indeterminate": "not known",
			}[name]
		},
		text: "DANE needs MX records that are signed.",
	},
	ofAlgorithm: {
		file: "algorithms", column: "algorithm", title: "Algorithms of domains", shown: 20, drawn: 10,
		empty: "No MX record is signed.",
		text:  "DNSSEC algorithm that signs the MX records.",
	},
	ofTLSAAlgorithm: {
		file: "tlsa_algorithms", column: "algorithm", title: "Algorithms of mail hosts", shown: 20, drawn: 10,
		empty: "No TLSA record is signed.",
		text:  "DNSSEC algorithm that signs the TLSA records.",
	},
	ofParameters: {
		file: "tlsa_parameters", column: "parameters", title: "TLSA parameters", shown: 20, drawn: 10,
		empty: "No host has TLSA records.",
		text:  "Usage, selector and matching type of each record.",
	},
	ofSet: {
		file: "tlsa_sets", column: "records", title: "TLSA records together", shown: 20, drawn: 10,
		empty: "No host has TLSA records.",
		text:  "All records of a host, by their parameters.",
	},
	ofScheme: {
		file: "rollover", column: "scheme", title: "Next change of the key", shown: 10, drawn: 10,
		empty: "No server was connected to whose TLSA records match.",
		label: func(name string) string {
			if name == tlsa.NoScheme.String() {
				return "not prepared"
			}
			return name
		},
		text: "How the TLSA records of a host will fit its next key, as far as they fit the one it has.",
	},
	ofVersion: {
		file: "tls_versions", column: "version", title: "TLS versions", shown: 10, drawn: 10,
		empty: "No server was connected to by TLS.",
		text:  "Agreed on with mail servers.",
	},
	ofIssuer: {
		file: "issuers", column: "issuer", title: "Issuers of certificates", shown: 25, drawn: 10,
		empty: "No certificate was seen.",
		label: func(name string) string { return strings.Trim(name, "()") },
		text:  "Who has signed the certificates of mail servers.",
	},
	ofUnknown: {
		file: "unknown", column: "code", title: "Not known", shown: 25, drawn: 15,
		empty: "There is a verdict on every domain.",
		text:  "Domains without a verdict, by why there is none. Nothing is said about them, neither good nor bad.",
		label: func(name string) string {
			if name == "" {
				return "no finding says why"
			}
			return name
		},
	},
}

func ownServers(name string) string {
	if name == own {
		return "the domain's own servers"
	}
	return name
}

func (t *tableAbout) labelOf(name string) string {
	if t.label == nil {
		return name
	}
	if label := t.label(name); label != "" {
		return label
	}
	return name
}

// about says in a few words what a finding is about.
func about(code string) string {
	if text := diagnosis.Code(code).About(); text != "" {
		return text
	}
	return "not known to this version"
}
