// Package server answers the requests of the contract. Each operation is one
// method of [Server], in the file named for its tag; that method is the whole
// use case. What every request goes through before it gets there is the list
// in [Server.Handler].
package server

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	gsessions "github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"

	"github.com/techtreks/auth/db"
	genapi "github.com/techtreks/auth/gen/api"
	"github.com/techtreks/auth/internal/accounts"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/metrics"
	"github.com/techtreks/auth/internal/password"
	"github.com/techtreks/auth/internal/ratelimit"
	"github.com/techtreks/auth/internal/session"
	"github.com/techtreks/auth/internal/token"
	"github.com/techtreks/auth/internal/tracing"
	"github.com/techtreks/auth/internal/webapp"
)

// A Server has everything that the operations need. All fields are required
// unless they say otherwise. A Server must not be copied.
type Server struct {
	DB        *db.DB
	Contract  *contract.Contract
	Sessions  *session.Manager
	Passwords *password.Hasher
	// PasswordPolicy is asked about every password that is to be set.
	PasswordPolicy *password.Policy
	Mail           *mail.Outbox
	Signer         *token.Signer // of cursors
	// Audit remembers what happens to accounts.
	Audit *audit.Trail
	// Accounts changes accounts for those who look after the server.
	Accounts *accounts.Keeper
	// MailWorker sends what is in the outbox while its Run does.
	MailWorker *mail.Worker
	// Preview holds the mails of a development server without a mail server;
	// nil otherwise.
	Preview *mail.Preview
	// Metrics count what happens. Any part may call its methods.
	Metrics *metrics.Metrics
	// Tracer, if set, makes a span of every request.
	Tracer *tracing.Tracer
	Now    func() time.Time
	Logger *slog.Logger

	// Registration says who may make an account, and whether it needs a
	// confirmed address to log in.
	Registration string
	// Production hides what helps only developers and speaks only to browsers
	// that came by https.
	Production bool
	// Port is the one the server listens on, for the banner.
	Port int
	// AllowedOrigins are the origins of pages that may call, each
	// scheme://host[:port].
	AllowedOrigins []string
	// TrustedProxies are the addresses and CIDR ranges whose X-Forwarded-For is
	// believed. Nobody's is by default.
	TrustedProxies []string
	// Docs serves the contract and the page to explore it.
	Docs bool
	// WebApp is served under /app/; nil for not at all.
	WebApp *webapp.App
	// VerifyResponses holds every answer against the contract before it is
	// sent, and logs and counts those that break it. It buffers answers.
	VerifyResponses bool

	// Limits counts how often somebody calls; nil limits nothing.
	Limits *ratelimit.Limiter
	// Attempts counts wrong passwords by account; nil counts nothing.
	Attempts *ratelimit.Attempts
	// Timeout ends the work on a request; what has not been committed by then is
	// rolled back.
	Timeout time.Duration

	// Draining makes readiness fail, so that no new requests are sent here
	// while those under way finish.
	Draining atomic.Bool
	// Violations counts answers that broke the contract while VerifyResponses
	// was on.
	Violations atomic.Int64

	ready      readiness
	forwarding forwarding
	refusals   refusals
}

var _ genapi.StrictServerInterface = (*Server)(nil)

// The values of Server.Registration beside "open", where an account works at
// once.
const (
	registrationVerified = "verified" // it works once its address is confirmed
	registrationClosed   = "closed"   // nobody can register
)

// RequestTimeout is the Timeout of servers that New builds. It is what ends the
// wait for a database that hangs without closing its connections, whose client
// is to have its 503 within six seconds; and it leaves room for the longest wait
// that may still end well, two seconds for a hash and three for a locked file.
const RequestTimeout = 5500 * time.Millisecond

// Handler returns the whole server as an http.Handler.
func (s *Server) Handler() (http.Handler, error) {
	engine, err := s.engine()
	if err != nil {
		return nil, err
	}
	// The limit wraps net/http's own writer, which then closes the connection
	// instead of reading on.
	return http.MaxBytesHandler(engine, contract.MaxBody), nil
}

