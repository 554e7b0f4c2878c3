package apptest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
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
	kind  string // of the database
	URL   string
	Clock *Clock
	Logs  *LogBuffer

	Recording *Recording // of everything that its clients see; nil for none
}

// Each runs a test on a server on each kind of database, both at once when the
// calling test has returned, and fails unless both have given the same answers
// in the same order.
func Each(t *testing.T, test func(t *testing.T, h *Harness), options ...func(*config.Config)) {
	t.Helper()
	record(t, false, test, options)
}

// EachConcurrent is each for tests that send many requests at once: what is answered
// is compared, and the order is not.
func EachConcurrent(t *testing.T, test func(t *testing.T, h *Harness), options ...func(*config.Config)) {
	t.Helper()
	record(t, true, test, options)
}

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

// EachRace is each for races: which answer goes to whom depends on who comes
// first, so there is nothing to compare. They load the machine, so it is one
// database after the other.
func EachRace(t *testing.T, test func(t *testing.T, h *Harness), options ...func(*config.Config)) {
	t.Helper()
	dbtest.Run(t, func(t *testing.T, d *db.DB) { test(t, Start(t, d, options...)) })
}

// Production sets what production needs.
func Production(c *config.Config) {
	c.Env = "production"
	c.PublicURL = "https://auth.example.com"
	c.AllowedOrigins = []string{"https://app.example.com"}
}

// Start serves on a loopback port. Passwords cost next to nothing.
func Start(t testing.TB, d *db.DB, options ...func(*config.Config)) *Harness {
	t.Helper()
	h := NewServer(t, d, options...)
	h.Serve()
	return h
}

// NewServer builds the server as the program does, with a clock and a log of
// the test's own. The test may change it before it calls serve.
func NewServer(t testing.TB, d *db.DB, options ...func(*config.Config)) *Harness {
	t.Helper()
	return NewServerWith(t, d, func(*app.Options) {}, options...)
}

func NewServerWith(t testing.TB, d *db.DB, edit func(*app.Options), options ...func(*config.Config)) *Harness {
	t.Helper()
	cfg := config.Config{
		Env: "development", Addr: ":5001", Port: 5001, PublicURL: "http://localhost:5001",
		SecretKey:      "0123456789abcdef0123456789abcdef",
		AllowedOrigins: []string{"http://localhost:3000"}, CookieSameSite: "lax",
		SessionIdle: time.Hour, SessionAbsolute: 24 * time.Hour,
		Registration: "open", PasswordPolicy: "composition", VerifyTTL: 24 * time.Hour, ResetTTL: time.Hour, InviteTTL: 72 * time.Hour,
		RateLimits: "off", // every test comes from one address; those about limits set their own
		MailFrom:   "TechTreks <no-reply@localhost>", ProductName: "TechTreks", FrontendURL: "http://localhost:3000",
	}
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
		Now: h.Clock.Now, Logger: h.Logs.Logger(), Contract: served, Templates: templates,
		Hash: &password.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32},
	}
	edit(&o)
	if h.App, err = app.New(&cfg, d, o); err != nil {
		t.Fatal(err)
	}
	h.Sessions.RenewTimeout *= 300        // a busy machine must not end sessions by the test's clock
	h.Edge.Refusals.First = math.MaxInt64 // tests look at every line
	return h
}

// Passwords returns the hasher of the server.
func (h *Harness) Passwords() *password.Hasher { return h.Credentials.Passwords }

// SetPasswords replaces the hasher of the server.
func (h *Harness) SetPasswords(p *password.Hasher) {
	h.Credentials.Passwords, h.Validator.Passwords = p, p
}

// SetLimits replaces the counters of the server; nil counts nothing.
func (h *Harness) SetLimits(l *ratelimit.Limiter, a *ratelimit.Attempts) {
	h.Throttle.Limiter, h.Credentials.Attempts, h.Accounts.Attempts = l, a, a
}

// Violations returns how many answers broke the contract.
func (h *Harness) Violations() int {
	h.T.Helper()
	return int(h.Scrape()["techtreks_contract_violations_total"])
}

// StartAnother serves on the database of h as well, in the same recording.
func (h *Harness) StartAnother(options ...func(*config.Config)) *Harness {
	h.T.Helper()
	other := h.NewAnother(options...)
	other.Serve()
	return other
}

// NewAnother is another server before it serves, for tests that change it first.
func (h *Harness) NewAnother(options ...func(*config.Config)) *Harness {
	h.T.Helper()
	other := NewServer(h.T, h.DB, options...)
	other.Recording = h.Recording
	return other
}

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

