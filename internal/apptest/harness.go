// Package apptest runs the whole server on a real database behind real HTTP. The tests of the
// features, of the HTTP edge and of the app use it. It checks every response that a test
// receives against the contract.
package apptest

import (
	"log/slog"
	"math"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	"github.com/techtreks/auth/internal/app"
	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/contract/contracttest"
	"github.com/techtreks/auth/internal/password"
	"github.com/techtreks/auth/internal/ratelimit"
)

// A Harness is a whole server on a real database, behind real HTTP.
type Harness struct {
	*app.App
	T     testing.TB
	kind  string // kind of the database
	URL   string
	Clock *Clock
	Logs  *LogBuffer

	Recording *Recording // of all responses that its clients receive; nil for none
}

// Each runs a test against a server on each kind of database. Both subtests run in
// parallel after the calling test has returned. Each fails the test unless both servers
// gave the same responses in the same order.
func Each(t *testing.T, test func(t *testing.T, h *Harness), options ...func(*config.Config)) {
	t.Helper()
	record(t, false, test, options)
}

// EachConcurrent is Each for tests that send many requests at once: it compares the
// responses, but not their order.
func EachConcurrent(t *testing.T, test func(t *testing.T, h *Harness), options ...func(*config.Config)) {
	t.Helper()
	record(t, true, test, options)
}

// record runs the test on both databases and compares the two recordings.
func record(t *testing.T, atOnce bool, test func(t *testing.T, h *Harness), options []func(*config.Config)) {
	t.Helper()
	recordings := map[db.Kind]*Recording{}
	for _, kind := range dbtest.Kinds {
		r := &Recording{AtOnce: atOnce}
		recordings[kind] = r
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			h := Start(t, dbtest.Open(t, kind), options...)
			h.Recording = r
			test(t, h)
			r.Whole = true
		})
	}
	t.Cleanup(func() { CompareRecordings(t, recordings) }) // after the subtests
}

// EachRace is Each for races: which response goes to which client depends on timing, so
// there is nothing to compare. Such tests load the machine, so the databases run one after
// the other.
func EachRace(t *testing.T, test func(t *testing.T, h *Harness), options ...func(*config.Config)) {
	t.Helper()
	dbtest.Run(t, func(t *testing.T, d *db.DB) { test(t, Start(t, d, options...)) })
}

// Start builds a server and serves it on a loopback port. Hashing a password is cheap.
func Start(t testing.TB, d *db.DB, options ...func(*config.Config)) *Harness {
	t.Helper()
	h := NewServer(t, d, options...)
	h.Serve()
	return h
}

// NewServer builds the server as the program does, with its own clock and log. The test
// may change the server before it calls Serve.
func NewServer(t testing.TB, d *db.DB, options ...func(*config.Config)) *Harness {
	t.Helper()
	return NewServerWith(t, d, func(*app.Options) {}, options...)
}

// NewServerWith is NewServer for tests that also edit the options of the app.
func NewServerWith(t testing.TB, d *db.DB, edit func(*app.Options), options ...func(*config.Config)) *Harness {
	t.Helper()
	cfg := defaults()
	for _, set := range options {
		set(&cfg)
	}
	h := &Harness{T: t, kind: string(d.Kind), Clock: &Clock{now: time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)}, Logs: NewLogBuffer()}
	served, err := loadContract(&cfg)
	if err != nil {
		t.Fatal(err)
	}
	templates, err := loadTemplates(cfg.MailTemplates)
	if err != nil {
		t.Fatal(err)
	}
	o := app.Options{
		Now: h.Clock.Now, Contract: served, Templates: templates,
		Logger: slog.New(contracttest.NoteEvents(h.kind, h.Logs.Logger().Handler())),
		Hash:   &password.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32},
	}
	edit(&o)
	if h.App, err = app.New(&cfg, d, o); err != nil {
		t.Fatal(err)
	}
	h.Sessions.RenewTimeout *= 300        // a slow machine must not end sessions
	h.Edge.Refusals.First = math.MaxInt64 // tests read every line
	return h
}

// defaults is the configuration of a test: development, without rate limits.
func defaults() config.Config {
	return config.Config{
		Env: "development", Addr: ":5001", Port: 5001, PublicURL: "http://localhost:5001",
		SecretKey:      "0123456789abcdef0123456789abcdef",
		AllowedOrigins: []string{"http://localhost:3000"}, CookieSameSite: "lax",
		SessionIdle: time.Hour, SessionAbsolute: 24 * time.Hour,
		Registration: "open", PasswordPolicy: "composition", VerifyTTL: 24 * time.Hour, ResetTTL: time.Hour, InviteTTL: 72 * time.Hour,
		RateLimits: "off", // every test has the same client address; tests of limits set their own
		MailFrom:   "TechTreks <no-reply@localhost>", ProductName: "TechTreks", FrontendURL: "http://localhost:3000",
	}
}

// Serve serves the app on a loopback port until the test ends.
func (h *Harness) Serve() {
	h.T.Helper()
	handler, err := h.Handler()
	if err != nil {
		h.T.Fatal(err)
	}
	live := httptest.NewServer(handler)
	h.T.Cleanup(live.Close)
	h.URL = live.URL
}

// StartAnother starts a second server on the database of h, in the same recording.
func (h *Harness) StartAnother(options ...func(*config.Config)) *Harness {
	h.T.Helper()
	other := h.NewAnother(options...)
	other.Serve()
	return other
}

// NewAnother is StartAnother for tests that change the server before it serves.
func (h *Harness) NewAnother(options ...func(*config.Config)) *Harness {
	h.T.Helper()
	other := NewServer(h.T, h.DB, options...)
	other.Recording = h.Recording
	return other
}

// In returns the same server for a subtest.
func (h *Harness) In(t testing.TB) *Harness {
	sub := *h
	sub.T = t
	return &sub
}

// Passwords returns the password hasher of the server.
func (h *Harness) Passwords() *password.Hasher { return h.Credentials.Passwords }

// SetPasswords replaces the password hasher of the server.
func (h *Harness) SetPasswords(p *password.Hasher) {
	h.Credentials.Passwords, h.Validator.Passwords = p, p
}

// SetLimits replaces the rate limiter and the failure counter; nil disables one.
func (h *Harness) SetLimits(l *ratelimit.Limiter, a *ratelimit.Attempts) {
	h.Throttle.Limiter, h.Credentials.Attempts, h.Accounts.Attempts = l, a, a
}

// CountAttempts counts failed logins although the server was started without limits.
func (h *Harness) CountAttempts() {
	h.SetLimits(&ratelimit.Limiter{Store: h.DB, Now: h.Clock.Now, Signer: h.Signer}, &ratelimit.Attempts{DB: h.DB, Now: h.Clock.Now, Signer: h.Signer})
}
