package page

// What is shown of each thing. A page of one domain stays below four megabytes however
// much its servers send; a test measures it.
const (
	// MaxDomains is how many domains a page shows.
	MaxDomains = 200

	maxFindings     = 30
	maxRecordLines  = 8  // to publish, to remove, and of evidence, for one finding
	maxHosts        = 16 // as package dane has them
	maxAddresses    = 16 // of one host
	maxColumns      = 8  // records of one host
	maxChains       = 12 // different chains of certificates
	maxCertificates = 8  // of one chain
	maxNames        = 8  // of one certificate
	maxAnswers      = 40 // DNS answers
	maxAnswerLines  = 8  // records of one answer
	maxZones        = 24 // in the drawing
	maxNodes        = 160
	maxNodesOfZone  = 20
	maxPeriods      = 24 // in the timeline
	maxSessions     = 12 // transcripts
	maxSteps        = 12 // of one transcript
	maxReplyLines   = 10 // of one reply

	maxName = 260 // characters: the longest name in presentation form has 255 if nothing is escaped
	maxText = 300 // of a sentence, a record or a line of a reply
)
