package app

import (
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/internal/accounts"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/metrics"
	"github.com/techtreks/auth/internal/onetime"
	"github.com/techtreks/auth/internal/password"
	"github.com/techtreks/auth/internal/ratelimit"
	"github.com/techtreks/auth/internal/session"
	"github.com/techtreks/auth/internal/token"
)

// Parts are the parts that change accounts. The server and the command line share them.
type Parts struct {
	Config   *config.Config
	DB       *db.DB
	Signer   *token.Signer
	Audit    *audit.Trail
	Sessions *session.Manager
	Tokens   *onetime.Tokens
	Mail     *mail.Outbox
	Attempts *ratelimit.Attempts // nil if RATE_LIMITS is off
	Accounts *accounts.Manager
	Now      func() time.Time
	Logger   *slog.Logger
}

// NewParts builds the parts from settings. m counts audit events; nil counts nothing.
func NewParts(cfg *config.Config, d *db.DB, now func() time.Time, logger *slog.Logger, m *metrics.Metrics) (*Parts, error) {
	limits, err := rateLimits(cfg)
	if err != nil {
		return nil, err
	}
	signer := &token.Signer{Keys: cfg.Keys()}
	p := &Parts{Config: cfg, DB: d, Signer: signer, Now: now, Logger: logger}
	p.Audit = &audit.Trail{DB: d, Signer: signer, Now: now, Logger: logger, Keep: time.Duration(cfg.AuditRetention), Metrics: m}
	p.Sessions = &session.Manager{
		DB: d, Signer: signer, Audit: p.Audit, Now: now, Logger: logger,
		Idle: cfg.SessionIdle, Absolute: cfg.SessionAbsolute, RenewTimeout: 200 * time.Millisecond, Cookie: cookie(cfg),
	}
	p.Tokens = &onetime.Tokens{DB: d, Signer: signer, Audit: p.Audit, Now: now, Logger: logger}
	p.Mail = &mail.Outbox{From: cfg.MailSender(), Now: now, Off: !cfg.SendsMail()}
	if !limits.Off {
		p.Attempts = &ratelimit.Attempts{DB: d, Now: now, Signer: signer}
	}
	p.Accounts = &accounts.Manager{
		DB: d, Audit: p.Audit, Sessions: p.Sessions, Mail: p.Mail, Links: links(cfg), Tokens: p.Tokens, Attempts: p.Attempts,
		Now: now, Registration: cfg.Registration,
	}
	return p, nil
}

func rateLimits(cfg *config.Config) (ratelimit.Settings, error) {
	limits, err := ratelimit.ParseSettings(cfg.RateLimits)
	if err != nil {
		return limits, fmt.Errorf("RATE_LIMITS: %w", err)
	}
	return limits, nil
}

func cookie(cfg *config.Config) session.Cookie {
	return session.Cookie{
		Name: cfg.CookieName(), Domain: cfg.CookieDomain, Secure: cfg.CookieSecure(), SameSite: cfg.SameSite(),
	}
}

func links(cfg *config.Config) mail.Links {
	return mail.Links{FrontendURL: cfg.FrontendURL, VerifyTTL: cfg.VerifyTTL, ResetTTL: cfg.ResetTTL, InviteTTL: cfg.InviteTTL}
}

// contact returns the name and the support contact that mails show.
func contact(cfg *config.Config) mail.Contact {
	text, link := cfg.Support()
	return mail.Contact{Product: cfg.ProductName, Support: text, SupportURL: link}
}

// passwordPolicy returns the policy. It rejects passwords with a name of the service
// that attackers would guess: its name in mails, and its hosts.
func passwordPolicy(cfg *config.Config, m *metrics.Metrics, logger *slog.Logger) *password.Policy {
	p := &password.Policy{Service: []string{"TechTreks", cfg.MailSender().Name, cfg.ProductName}}
	for _, address := range []string{cfg.PublicURL, cfg.FrontendURL} {
		if u, err := url.Parse(address); err == nil {
			p.Service = append(p.Service, siteName(u.Hostname()))
		}
	}
	if cfg.HIBPURL != "" {
		p.Breaches = password.NewBreaches(cfg.HIBPURL, logger)
		p.Breaches.Outcomes = m
	}
	return p
}

// siteName returns the name of a host's site: example for auth.example.com.
func siteName(host string) string {
	labels := strings.Split(host, ".")
	if _, err := netip.ParseAddr(host); err == nil || len(labels) < 2 {
		return ""
	}
	return labels[len(labels)-2]
}
