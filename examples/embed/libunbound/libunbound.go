//go:build unbound

package libunbound

// #cgo LDFLAGS: -lunbound
// #include <stdlib.h>
// #include <unbound.h>
import "C"

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// NewVerifier returns a Verifier that asks by u.
func NewVerifier(u *Unbound) *dane.Verifier {
	return &dane.Verifier{Resolver: dnssec.TrustAD{Exchanger: u}}
}

// An Unbound is a context of libunbound.
type Unbound struct {
	ub      *C.struct_ub_ctx
	lookups sync.WaitGroup
}

// Open makes one from a file like unbound.conf, which must name a trust anchor: without any
// libunbound validates nothing, and DANE applies nowhere.
func Open(file string) (*Unbound, error) {
	u := &Unbound{ub: C.ub_ctx_create()}
	if u.ub == nil {
		return nil, errors.New("libunbound: out of memory")
	}
	name := C.CString(file)
	defer C.free(unsafe.Pointer(name))
	if code := C.ub_ctx_config(u.ub, name); code != 0 {
		u.Close()
		return nil, fmt.Errorf("libunbound: %s: %s", file, C.GoString(C.ub_strerror(code)))
	}
	return u, nil
}

// Close waits for the lookups that are under way. No others may begin.
func (u *Unbound) Close() {
	u.lookups.Wait()
	C.ub_ctx_delete(u.ub)
}

// Exchange has libunbound resolve a question, and turns what it says into the AD bit. A lookup
// whose context has ended goes on by itself until libunbound gives it up.
func (u *Unbound) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	type outcome struct {
		msg *dns.Msg
		err error
	}
	done := make(chan outcome, 1)
	u.lookups.Go(func() {
		msg, err := u.resolve(q.Msg.Question[0])
		done <- outcome{msg, err}
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case o := <-done:
		return &upstream.Reply{Msg: o.msg, Server: "libunbound"}, o.err
	}
}

func (u *Unbound) resolve(question dns.Question) (*dns.Msg, error) {
	name := C.CString(question.Name)
	defer C.free(unsafe.Pointer(name))
	var result *C.struct_ub_result
	if code := C.ub_resolve(u.ub, name, C.int(question.Qtype), C.int(question.Qclass), &result); code != 0 {
		return nil, fmt.Errorf("libunbound: %s", C.GoString(C.ub_strerror(code)))
	}
	defer C.ub_resolve_free(result)
	msg := new(dns.Msg)
	if err := msg.Unpack(C.GoBytes(result.answer_packet, result.answer_len)); err != nil {
		return nil, fmt.Errorf("libunbound: %w", err)
	}
	msg.AuthenticatedData = result.secure != 0
	if result.bogus != 0 {
		msg.Rcode = dns.RcodeServerFailure // and never an answer without the bit
	}
	return msg, nil
}
