// Package reqctx carries what is known about the current request: where it comes
// from, which operation it is for and who acts. The HTTP middleware and the command
// line fill it in; the audit trail, the mails and the log read it.
package reqctx

import (
	"context"
	"net/netip"
)

// Shell is the [Info.Operation] of commands on the machine.
const Shell = "shell"

// Info describes one request, or one run of a command. The zero value describes
// background work: no client, no operation, no actor.
//
// The middleware fills the fields in as it learns them. So an Info belongs to one
// request and must not be shared between goroutines that outlive it.
type Info struct {
	// RequestID identifies the request in the log, the audit trail and the answer:
	// 26 characters of crypto/rand, never a value that the client sent.
	RequestID string
	// ClientAddr is the address of the client behind the trusted proxies, in its
	// canonical form (see package clientip). It is invalid for commands.
	ClientAddr netip.Addr
	// Local reports whether the request comes from this machine and names this
	// machine as its host.
	Local     bool
	Method    string // HTTP method; empty for commands
	UserAgent string // the header as sent, neither cut nor cleaned
	Locale    string // language for mails, from Accept-Language; empty if unknown
	Operation string // operationId of the contract, or [Shell]

	// Actor is the id of the account that acts, 0 for an anonymous client and for
	// commands.
	Actor int64
	// Session is the SHA-256 of the token of the request's session, nil without one.
	Session []byte
}

type contextKey struct{}

// With returns a context that carries info.
func With(ctx context.Context, info *Info) context.Context {
	return context.WithValue(ctx, contextKey{}, info)
}

// From returns the Info of ctx. It never returns nil: without one it returns an
// empty Info that belongs to no request.
func From(ctx context.Context) *Info {
	if info, ok := ctx.Value(contextKey{}).(*Info); ok {
		return info
	}
	return &Info{}
}

// Address returns the client's address as text, empty if there is none.
func (i *Info) Address() string {
	if !i.ClientAddr.IsValid() {
		return ""
	}
	return i.ClientAddr.String()
}