// engine lists what a request goes through, in order.
func (s *Server) engine() (*gin.Engine, error) {
	gin.SetMode(gin.ReleaseMode) // or it prints every route to standard output
	engine := gin.New()
	// Handlers see the request's values and learn when the client leaves.
	engine.ContextWithFallback = true
	engine.HandleMethodNotAllowed = true
	// A redirect would send a password to another path, and its answer would
	// not be in the contract.
	engine.RedirectTrailingSlash = false
	engine.RemoteIPHeaders = []string{forwardedFor}
	if err := engine.SetTrustedProxies(s.TrustedProxies); err != nil {
		return nil, err
	}
	s.forwarding.trust(s.TrustedProxies)
	checkOrigin, err := s.checkOrigin()
	if err != nil {
		return nil, err
	}
	enforcer := &contract.Enforcer{Contract: s.Contract, Fail: s.fail, Limit: s.limit, Role: role}

	engine.Use(
		s.beginRequest,      // id, address and deadline: everything below needs them
		s.traceRequest,      // if there is a collector
		s.measureRequest,    // whatever becomes of it
		s.logRequest,        // outside recovery, so that it sees the status of a panic
		s.verifyResponse,    // likewise, and so that it sees all answers
		s.recoverPanic,      // from here on a panic is an answer
		s.securityHeaders,   // before anything can answer
		s.serveWebApp,       // the one thing that is not in the contract
		enforcer.Match,      // which operation it is for
		checkOrigin,         // no page that is not on the list gets further
		s.allowOrigins(),    // CORS headers; answers preflight
		enforcer.CheckLimit, // before anything that costs
		s.loadSession,       // the first query
		gsessions.Sessions(s.Sessions.Cookie.Name, s.Sessions), // what handlers change it with
		s.Sessions.Renew,
		enforcer.CheckRole,    // before the body is read
		enforcer.CheckRequest, // the handler gets only what the contract describes
	)
	engine.NoRoute(s.notFound)
	engine.NoMethod(s.methodNotAllowed)

	strict := genapi.NewStrictHandlerWithOptions(s, []genapi.StrictMiddlewareFunc{detach}, genapi.StrictGinServerOptions{
		RequestErrorHandlerFunc:  s.fail,
		HandlerErrorFunc:         s.fail,
		ResponseErrorHandlerFunc: s.fail,
	})
	genapi.RegisterHandlersWithOptions(engine, strict, genapi.GinServerOptions{
		ErrorHandler: func(c *gin.Context, err error, _ int) { s.fail(c, err) },
	})
	for _, route := range engine.Routes() {
		if route.Method == http.MethodGet {
			engine.HEAD(route.Path, route.HandlerFunc)
		}
	}
	return engine, nil
}

// detach gives each handler a context of its own. gin takes its contexts back
// and hands them to the next request, while database/sql may still be watching
// the one of a query that has just ended.
func detach(next genapi.StrictHandlerFunc, _ string) genapi.StrictHandlerFunc {
	return func(c *gin.Context, request any) (any, error) { return next(c.Copy(), request) }
}

// loadSession finds out who the request comes from, where the operation wants
// to know.
func (s *Server) loadSession(c *gin.Context) {
	op := contract.OperationFrom(c.Request.Context())
	if op == nil || op.Session == contract.SessionIgnored {
		return
	}
	ctx, err := s.Sessions.Load(c.Request)
	if err != nil {
		s.fail(c, err)
		return
	}
	c.Request = c.Request.WithContext(ctx)
}

// role tells the contract's enforcer who is logged in.
func role(ctx context.Context) (string, bool) {
	current := session.From(ctx)
	if current == nil {
		return "", false
	}
	return current.User.Role, true
}

func (s *Server) notFound(c *gin.Context) { s.fail(c, errNotFound) }

// methodNotAllowed answers for a path that exists with other methods. gin has
// set Allow. A plain OPTIONS asks just for that.
func (s *Server) methodNotAllowed(c *gin.Context) {
	c.Header("Allow", c.Writer.Header().Get("Allow")+", OPTIONS")
	if c.Request.Method == http.MethodOptions {
		c.Status(http.StatusNoContent)
		c.Writer.WriteHeaderNow()
		return
	}
	s.fail(c, errMethodNotAllowed)
}
