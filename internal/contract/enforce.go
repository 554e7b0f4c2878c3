package contract

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/reqctx"
)

// An Edge is the HTTP server that an [Enforcer] works in.
type Edge interface {
	// Limit returns an error if the client calls the operation too often. It runs
	// before everything expensive: the query for the session, the body, the password
	// hash. It may set headers of the answer.
	Limit(c *gin.Context, op *Operation) error
	// Authorize returns an error unless the credential of the request satisfies the
	// security schemes and the roles of the operation.
	Authorize(ctx context.Context, op *Operation) error
	// Fail writes the error and ends the request.
	Fail(c *gin.Context, err error)
}

// An Enforcer applies the contract to requests. Its methods are gin handlers in this
// order: Match, CheckLimit, (the session is loaded), CheckAccess, CheckRequest. Each
// one lets the request go on or calls [Edge.Fail]. Paths that are not in the contract
// pass through to gin's own handlers for them.
type Enforcer struct {
	Contract *Contract
	Edge     Edge
}

// namedBy reports whether a URL spells the fixed segments of the operation's path as the
// contract does. gin decodes a path before it routes, so /auth/%61dmin would reach
// /auth/admin past a proxy that restricts that path.
func (op *Operation) namedBy(u *url.URL) bool {
	if u.RawPath == "" {
		return true // the path as sent has no encoding that the fixed segments could differ by
	}
	given, segments := strings.Split(u.EscapedPath(), "/"), strings.Split(op.Path, "/")
	if len(given) != len(segments) {
		return false
	}
	for i, segment := range segments {
		if !strings.HasPrefix(segment, "{") && given[i] != segment {
			return false
		}
	}
	return true
}

// Match finds the operation that gin routed the request to. A route that is not in the
// contract fails: the contract would enforce nothing on it.
func (e *Enforcer) Match(c *gin.Context) {
	op := e.Contract.Find(c.Request.Method, c.FullPath())
	switch {
	case op != nil && !op.namedBy(c.Request.URL):
		e.Edge.Fail(c, problem.NotFound)
	case op != nil:
		ctx := c.Request.Context()
		reqctx.From(ctx).Operation = op.ID
		c.Request = c.Request.WithContext(WithOperation(ctx, op))
	case c.FullPath() != "":
		e.Edge.Fail(c, fmt.Errorf("the route %s is not in the contract", c.FullPath()))
	}
}

// CheckLimit rejects a client that calls too often.
func (e *Enforcer) CheckLimit(c *gin.Context) {
	op := OperationFrom(c.Request.Context())
	if op == nil {
		return
	}
	if err := e.Edge.Limit(c, op); err != nil {
		e.Edge.Fail(c, err)
	}
}

// CheckAccess rejects a client that may not call the operation.
func (e *Enforcer) CheckAccess(c *gin.Context) {
	op := OperationFrom(c.Request.Context())
	if op == nil {
		return
	}
	if err := e.Edge.Authorize(c.Request.Context(), op); err != nil {
		e.Edge.Fail(c, err)
	}
}

// CheckRequest rejects a request with parameters or a body that violate the schemas of
// the operation. The handler gets exactly the value that was validated.
func (e *Enforcer) CheckRequest(c *gin.Context) {
	op := OperationFrom(c.Request.Context())
	if op == nil {
		return
	}
	params := make(map[string]string, len(c.Params))
	for _, p := range c.Params {
		params[p.Key] = p.Value
	}
	if err := op.checkRequest(c.Request, params); err != nil {
		e.Edge.Fail(c, err)
	}
}
