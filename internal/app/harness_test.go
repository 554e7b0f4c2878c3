package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
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

// A harness is a whole server on a real database, behind real HTTP.
type harness struct {
	*app.App
	t     testing.TB
	kind  string // of the database
	url   string
	clock *clock
	logs  *logBuffer

	recording *recording // of everything that its clients see; nil for none
}

// each runs a test on a server on each kind of database, both at once when the
// calling test has returned, and fails unless both have given the same answers
// in the same order.
func each(t *testing.T, test func(t *testing.T, h *harness), options ...func(*config.Config)) {
	t.Helper()
	record(t, false, test, options)
}

// eachAtOnce is each for tests that send many requests at once: what is answered
// is compared, and the order is not.
func eachAtOnce(t *testing.T, test func(t *testing.T, h *harness), options ...func(*config.Config)) {
	t.Helper()
	record(t, true, test, options)
}

func record(t *testing.T, atOnce bool, test func(t *testing.T, h *harness), options []func(*config.Config)) {
	t.Helper()
	recordings := map[db.Kind]*recording{}
	for _, kind := range dbtest.Kinds {
		r := &recording{atOnce: atOnce}
		recordings[kind] = r
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			h := start(t, dbtest.Open(t, kind), options...)
			h.recording = r
			test(t, h)
			r.whole = true
		})
	}
	t.Cleanup(func() { compareRecordings(t, recordings) }) // after the subtests
}

// eachByChance is each for races: which answer goes to whom depends on who comes
// first, so there is nothing to compare. They load the machine, so it is one
// database after the other.
func eachByChance(t *testing.T, test func(t *testing.T, h *harness), options ...func(*config.Config)) {
	t.Helper()
	dbtest.Run(t, func(t *testing.T, d *db.DB) { test(t, start(t, d, options...)) })
}

// inProduction sets what production needs.
func inProduction(c *config.Config) {
	c.Env = "production"
	c.PublicURL = "https://auth.example.com"
	c.AllowedOrigins = []string{"https://app.example.com"}
}

// start serves on a loopback port. Passwords cost next to nothing.
func start(t testing.TB, d *db.DB, options ...func(*config.Config)) *harness {
	t.Helper()
	h := newServer(t, d, options...)
	h.serve()
	return h
}

// newServer builds the server as the program does, with a clock and a log of
// the test's own. The test may change it before it calls serve.
func newServer(t testing.TB, d *db.DB, options ...func(*config.Config)) *harness {
	t.Helper()
	return newServerWith(t, d, func(*app.Options) {}, options...)
}

