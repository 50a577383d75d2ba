package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/danesmtp/danesmtp/dane/rollover"
	"github.com/danesmtp/danesmtp/tlsa"
)

// tasks makes the plan. If senders do not accept the current certificate, the rollover may be
// finished, which is no mistake; or a file is not the right one, or nobody looks at the records.
func (c *planCommand) tasks(s *rollover.Survey, records []tlsa.Record) ([]tlsa.Task, error) {
	verifier := &tlsa.Verifier{Records: records, Names: []string{c.service.host}, Time: func() time.Time { return s.Time }}
	tasks, err := verifier.Plan(c.rollover)
	if e, ok := errors.AsType[*tlsa.Error](err); !ok || e.Reason != tlsa.ReasonMismatch {
		return tasks, err
	}
	if _, current := verifier.Verify(c.rollover.Current); current == nil {
		return nil, err // of a later step
	}
	_, next := verifier.Verify(c.rollover.Next)
	current := c.rollover.Current[0]
	switch {
	case next == nil && c.rollover.Next[0].NotBefore.Before(current.NotBefore):
		return nil, fmt.Errorf("the records that are published are of -next %s, and -current %s is the newer certificate of the two: are the two swapped?", c.nextFile, c.currentFile)
	case next == nil:
		c.finished = true
		return nil, nil
	case s.Insecure():
		return nil, fmt.Errorf("no record that is published is of -current %s, and the zone is not signed, so that nobody looks at them: sign it, and have its DS record put into the zone above", c.currentFile)
	}
	return nil, fmt.Errorf("no record that is published is of -current %s: is that what %s presents? `%s` shows it", c.currentFile, c.service.host, c.fromLine())
}
