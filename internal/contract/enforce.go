package contract

import (
	"context"
	"fmt"
	"slices"

	"github.com/gin-gonic/gin"
)

// An Enforcer holds requests to the contract. Its methods are gin handlers, to
// be used in the order Match, CheckLimit, (the session is loaded), CheckRole,
// CheckRequest. Each one either lets the request go on or hands an error to
// Fail. Addresses that are not in the contract pass through to gin's own
// answers for them.
type Enforcer struct {
	Contract *Contract
	// Fail writes the error and aborts the request.
	Fail func(*gin.Context, error)
	// Limit says whether the caller may call the operation now. It stands
	// before everything that costs something: the session's query, the body,
	// the password hash. It may set headers of the answer. Nil allows everything.
	Limit func(*gin.Context, *Operation) error
	// Role returns the role of whoever is logged in.
	Role func(context.Context) (role string, ok bool)
}

// Match finds the operation that gin routed the request to, for everything
// that follows.
//
// A route that the contract does not know would be one that nothing is
// enforced on, so it fails.
func (e *Enforcer) Match(c *gin.Context) {
	op := e.Contract.Find(c.Request.Method, c.FullPath())
	switch {
	case op != nil:
		c.Request = c.Request.WithContext(WithOperation(c.Request.Context(), op))
	case c.FullPath() != "":
		e.Fail(c, fmt.Errorf("the route %s is not in the contract", c.FullPath()))
	}
}

// CheckLimit refuses a caller who calls too often.
func (e *Enforcer) CheckLimit(c *gin.Context) {
	op := OperationFrom(c.Request.Context())
	if op == nil || e.Limit == nil {
		return
	}
	if err := e.Limit(c, op); err != nil {
		e.Fail(c, err)
	}
}

// CheckRole refuses a caller who is not logged in where the operation wants a
// session, and one whose role it does not list.
func (e *Enforcer) CheckRole(c *gin.Context) {
	op := OperationFrom(c.Request.Context())
	if op == nil || op.Session != SessionRequired {
		return
	}
	role, ok := e.Role(c.Request.Context())
	switch {
	case !ok:
		e.Fail(c, ErrLoginRequired)
	case op.Roles != nil && !slices.Contains(op.Roles, role):
		e.Fail(c, ErrForbidden)
	}
}

// CheckRequest refuses a request whose parameters or body are not what the
// operation describes. The handler gets the very value that was checked.
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
		e.Fail(c, err)
	}
}