func newServerWith(t testing.TB, d *db.DB, edit func(*app.Options), options ...func(*config.Config)) *harness {
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
	h := &harness{t: t, kind: string(d.Kind), clock: &clock{now: time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)}, logs: newLogBuffer()}
	served, err := loadContract(&cfg)
	if err != nil {
		t.Fatal(err)
	}
	templates, err := loadTemplates(cfg.MailTemplates)
	if err != nil {
		t.Fatal(err)
	}
	o := app.Options{
		Now: h.clock.Now, Logger: h.logs.logger(), Contract: served, Templates: templates,
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

// passwords returns the hasher of the server.
func (h *harness) passwords() *password.Hasher { return h.Credentials.Passwords }

// setPasswords replaces the hasher of the server.
func (h *harness) setPasswords(p *password.Hasher) {
	h.Credentials.Passwords, h.Validator.Passwords = p, p
}

// setLimits replaces the counters of the server; nil counts nothing.
func (h *harness) setLimits(l *ratelimit.Limiter, a *ratelimit.Attempts) {
	h.Throttle.Limiter, h.Credentials.Attempts, h.Accounts.Attempts = l, a, a
}

// violations returns how many answers broke the contract.
func (h *harness) violations() int {
	h.t.Helper()
	return int(h.scrape()["techtreks_contract_violations_total"])
}

// another serves on the database of h as well, in the same recording.
func (h *harness) another(options ...func(*config.Config)) *harness {
	h.t.Helper()
	other := h.beside(options...)
	other.serve()
	return other
}

// beside is another server before it serves, for tests that change it first.
func (h *harness) beside(options ...func(*config.Config)) *harness {
	h.t.Helper()
	other := newServer(h.t, h.DB, options...)
	other.recording = h.recording
	return other
}

func (h *harness) serve() {
	h.t.Helper()
	handler, err := h.Handler()
	if err != nil {
		h.t.Fatal(err)
	}
	live := httptest.NewServer(handler)
	h.t.Cleanup(live.Close)
	h.url = live.URL
}

// in is the same server for a subtest.
func (h *harness) in(t testing.TB) *harness {
	sub := *h
	sub.t = t
	return &sub
}

// browser returns a client with a cookie jar of its own. Every answer it sees
// is held against the contract.
func (h *harness) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	base := &http.Transport{DisableCompression: true}
	h.t.Cleanup(base.CloseIdleConnections)
	return &browser{h: h, client: &http.Client{
		Jar: jar, Transport: h.onRecord(h.verified(base)),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// verified holds every answer against the contract.
func (h *harness) verified(base http.RoundTripper) http.RoundTripper {
	return &contracttest.Transport{T: h.t, Contract: h.Contract, Base: base, Database: h.kind}
}

// onRecord adds every answer to the recording, if there is one.
func (h *harness) onRecord(base http.RoundTripper) http.RoundTripper {
	if h.recording == nil {
		return base
	}
	return recorder{base, h.recording}
}

type browser struct {
	h      *harness
	client *http.Client
}

// call sends a request. A string is a body as it is; anything else is sent as
// JSON; nil is no body.
func (b *browser) call(method, path string, body any, edit ...func(*http.Request)) *answer {
	b.h.t.Helper()
	var reader io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(body)
	default:
		data, err := json.Marshal(body)
		if err != nil {
			b.h.t.Fatal(err)
		}
		reader = bytes.NewReader(data)
	}
	r, err := http.NewRequestWithContext(b.h.t.Context(), method, b.h.url+path, reader)
	if err != nil {
		b.h.t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, f := range edit {
		f(r)
	}
	response, err := b.client.Do(r)
	if err != nil {
		b.h.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		b.h.t.Fatal(err)
	}
	return &answer{t: b.h.t, what: method + " " + path, status: response.StatusCode, header: response.Header, body: data, closes: response.Close}
}

// header is an edit of a request.
func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

type members map[string]any

// register and login go through the API like everybody else.
func (b *browser) register(username string) {
	b.h.t.Helper()
	b.call("POST", "/auth/register", members{"username": username, "email": username + "@example.com", "password": goodPassword}).want(201, "")
}

func (b *browser) login(username string) *answer {
	b.h.t.Helper()
	a := b.call("POST", "/auth/login", members{"username": username, "password": goodPassword})
	a.want(200, "")
	return a
}

// loggedIn reports whether the browser's session, if any, is alive.
func (b *browser) loggedIn() bool {
	b.h.t.Helper()
	return b.call("GET", "/auth/current_user", nil).json()["ok"] == true
}

const goodPassword = "Tr4vel-lighter!"

type answer struct {
	t      testing.TB
	what   string
	status int
	header http.Header
	body   []byte
	closes bool // the server ends the connection
}

// want fails the test unless the answer has that status and, for an error,
// that code.
func (a *answer) want(status int, code string) *answer {
	a.t.Helper()
	var got string
	if a.status >= 400 {
		got, _ = a.json()["code"].(string)
	}
	if a.status != status || got != code {
		a.t.Fatalf("%s: got %d %q, want %d %q\n%s", a.what, a.status, got, status, code, a.body)
	}
	return a
}

func (a *answer) json() map[string]any {
	a.t.Helper()
	var m map[string]any
	if err := json.Unmarshal(a.body, &m); err != nil {
		a.t.Fatalf("%s: %d is not JSON: %v\n%s", a.what, a.status, err, a.body)
	}
	return m
}

// cookie returns the value of the Set-Cookie header, empty if there is none.
func (a *answer) cookie() string {
	value, _, _ := strings.Cut(a.header.Get("Set-Cookie"), ";")
	_, value, _ = strings.Cut(value, "=")
	return value
}

// count returns the number of rows of a query.
func (h *harness) count(query string, args ...any) int {
	h.t.Helper()
	var n int
	if err := h.DB.QueryRowContext(h.t.Context(), query, args...).Scan(&n); err != nil {
		h.t.Fatal(err)
	}
	return n
}

// clock is time as the test sets it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// logBuffer is what the server has logged, one JSON object a line.
type logBuffer struct {
	mu     sync.Mutex
	text   bytes.Buffer
	parsed []map[string]any // the lines that were looked at before
	read   int              // and how many bytes they are
	grown  chan struct{}    // holds one when there is more than was waited for
}

func newLogBuffer() *logBuffer { return &logBuffer{grown: make(chan struct{}, 1)} }

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.grown <- struct{}{}:
	default:
	}
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// lines parses the log. The lines are shared, and not to be changed.
func (l *logBuffer) lines(t testing.TB) []map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range bytes.Lines(l.text.Bytes()[l.read:]) {
		var m map[string]any
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatalf("a line of the log is not JSON: %v\n%s", err, line)
		}
		l.parsed, l.read = append(l.parsed, m), l.read+len(line)
	}
	return slices.Clone(l.parsed)
}

// requests returns the lines about requests.
func (l *logBuffer) requests(t testing.TB) []map[string]any {
	t.Helper()
	return l.about(t, "request")
}

// events returns the lines about events.
func (l *logBuffer) events(t testing.TB) []map[string]any {
	t.Helper()
	return l.about(t, "audit")
}

// about returns the lines with a message.
func (l *logBuffer) about(t testing.TB, message string) []map[string]any {
	t.Helper()
	return slices.DeleteFunc(l.lines(t), func(line map[string]any) bool { return line["msg"] != message })
}

// quoted is a value as JSON.
func quoted(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprint("cannot be JSON: ", v))
	}
	return string(data)
}
