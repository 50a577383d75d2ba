package diagnosis

// A Code names a kind of finding. Codes are stable: what one means does not change.
type Code string

// Of this machine, and of what it was asked.
const (
	CodeNotADomain Code = "not-a-domain"
	CodeNoResolver Code = "no-capable-resolver"
	CodeLocalLack  Code = "local-lack"
	CodeNoRoute    Code = "no-route"
	CodeNotProbed  Code = "not-probed"
	CodeDANEOff    Code = "dane-off"
	CodeTrustState Code = "trust-state"
	CodeClock      Code = "clock-wrong"

	CodeTrustAnchorMismatch Code = "trust-anchor-mismatch"
)

// Of the DNS.
const (
	CodeNoDomain             Code = "no-such-domain"
	CodeNullMX               Code = "null-mx"
	CodeMXName               Code = "mx-not-a-host"
	CodeNoAddress            Code = "host-without-address"
	CodeAddressRefused       Code = "address-not-public"
	CodeAddressPrivate       Code = "address-private"
	CodeSignatureExpired     Code = "signature-expired"
	CodeSignatureNotYetValid Code = "signature-not-yet-valid"
	CodeSignatureMissing     Code = "signature-missing"
	CodeSignatureWrong       Code = "signature-wrong"
	CodeDSWithoutKey         Code = "ds-without-key"
	CodeKeyMissing           Code = "signing-key-missing"
	CodeDenialBroken         Code = "denial-not-proven"
	CodeBogus                Code = "bogus"
	CodeDNSFailed            Code = "dns-no-answer"
	CodeTLSAQueryFails       Code = "tlsa-query-fails"
	CodeMXUnsigned           Code = "mx-unsigned"
	CodeHostUnsigned         Code = "host-unsigned"
	CodeTLSAUnsigned         Code = "tlsa-unsigned"
	CodeSignatureEnds        Code = "signature-ends-soon"
)

// Of the mail servers.
const (
	CodeUnreachable       Code = "address-unreachable"
	CodeServerBusy        Code = "server-busy"
	CodeClientRefused     Code = "client-refused"
	CodeSMTPBroken        Code = "smtp-broken"
	CodeNoStartTLS        Code = "no-starttls"
	CodeStartTLSFails     Code = "starttls-fails"
	CodeTLSVersion        Code = "tls-too-old"
	CodeTLSFails          Code = "tls-fails"
	CodeClientCertificate Code = "client-certificate"
)

// Of the TLSA records and the certificates.
const (
	CodeTLSAAbsent       Code = "tlsa-absent"
	CodeTLSAMisplaced    Code = "tlsa-misplaced"
	CodeTLSAUnusable     Code = "tlsa-unusable"
	CodeTLSAMismatch     Code = "tlsa-mismatch"
	CodeOtherCertificate Code = "other-certificate"
	CodeMLDSAAlone       Code = "ml-dsa-alone"
	CodeHidden           Code = "certificates-hidden"
	CodeIssuerChanged    Code = "issuer-changed"
	CodeIssuerMayChange  Code = "issuer-may-change"
	CodeAnchorNotSent    Code = "anchor-not-sent"
	CodePEMDigest        Code = "tlsa-pem-digest"
	CodeWrongSelector    Code = "tlsa-wrong-selector"
	CodeWrongMatching    Code = "tlsa-wrong-matching"
	CodeWrongUsage       Code = "tlsa-wrong-usage"
	CodeEmptyDigest      Code = "tlsa-empty-digest"
	CodeCertExpired      Code = "certificate-expired"
	CodeCertNotYetValid  Code = "certificate-not-yet-valid"
	CodeCertName         Code = "certificate-name"
	CodeCertPath         Code = "certificate-path"
	CodeCertRefused      Code = "certificate-refused"
	CodeUselessRecord    Code = "tlsa-useless-record"
	CodeAnchorAtRisk     Code = "anchor-at-risk"
	CodeTLSAIncomplete   Code = "tlsa-incomplete"
	CodeTLSALimit        Code = "tlsa-too-many"
	CodeWeakKey          Code = "weak-key"
	CodeNoNextKey        Code = "no-next-key"
	CodeCertificateEnds  Code = "certificate-ends-soon"
	CodeTLSAWasteful     Code = "tlsa-wasteful"
)

