package apptest

import (
	"github.com/techtreks/auth/internal/contract"
)

// CallAll calls every operation, with alice's session where one counts.
func (h *Harness) CallAll(b *Browser, cookie string, check func(op *contract.Operation, a *Answer)) {
	h.T.Helper()
	b.Client.Jar = nil // this cookie and no other
	for _, op := range h.Contract.Operations {
		path, body := h.Sample(op)
		check(op, b.Call(op.Method, path, body, SessionCookie(cookie)))
	}
}
