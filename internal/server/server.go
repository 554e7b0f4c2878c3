// Package server is the HTTP edge: middleware, enforcement of the contract, the one
// writer of errors, health and documentation. The operations are in internal/feature.
// [Server.Handler] lists what each request goes through.
package server

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	genapi "github.com/techtreks/auth/gen/api"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/flood"
	"github.com/techtreks/auth/internal/metrics"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/session"
	"github.com/techtreks/auth/internal/throttle"
	"github.com/techtreks/auth/internal/tracing"
	"github.com/techtreks/auth/internal/webapp"
)

// A Server is the HTTP edge. All fields are required unless they say otherwise. A Server
// must not be copied.
type Server struct {
	Contract  *contract.Contract
	Sessions  *session.Manager
	Throttle  *throttle.Throttle
	Audit     *audit.Trail
	Metrics   *metrics.Metrics
	Tracer    *tracing.Tracer // makes a span of each request; nil for none
	WebApp    *webapp.App     // served under /app/; nil for none
	Forwarded *Forwarded
	Now       func() time.Time
	Logger    *slog.Logger
	Options

	// Refusals suppresses the log lines of repeated refusals.
	Refusals flood.Suppressor[Refusal, struct{}]
}

// Options are the settings of a [Server].
type Options struct {
	// Production sends Strict-Transport-Security and rejects pages that came by http.
	Production bool
	// AllowedOrigins are the origins of pages that may call, each scheme://host[:port].
	AllowedOrigins []string
	// VerifyResponses compares each answer with the contract before it is sent, and logs
	// and counts violations. It buffers answers.
	VerifyResponses bool
	// Timeout ends the work on a request. Uncommitted changes are rolled back.
	Timeout time.Duration
}

// RequestTimeout is the [Options.Timeout] of the program. It ends the wait for a database
// that hangs without closing its connections: the client gets its 503 within six
// seconds. It is longer than the longest wait that may still succeed, two seconds for a
// hash and three for a locked file.
const RequestTimeout = 5500 * time.Millisecond

// Handler returns the server for operations as an http.Handler.
func (s *Server) Handler(operations genapi.StrictServerInterface) (http.Handler, error) {
	engine, err := s.Engine(operations)
	if err != nil {
		return nil, err
	}
	// The limit wraps net/http's own writer, which then closes the connection instead of
	// reading on.
	return http.MaxBytesHandler(engine, contract.MaxBody), nil
}

// Engine returns gin's router with the middleware and the operations.
func (s *Server) Engine(operations genapi.StrictServerInterface) (*gin.Engine, error) {
	gin.SetMode(gin.ReleaseMode) // or gin prints every route to standard output
	engine := gin.New()
	// Handlers see the values of the request and learn when the client disconnects.
	engine.ContextWithFallback = true
	engine.HandleMethodNotAllowed = true
	// A redirect would send a password to another path, and its answer would not be in
	// the contract.
	engine.RedirectTrailingSlash = false
	engine.RemoteIPHeaders = []string{forwardedFor}
	if err := engine.SetTrustedProxies(s.Forwarded.TrustedProxies); err != nil {
		return nil, err
	}
	checkOrigin, err := s.checkOrigin()
	if err != nil {
		return nil, err
	}
	s.Refusals.MaxKeys = maxRefusals
	enforcer := &contract.Enforcer{Contract: s.Contract, Edge: s}

	engine.Use(
		s.beginRequest,          // request id, client address and deadline, which everything below needs
		s.traceRequest,          // if there is a collector
		s.measureRequest,        // whatever the outcome
		s.logRequest,            // outside recovery, so that it sees the status of a panic
		s.verifyResponse,        // likewise, and so that it sees every answer
		s.recoverPanic,          // from here on a panic becomes an answer
		s.securityHeaders,       // before anything can answer
		s.serveWebApp,           // the only answers that are not in the contract
		enforcer.Match,          // finds the operation
		checkOrigin,             // rejects pages of origins that are not allowed
		s.allowOrigins(),        // CORS headers; answers preflight requests
		enforcer.CheckLimit,     // before anything that costs
		s.loadSession,           // the first query
		s.Sessions.Middleware(), // with which handlers change the session
		s.Sessions.Renew,
		enforcer.CheckAccess,  // before the body is read
		enforcer.CheckRequest, // the handler gets only what the contract describes
	)
	engine.NoRoute(func(c *gin.Context) { s.Fail(c, problem.NotFound) })
	engine.NoMethod(s.methodNotAllowed)

	strict := genapi.NewStrictHandlerWithOptions(operations, []genapi.StrictMiddlewareFunc{detach}, genapi.StrictGinServerOptions{
		RequestErrorHandlerFunc:  s.Fail,
		HandlerErrorFunc:         s.Fail,
		ResponseErrorHandlerFunc: s.Fail,
	})
	genapi.RegisterHandlersWithOptions(engine, strict, genapi.GinServerOptions{
		ErrorHandler: func(c *gin.Context, err error, _ int) { s.Fail(c, err) },
	})
	for _, route := range engine.Routes() {
		if route.Method == http.MethodGet {
			engine.HEAD(route.Path, route.HandlerFunc)
		}
	}
	return engine, nil
}

// detach gives each handler a context of its own. gin reuses its contexts for the next
// request, while database/sql may still watch the one of a query that has just ended.
func detach(next genapi.StrictHandlerFunc, _ string) genapi.StrictHandlerFunc {
	return func(c *gin.Context, request any) (any, error) { return next(c.Copy(), request) }
}

// loadSession loads the session of the request if the operation uses it.
func (s *Server) loadSession(c *gin.Context) {
	op := contract.OperationFrom(c.Request.Context())
	if op == nil || op.Session == contract.SessionIgnored {
		return
	}
	ctx, err := s.Sessions.Load(c.Request)
	if err != nil {
		s.Fail(c, err)
		return
	}
	c.Request = c.Request.WithContext(ctx)
}

// Authorize implements [contract.Edge]. The session cookie is the only credential yet. A
// further security scheme is checked here, if op.Schemes has it.
func (s *Server) Authorize(ctx context.Context, op *contract.Operation) error {
	if op.Anonymous {
		return nil
	}
	current := session.From(ctx)
	switch {
	case current == nil:
		return problem.LoginRequired
	case op.Roles != nil && !slices.Contains(op.Roles, current.User.Role):
		return problem.Forbidden
	}
	return nil
}

// allowOrder is the order of methods in Allow, whatever the order of the contract.
var allowOrder = []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}

// methodNotAllowed answers for a path with other methods; gin has set Allow. A plain
// OPTIONS asks for exactly that header.
func (s *Server) methodNotAllowed(c *gin.Context) {
	allowed := append(strings.Split(c.Writer.Header().Get("Allow"), ", "), http.MethodOptions)
	slices.SortFunc(allowed, func(a, b string) int { return cmp.Compare(slices.Index(allowOrder, a), slices.Index(allowOrder, b)) })
	c.Header("Allow", strings.Join(allowed, ", "))
	if c.Request.Method == http.MethodOptions {
		c.Status(http.StatusNoContent)
		c.Writer.WriteHeaderNow()
		return
	}
	s.Fail(c, problem.MethodNotAllowed)
}