// In is the same server for a subtest.
func (h *Harness) In(t testing.TB) *Harness {
	sub := *h
	sub.T = t
	return &sub
}

// Browser returns a client with a cookie jar of its own. Every answer it sees
// is held against the contract.
func (h *Harness) Browser() *Browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.T.Fatal(err)
	}
	base := &http.Transport{DisableCompression: true}
	h.T.Cleanup(base.CloseIdleConnections)
	return &Browser{H: h, Client: &http.Client{
		Jar: jar, Transport: h.OnRecord(h.verified(base)),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// verified holds every answer against the contract.
func (h *Harness) verified(base http.RoundTripper) http.RoundTripper {
	return &contracttest.Transport{T: h.T, Contract: h.Contract, Base: base, Database: h.kind}
}

// OnRecord adds every answer to the recording, if there is one.
func (h *Harness) OnRecord(base http.RoundTripper) http.RoundTripper {
	if h.Recording == nil {
		return base
	}
	return recorder{base, h.Recording}
}

type Browser struct {
	H      *Harness
	Client *http.Client
}

// Call sends a request. A string is a body as it is; anything else is sent as
// JSON; nil is no body.
func (b *Browser) Call(method, path string, body any, edit ...func(*http.Request)) *Answer {
	b.H.T.Helper()
	var reader io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(body)
	default:
		data, err := json.Marshal(body)
		if err != nil {
			b.H.T.Fatal(err)
		}
		reader = bytes.NewReader(data)
	}
	r, err := http.NewRequestWithContext(b.H.T.Context(), method, b.H.URL+path, reader)
	if err != nil {
		b.H.T.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, f := range edit {
		f(r)
	}
	response, err := b.Client.Do(r)
	if err != nil {
		b.H.T.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		b.H.T.Fatal(err)
	}
	return &Answer{t: b.H.T, What: method + " " + path, Status: response.StatusCode, Header: response.Header, Body: data, Closes: response.Close}
}

// Header is an edit of a request.
func Header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

type Members map[string]any

// Register and login go through the API like everybody else.
func (b *Browser) Register(username string) {
	b.H.T.Helper()
	b.Call("POST", "/auth/register", Members{"username": username, "email": username + "@example.com", "password": GoodPassword}).Want(201, "")
}

func (b *Browser) Login(username string) *Answer {
	b.H.T.Helper()
	a := b.Call("POST", "/auth/login", Members{"username": username, "password": GoodPassword})
	a.Want(200, "")
	return a
}

// LoggedIn reports whether the browser's session, if any, is alive.
func (b *Browser) LoggedIn() bool {
	b.H.T.Helper()
	return b.Call("GET", "/auth/current_user", nil).JSON()["ok"] == true
}

const GoodPassword = "Tr4vel-lighter!"

type Answer struct {
	t      testing.TB
	What   string
	Status int
	Header http.Header
	Body   []byte
	Closes bool // the server ends the connection
}

// Want fails the test unless the answer has that status and, for an error,
// that code.
func (a *Answer) Want(status int, code string) *Answer {
	a.t.Helper()
	var got string
	if a.Status >= 400 {
		got, _ = a.JSON()["code"].(string)
	}
	if a.Status != status || got != code {
		a.t.Fatalf("%s: got %d %q, want %d %q\n%s", a.What, a.Status, got, status, code, a.Body)
	}
	return a
}

func (a *Answer) JSON() map[string]any {
	a.t.Helper()
	var m map[string]any
	if err := json.Unmarshal(a.Body, &m); err != nil {
		a.t.Fatalf("%s: %d is not JSON: %v\n%s", a.What, a.Status, err, a.Body)
	}
	return m
}

// Cookie returns the value of the Set-Cookie header, empty if there is none.
func (a *Answer) Cookie() string {
	value, _, _ := strings.Cut(a.Header.Get("Set-Cookie"), ";")
	_, value, _ = strings.Cut(value, "=")
	return value
}

// Count returns the number of rows of a query.
func (h *Harness) Count(query string, args ...any) int {
	h.T.Helper()
	var n int
	if err := h.DB.QueryRowContext(h.T.Context(), query, args...).Scan(&n); err != nil {
		h.T.Fatal(err)
	}
	return n
}

// Quoted is a value as JSON.
func Quoted(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprint("cannot be JSON: ", v))
	}
	return string(data)
}
