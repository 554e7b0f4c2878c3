package server

import (
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/techtreks/auth/api"
	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/internal/accounts"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/password"
	"github.com/techtreks/auth/internal/ratelimit"
	"github.com/techtreks/auth/internal/session"
	"github.com/techtreks/auth/internal/token"
)

// What the tests of this package load once for each set of settings, and not for
// each of their thousand servers.
var (
	loadContract  = contract.Load
	loadTemplates = mail.LoadTemplates
)

// New builds a server out of its settings: the one place where the parts are
// put together.
func New(cfg *config.Config, d *db.DB, now func() time.Time, logger *slog.Logger) (*Server, error) {
	cookie := session.Cookie{
		Name: cfg.CookieName(), Domain: cfg.CookieDomain,
		Secure: cfg.CookieSecure(), SameSite: cfg.SameSite(),
	}
	overrides, err := servedAs(cfg, cookie)
	if err != nil {
		return nil, err
	}
	limits, err := ratelimit.ParseSettings(cfg.RateLimits)
	if err != nil {
		return nil, fmt.Errorf("RATE_LIMITS: %w", err)
	}
	served, err := loadContract(api.OpenAPI, overrides, limits)
	if err != nil {
		return nil, err
	}
	if err := checkAccountLimits(served); err != nil {
		return nil, err
	}
	if err := checkRefusals(served); err != nil {
		return nil, err
	}
	app, err := newWebApp(cfg)
	if err != nil {
		return nil, err
	}
	signer := &token.Signer{Keys: cfg.Keys()}
	s := &Server{
		DB:       d,
		Signer:   signer,
		Contract: served,
		Sessions: &session.Manager{
			DB: d, Signer: signer, Now: now, Logger: logger,
			Idle: cfg.SessionIdle, Absolute: cfg.SessionAbsolute, RenewWithin: 200 * time.Millisecond, Cookie: cookie,
		},
		Passwords:       &password.Hasher{},
		Audit:           &audit.Trail{DB: d, Signer: signer, Now: now, Logger: logger, Keep: time.Duration(cfg.AuditRetention)},
		PasswordPolicy:  passwordPolicy(cfg, logger),
		Now:             now,
		Logger:          logger,
		Production:      cfg.Production(),
		Port:            cfg.Port,
		AllowedOrigins:  withOwnOrigin(cfg.AllowedOrigins, cfg.PublicURL),
		TrustedProxies:  cfg.TrustedProxies,
		Docs:            cfg.ServeDocs(),
		WebApp:          app,
		VerifyResponses: cfg.VerifyResponses,
		Registration:    cfg.Registration,
		Timeout:         RequestTimeout,
	}
	if !limits.Off {
		s.Limits = &ratelimit.Limiter{Store: d, Now: now, Hash: signer.Keyed}
		s.Attempts = &ratelimit.Attempts{DB: d, Now: now, Hash: signer.Keyed}
	}
	if err := s.setUpMail(cfg, signer); err != nil {
		return nil, err
	}
	s.setUpMetrics()
	s.setUpAudit()
	s.Accounts = &accounts.Keeper{
		DB: d, Mail: s.Mail, Now: now, EndSessions: s.Sessions.EndAll, ForgetAttempts: s.forgetAttempts, Record: s.record,
		FrontendURL: cfg.FrontendURL, ResetTTL: cfg.ResetTTL, InviteTTL: cfg.InviteTTL,
	}
	return s, nil
}

// setUpMail builds the outbox, whoever empties it, and what the mails go to:
// a mail server, or a page in development.
func (s *Server) setUpMail(cfg *config.Config, signer *token.Signer) error {
	templates, err := loadTemplates(cfg.MailTemplates)
	if err != nil {
		return err
	}
	var sender mail.Sender
	switch {
	case cfg.MailURL != "":
		if sender, err = mail.NewSMTP(string(cfg.MailURL), cfg.Production()); err != nil {
			return err
		}
	case !cfg.Production():
		s.Preview = &mail.Preview{Now: s.Now, Logger: s.Logger}
		sender = s.Preview
	}
	s.Mail = &mail.Outbox{From: cfg.MailSender(), Now: s.Now, Off: !cfg.SendsMail()}
	if sender != nil {
		s.MailWorker = &mail.Worker{
			DB: s.DB, Outbox: s.Mail, Sender: sender, Templates: templates, Signer: signer,
			Audit: s.Audit, FrontendURL: cfg.FrontendURL, Product: product(cfg),
			VerifyTTL: cfg.VerifyTTL, ResetTTL: cfg.ResetTTL, InviteTTL: cfg.InviteTTL,
			Now: s.Now, Logger: s.Logger,
		}
	}
	return nil
}

// product is the name and the support contact that mails show.
func product(cfg *config.Config) mail.Product {
	text, link := cfg.Support()
	return mail.Product{Name: cfg.ProductName, Support: text, SupportURL: link}
}

// withOwnOrigin adds the server's own public origin to the list. A proxy need
// not pass on the Host that the browser sees, and then nothing else tells that
// a page came from this server.
func withOwnOrigin(origins []string, publicURL string) []string {
	own, err := url.Parse(publicURL)
	if err != nil || own.Host == "" || slices.Contains(origins, own.Scheme+"://"+own.Host) {
		return origins
	}
	return append(slices.Clone(origins), own.Scheme+"://"+own.Host)
}

// passwordPolicy knows the names that guessers know: that of the service in its
// mails, and its hosts.
func passwordPolicy(cfg *config.Config, logger *slog.Logger) *password.Policy {
	p := &password.Policy{Service: []string{"TechTreks", cfg.MailSender().Name, cfg.ProductName}}
	for _, address := range []string{cfg.PublicURL, cfg.FrontendURL} {
		if u, err := url.Parse(address); err == nil {
			p.Service = append(p.Service, siteName(u.Hostname()))
		}
	}
	if cfg.HIBPURL != "" {
		p.Breaches = password.NewBreaches(cfg.HIBPURL, logger)
	}
	return p
}

// siteName is what people call a host: example, of auth.example.com.
func siteName(host string) string {
	labels := strings.Split(host, ".")
	if _, err := netip.ParseAddr(host); err == nil || len(labels) < 2 {
		return ""
	}
	return labels[len(labels)-2]
}

// servedAs says what of the contract is this server's own.
func servedAs(cfg *config.Config, cookie session.Cookie) (map[string]any, error) {
	own := map[string]any{}
	if cfg.PasswordPolicy == policyLength {
		if err := yaml.UnmarshalWithOptions(api.PasswordLength, &own, yaml.UseOrderedMap()); err != nil {
			return nil, err
		}
	}
	address := cfg.PublicURL
	if address == "" {
		address = "/"
	}
	set, clear := cookie.Examples(cfg.SessionAbsolute)
	own["$.servers[0].url"] = address
	own["$.components.securitySchemes.session.name"] = cookie.Name
	own["$.components.headers.SetSessionCookie.example"] = set
	own["$.components.headers.ClearSessionCookie.example"] = clear
	return own, nil
}

// policyLength is the value of PASSWORD_POLICY for which the contract has other
// rules than its own.
const policyLength = "length"
