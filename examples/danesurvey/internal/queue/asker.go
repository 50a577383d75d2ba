package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// Times of a question to an owner: how often it says that it is at it, when it is taken for dead, and
// when who has found no owner asks again.
const (
	sayWait  = 3 * time.Second
	maxQuiet = 4 * sayWait
	noOwner  = 250 * time.Millisecond
)

var (
	errNobody = errors.New("nobody owns the partition now")
	errQuiet  = errors.New("the owner of the partition is heard of no more")
)

// An asker asks owners, whose answers may be long in coming: they say now and then that they are
// at it.
type asker struct {
	conn  *nats.Conn
	inbox string
	quiet time.Duration

	mu      sync.Mutex
	number  uint64
	waiting map[string]chan *nats.Msg
}

func newAsker(conn *nats.Conn) (*asker, error) {
	a := &asker{conn: conn, inbox: conn.NewInbox() + ".", quiet: maxQuiet, waiting: make(map[string]chan *nats.Msg)}
	// It ends with the connection.
	if _, err := conn.Subscribe(a.inbox+"*", a.receive); err != nil {
		return nil, err
	}
	return a, nil
}

// receive gives a message to who waits for it.
func (a *asker) receive(m *nats.Msg) {
	a.mu.Lock()
	defer a.mu.Unlock()
	select {
	case a.waiting[strings.TrimPrefix(m.Subject, a.inbox)] <- m: // never, if nobody waits any more
	default:
	}
}

// ask returns the answer to a question. The error is errNobody, errQuiet, or that of ctx or the
// connection.
func (a *asker) ask(ctx context.Context, subject string, question []byte) (*probeReply, error) {
	answers := make(chan *nats.Msg, 16)
	a.mu.Lock()
	a.number++
	id := strconv.FormatUint(a.number, 36)
	a.waiting[id] = answers
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		delete(a.waiting, id)
		a.mu.Unlock()
	}()
	if err := a.conn.PublishRequest(subject, a.inbox+id, question); err != nil {
		return nil, err
	}
	quiet := time.NewTimer(a.quiet)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-quiet.C:
			return nil, errQuiet
		case m := <-answers:
			if m.Header.Get("Status") == "503" {
				return nil, errNobody
			}
			r := new(probeReply)
			if err := json.Unmarshal(m.Data, r); err != nil {
				return nil, fmt.Errorf("the answer of an owner: %w", err)
			}
			if !r.Wait {
				return r, nil
			}
			quiet.Reset(a.quiet)
		}
	}
}