// Of the name servers, each asked by itself.
const (
	CodePathBlocked       Code = "dns-path-blocked"
	CodeServerNotAsked    Code = "name-server-not-asked"
	CodeServersDiffer     Code = "name-servers-differ"
	CodeAnswerVaries      Code = "answer-varies"
	CodeSerialsDiffer     Code = "serials-differ"
	CodeServerBogus       Code = "name-server-bogus"
	CodeServerFailsType   Code = "name-server-fails-type"
	CodeServerLame        Code = "name-server-lame"
	CodeServerSilent      Code = "name-server-silent"
	CodeServerNoAddress   Code = "name-server-without-address"
	CodeServerNoEDNS      Code = "name-server-without-edns"
	CodeServerTransport   Code = "name-server-transport"
	CodeServerEDNS        Code = "name-server-edns"
	CodeDelegationDiffers Code = "delegation-differs"
	CodeGlueDiffers       Code = "glue-differs"
	CodeDSDiffers         Code = "ds-differs"
)

// A kind is what all findings of a code have in common, unless they say otherwise.
type kind struct {
	code     Code
	severity Severity
	actor    Actor
	about    string
}

// kinds has each code.
var kinds = [...]kind{
	{CodeNotADomain, Unknown, Sender, "what was asked for is not a domain name"},
	{CodeNoResolver, Unknown, Sender, "no DNS server in use answers with what DNSSEC needs"},
	{CodeLocalLack, Unknown, Sender, "the machine that looked has run out of something"},
	{CodeNoRoute, Unknown, Sender, "the machine that looked cannot reach such addresses"},
	{CodeClock, Unknown, Sender, "the clock of the machine that looked does not agree with the root's signatures"},
	{CodeNotProbed, Unknown, Sender, "not everything was looked at"},
	{CodeDANEOff, Note, Sender, "the sender's policy switches DANE off"},
	{CodeTrustState, Warning, Sender, "the trust anchors of the machine that looked do not follow the root"},
	{CodeTrustAnchorMismatch, Unknown, Sender, "the trust anchors of the machine that looked do not fit the keys of the root"},

	{CodeNoDomain, Broken, DomainOwner, "the domain does not exist"},
	{CodeNullMX, Note, DomainOwner, "the domain accepts no mail"},
	{CodeMXName, Broken, DomainOwner, "an MX record does not name a host"},
	{CodeNoAddress, Broken, DomainOwner, "a mail host has no address"},
	{CodeAddressRefused, Broken, DomainOwner, "an address is of a kind that no sender connects to"},
	{CodeAddressPrivate, Warning, DomainOwner, "an address is of a private network"},
	{CodeSignatureExpired, Broken, DNSOperator, "a signature of the zone has expired"},
	{CodeSignatureNotYetValid, Broken, DNSOperator, "a signature of the zone is not valid yet"},
	{CodeSignatureMissing, Broken, DNSOperator, "a signature is missing in a zone that is signed"},
	{CodeSignatureWrong, Broken, DNSOperator, "a signature does not fit the records"},
	{CodeDSWithoutKey, Broken, Registrar, "the DS records in the zone above are of keys that the zone does not have"},
	{CodeKeyMissing, Broken, DNSOperator, "the key that signs is not among the keys of the zone"},
	{CodeDenialBroken, Broken, DNSOperator, "the zone cannot prove that a name or record does not exist"},
	{CodeBogus, Broken, DNSOperator, "an answer fails validation"},
	{CodeDNSFailed, Broken, DNSOperator, "the name servers give no usable answer"},
	{CodeTLSAQueryFails, Broken, DNSOperator, "a name server answers other questions, and fails for TLSA"},
	{CodeMXUnsigned, Note, DomainOwner, "the MX records are in a zone that is not signed"},
	{CodeHostUnsigned, Note, MailHost, "a mail host is in a zone that is not signed"},
	{CodeTLSAUnsigned, Note, MailHost, "TLSA records are in a zone that is not signed"},
	{CodeSignatureEnds, Warning, DNSOperator, "a signature of the zone ends soon"},

	{CodeUnreachable, Broken, MailHost, "no connection to an address"},
	{CodeServerBusy, Unknown, Sender, "a server wants to be asked later"},
	{CodeClientRefused, Unknown, Sender, "a server refuses the machine that looked"},
	{CodeSMTPBroken, Broken, MailHost, "a server does not speak SMTP as it should"},
	{CodeNoStartTLS, Broken, MailHost, "a server with TLSA records does not offer STARTTLS"},
	{CodeStartTLSFails, Broken, MailHost, "a server offers STARTTLS, and then refuses it"},
	{CodeTLSVersion, Broken, MailHost, "a server has no version of TLS that is safe"},
	{CodeTLSFails, Broken, MailHost, "the TLS handshake fails"},
	{CodeClientCertificate, Broken, MailHost, "a server demands a certificate of senders"},

	{CodeTLSAAbsent, Note, MailHost, "a mail host has no TLSA records"},
	{CodeTLSAMisplaced, Note, MailHost, "there are TLSA records where no sender looks for them"},
	{CodeTLSAUnusable, Broken, MailHost, "no TLSA record of a host means anything to senders"},
	{CodeTLSAMismatch, Broken, MailHost, "a server has another key than its TLSA records"},
	{CodeOtherCertificate, Broken, MailHost, "a server has several certificates, and TLSA records for some of them"},
	{CodeMLDSAAlone, Broken, MailHost, "a server has a key of ML-DSA alone, which most senders do not know"},
	{CodeHidden, Note, MailHost, "a server may have certificates that cannot be seen"},
	{CodeIssuerChanged, Broken, MailHost, "the certificate is from another issuer than the TLSA records"},
	{CodeIssuerMayChange, Warning, MailHost, "the TLSA records are of some intermediates of a CA that has more"},
	{CodeAnchorNotSent, Broken, MailHost, "the server does not send the certificate that its TLSA record is of"},
	{CodePEMDigest, Broken, MailHost, "a TLSA record is the digest of a PEM file"},
	{CodeWrongSelector, Broken, MailHost, "a TLSA record has the wrong selector"},
	{CodeWrongMatching, Broken, MailHost, "a TLSA record has the wrong matching type"},
	{CodeWrongUsage, Broken, MailHost, "a TLSA record has the wrong usage"},
	{CodeEmptyDigest, Broken, MailHost, "a TLSA record is the digest of nothing"},
	{CodeCertExpired, Broken, MailHost, "a certificate that must be valid has expired"},
	{CodeCertNotYetValid, Broken, MailHost, "a certificate that must be valid is not valid yet"},
	{CodeCertName, Broken, MailHost, "a certificate is for other names"},
	{CodeCertPath, Broken, MailHost, "no valid path leads from the certificate to the TLSA record's"},
	{CodeCertRefused, Broken, MailHost, "TLS libraries refuse the certificate"},
	{CodeUselessRecord, Warning, MailHost, "a TLSA record beside good ones has no use"},
	{CodeAnchorAtRisk, Warning, MailHost, "some senders will not accept the trust anchor"},
	{CodeTLSAIncomplete, Warning, MailHost, "senders that know other parameters find no match"},
	{CodeTLSALimit, Unknown, MailHost, "there are more TLSA records than can be judged"},
	{CodeWeakKey, Warning, MailHost, "a key is so short that some senders refuse it"},
	{CodeNoNextKey, Warning, MailHost, "the next change of the key will interrupt delivery"},
	{CodeCertificateEnds, Warning, MailHost, "a certificate that must be valid ends soon"},
	{CodeTLSAWasteful, Note, MailHost, "a TLSA record is longer than it needs to be"},

	{CodePathBlocked, Unknown, Sender, "the machine that looked cannot ask name servers by itself"},
	{CodeServerNotAsked, Note, Sender, "a name server could not be asked from the machine that looked"},
	{CodeServersDiffer, Broken, DNSOperator, "the name servers of a zone give different answers"},
	{CodeAnswerVaries, Note, DNSOperator, "a name server gives another answer each time"},
	{CodeSerialsDiffer, Note, DNSOperator, "the name servers of a zone have different versions of it"},
	{CodeServerBogus, Broken, DNSOperator, "the answers of a name server fail validation"},
	{CodeServerFailsType, Warning, DNSOperator, "a name server answers some questions, and not others"},
	{CodeServerLame, Warning, DNSOperator, "a name server does not serve the zone"},
	{CodeServerSilent, Warning, DNSOperator, "a name server does not answer"},
	{CodeServerNoAddress, Warning, DNSOperator, "a name server has no address"},
	{CodeServerNoEDNS, Broken, DNSOperator, "a name server does not answer queries with EDNS"},
	{CodeServerTransport, Warning, DNSOperator, "a name server answers over UDP or over TCP alone"},
	{CodeServerEDNS, Note, DNSOperator, "a name server is wrong about what it does not know of EDNS"},
	{CodeDelegationDiffers, Warning, Registrar, "the zone above names other name servers than the zone itself"},
	{CodeGlueDiffers, Warning, Registrar, "the zone above has other addresses for a name server"},
	{CodeDSDiffers, Broken, Registrar, "the servers of the zone above give different DS records"},
}

// Codes returns all codes there are.
func Codes() (all []Code) {
	for _, k := range kinds {
		all = append(all, k.code)
	}
	return all
}

// About says in a few words what findings of the code are about; nothing of an unknown code.
func (c Code) About() string { return kindOf(c).about }

// Link returns where the documentation has more on the code.
func (c Code) Link() string { return "docs/findings.md#" + string(c) }

func kindOf(c Code) kind {
	for _, k := range kinds {
		if k.code == c {
			return k
		}
	}
	return kind{}
}
