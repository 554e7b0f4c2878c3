// Package app builds the program from its settings: the only place where the parts are
// put together. The serve command, the users command and the tests all use it.
package app

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/credential"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/metrics"
	"github.com/techtreks/auth/internal/password"
	"github.com/techtreks/auth/internal/ratelimit"
	"github.com/techtreks/auth/internal/server"
	"github.com/techtreks/auth/internal/throttle"
	"github.com/techtreks/auth/internal/tracing"
	"github.com/techtreks/auth/internal/webapp"
	"github.com/techtreks/auth/web"
)

// An App is the server with all of its parts. A test may change the parts before it calls
// [App.Handler].
type App struct {
	*Parts
	Contract    *contract.Contract
	Metrics     *metrics.Metrics
	Throttle    *throttle.Throttle
	Credentials *credential.Checker
	Validator   *credential.Validator
	// MailWorker sends mails; nil if the server sends none.
	MailWorker *mail.Worker
	// Preview holds the mails of a development server; nil otherwise.
	Preview *mail.Preview
	Service *server.Service
	Edge    *server.Server
}

// Options are what [New] does not read from the settings.
type Options struct {
	Now     func() time.Time
	Logger  *slog.Logger
	Tracer  *tracing.Tracer // nil without a collector
	Version string
	// Hash is the cost of new password hashes; nil means the cost that package password
	// sets. Only tests change it.
	Hash *password.Params
	// Contract and Templates, if set, are used instead of loading them again.
	Contract  *contract.Contract
	Templates *mail.Templates
}

// New builds the server from its settings.
func New(cfg *config.Config, d *db.DB, o Options) (_ *App, err error) {
	a := &App{Contract: o.Contract}
	if a.Contract == nil {
		if a.Contract, err = LoadContract(cfg); err != nil {
			return nil, err
		}
	}
	a.Metrics = newMetrics(a.Contract)
	if a.Parts, err = NewParts(cfg, d, o.Now, o.Logger, a.Metrics); err != nil {
		return nil, err
	}
	a.Throttle = &throttle.Throttle{Audit: a.Audit, Metrics: a.Metrics}
	if a.Attempts != nil { // RATE_LIMITS is not off
		a.Throttle.Limiter = &ratelimit.Limiter{Store: d, Now: o.Now, Signer: a.Signer}
	}
	passwords := &password.Hasher{Params: o.Hash}
	passwords.Gate.Observer = hashObserver{a.Metrics, o.Tracer}
	a.Credentials = &credential.Checker{
		Passwords: passwords, Attempts: a.Attempts, Audit: a.Audit, Metrics: a.Metrics, Logger: o.Logger,
	}
	a.Validator = &credential.Validator{Contract: a.Contract, Policy: passwordPolicy(cfg, a.Metrics, o.Logger), Passwords: passwords}
	if err := a.newMailWorker(o.Templates); err != nil {
		return nil, err
	}
	if err := a.newEdge(o.Tracer); err != nil {
		return nil, err
	}
	a.readMetrics(o.Version)
	return a, nil
}

// newMailWorker builds the worker that empties the outbox, and what it sends to: a mail
// server, or a page in development.
func (a *App) newMailWorker(templates *mail.Templates) (err error) {
	var sender mail.Sender
	switch {
	case a.Config.MailURL != "":
		if sender, err = mail.NewSMTP(string(a.Config.MailURL), a.Config.Production()); err != nil {
			return err
		}
	case !a.Config.Production():
		a.Preview = &mail.Preview{Now: a.Now, Logger: a.Logger}
		sender = a.Preview
	}
	if templates == nil { // loaded even without a sender, so that a broken template ends the start
		if templates, err = mail.LoadTemplates(a.Config.MailTemplates); err != nil {
			return err
		}
	}
	if sender != nil {
		a.MailWorker = &mail.Worker{
			DB: a.DB, Outbox: a.Mail, Sender: sender, Templates: templates, Tokens: a.Tokens, Links: links(a.Config),
			Contact: contact(a.Config), Audit: a.Audit, Now: a.Now, Logger: a.Logger,
		}
	}
	return nil
}

// newEdge builds the HTTP edge.
func (a *App) newEdge(tracer *tracing.Tracer) error {
	pages, err := newWebApp(a.Config)
	if err != nil {
		return err
	}
	forwarded := &server.Forwarded{TrustedProxies: a.Config.TrustedProxies, Metrics: a.Metrics, Now: a.Now, Logger: a.Logger}
	a.Service = &server.Service{
		DB: a.DB, Forwarded: forwarded, Now: a.Now, Production: a.Config.Production(), Port: a.Config.Port,
	}
	a.Edge = &server.Server{
		Contract: a.Contract, Sessions: a.Sessions, Throttle: a.Throttle, Audit: a.Audit, Metrics: a.Metrics,
		Tracer: tracer, WebApp: pages, Forwarded: forwarded, Now: a.Now, Logger: a.Logger,
		Options: server.Options{
			Production: a.Config.Production(), AllowedOrigins: withOwnOrigin(a.Config.AllowedOrigins, a.Config.PublicURL),
			VerifyResponses: a.Config.VerifyResponses, Timeout: server.RequestTimeout,
		},
	}
	return nil
}

// Handler returns the server as an http.Handler.
func (a *App) Handler() (http.Handler, error) { return a.Edge.Handler(a.operations()) }

// withOwnOrigin adds the server's own public origin to the list. A proxy may replace the
// Host that the browser sent, and then nothing else shows that a page came from this
// server.
func withOwnOrigin(origins []string, publicURL string) []string {
	own, err := url.Parse(publicURL)
	if err != nil || own.Host == "" || slices.Contains(origins, own.Scheme+"://"+own.Host) {
		return origins
	}
	return append(slices.Clone(origins), own.Scheme+"://"+own.Host)
}

var errNoWebApp = errors.New("WEB is true, but this program was built without the web app: build it with `make build` where Node is installed")

// newWebApp returns the web app of the program, nil if it is off. Its pages contain the
// settings that the app needs.
func newWebApp(cfg *config.Config) (*webapp.App, error) {
	if !cfg.Web {
		return nil, nil
	}
	files, ok := web.App()
	if !ok {
		return nil, errNoWebApp
	}
	return webapp.New(files, map[string]string{"password-policy": cfg.PasswordPolicy, "registration": cfg.Registration})
}
