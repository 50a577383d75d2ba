package smtpprobe

import "github.com/danesmtp/danesmtp/internal/localfault"

// Local reports whether the probe ended for a lack of this machine, so that it says nothing
// about the server: no file descriptor, buffer or memory, no route to the address or no
// address of its family, or the context was cancelled. A deadline that has passed is none.
func (e *Error) Local() bool { return localfault.Is(e.Err) }
