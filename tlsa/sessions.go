package tlsa

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"slices"
	"strings"
)

// scopedSessions are the sessions in a cache that were made by the same records. A resumed session
// has the chain that the server presented when it began (RFC 8446 §2.2). When a server gets another
// key, and its zone the record of that, the chain in the session does not match any more, although
// what the server would present does: it must not be resumed, but made anew.
type scopedSessions struct {
	tls.ClientSessionCache
	scope string
}

func (s scopedSessions) Get(key string) (*tls.ClientSessionState, bool) {
	return s.ClientSessionCache.Get(s.scope + key)
}

func (s scopedSessions) Put(key string, state *tls.ClientSessionState) {
	s.ClientSessionCache.Put(s.scope+key, state)
}

// sessionScope stands for the records, in whatever order DNS gives them.
func sessionScope(records []Record) string {
	lines := make([]string, len(records))
	for i, r := range records {
		lines[i] = r.String()
	}
	slices.Sort(lines)
	digest := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(digest[:]) + " "
}
