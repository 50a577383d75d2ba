package queue

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"

	"github.com/nats-io/nats.go"
)

// ErrNotAllowed says that a key may not do what it is used for. A NATS server says so only beside what goes on, and who
// has asked would wait for ever.
var ErrNotAllowed = errors.New("the NATS server does not allow it to this key")

var violation = regexp.MustCompile(`Permissions Violation for (Publish|Subscription) to "([^"]+)"`)

// notAllowed returns the error of who has a connection on which err has come, if a subject of the survey was
// refused. An answer that is refused, as one after four hours, is none.
func (n names) notAllowed(err error) error {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return nil
	}
	found := violation.FindStringSubmatch(err.Error())
	if found == nil {
		return nil
	}
	subject := found[2]
	if found[1] == "Publish" && !strings.HasPrefix(subject, "$JS.") && !strings.HasPrefix(subject, n.prefix()) {
		return nil
	}
	return fmt.Errorf("%w: %s to %s", ErrNotAllowed, found[1], subject)
}

// guard has a connection say what is wrong, and call end if the survey cannot be worked on by its key.
func (n names) guard(log *slog.Logger, end func(error)) func(*nats.Conn, *nats.Subscription, error) {
	return func(_ *nats.Conn, _ *nats.Subscription, err error) {
		if refused := n.notAllowed(err); refused != nil {
			end(refused)
			return
		}
		log.Warn("connection", "error", err)
	}
}
