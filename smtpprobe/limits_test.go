package smtpprobe

import (
	"testing"

	"github.com/danesmtp/danesmtp/internal/limittest"
)

func TestLimitsOfAServer(t *testing.T) {
	t.Parallel()
	limittest.Table(t, "../SECURITY.md", "One mail server (package smtpprobe)", map[string]limittest.Row{
		"line of a reply": {Limit: "2048 octets", Tests: []string{"TestReadReply"}},
		"lines of a reply, of the reply to STARTTLS":           {Limit: "1024, 128", Tests: []string{"TestReadReply"}},
		"a reply as a whole":                                   {Limit: "16384 octets", Tests: []string{"TestReadReply"}},
		"what is said after one write of a client with a Conn": {Limit: "1 MB", Tests: []string{"TestConnIsBounded"}},
		"time for each stage":                                  {Limit: "5 minutes, 5 seconds for QUIT", Tests: []string{"TestEveryStageHasADeadline", "TestNothingAfterTheHandshakeIsAnError"}},
		"a silent server asked whether it waits for TLS":       {Limit: "the last second of the time for the greeting, or a tenth of it", Tests: []string{"TestImplicitTLS", "TestImplicitTLSWithLittleTime"}},
	})
	for name, is := range map[string]bool{
		"2048 octets":     maxReplyLine == 2048,
		"1024, 128 lines": maxReplyLines == 1024 && maxExactLines == 128,
		"16384 octets":    maxReplyBytes == 16384,
		"1 MB":            maxAnswer == 1<<20,
	} {
		if !is {
			t.Errorf("the limit is not %s", name) // which TestReadReply counts by
		}
	}
}
