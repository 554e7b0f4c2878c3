package session_test

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/reqctx"
	"github.com/techtreks/auth/internal/session"
	"github.com/techtreks/auth/internal/token"
)

func init() { gin.SetMode(gin.ReleaseMode) }

// A fixture is a manager with a clock that the test sets, and one account.
type fixture struct {
	*session.Manager
	t     testing.TB
	clock time.Time
	users []int64 // all accounts
	alice int64
	seen  int64 // the last audit event that recorded returned
}

// run calls test with a new fixture on each kind of database.
func run(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Helper()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		f := &fixture{t: t, clock: time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)}
		now, logger := func() time.Time { return f.clock }, slog.New(slog.DiscardHandler)
		signer := &token.Signer{Keys: [][]byte{[]byte("0123456789abcdef0123456789abcdef")}}
		f.Manager = &session.Manager{
			DB: d, Signer: signer, Audit: &audit.Trail{DB: d, Signer: signer, Now: now, Logger: logger},
			Now: now, Logger: logger, Idle: time.Hour, Absolute: 24 * time.Hour, RenewTimeout: time.Minute,
			Cookie: session.Cookie{Name: "session", SameSite: http.SameSiteLaxMode},
		}
		f.alice = f.account("alice")
		test(t, f)
	})
}

// subtest runs a subtest on the fixture of its test.
func (f *fixture) subtest(t *testing.T, name string, test func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(sub *testing.T) {
		f.t = sub
		test(sub)
	})
	f.t = t
}

// account creates an account and returns its id.
func (f *fixture) account(name string) (id int64) {
	f.t.Helper()
	f.tx(func(q *gendb.Queries) (err error) {
		address := name + "@example.com"
		id, err = q.UserCreate(f.t.Context(), gendb.UserCreateParams{
			Username: name, UsernameKey: name, Email: address, EmailKey: address, Role: "user", Locale: "en", Now: f.clock,
		})
		return err
	})
	f.users = append(f.users, id)
	return id
}

func (f *fixture) tx(do func(q *gendb.Queries) error) {
	f.t.Helper()
	if err := f.DB.Tx(f.t.Context(), do); err != nil {
		f.t.Fatal(err)
	}
}

// send sends a request with a Cookie header through the middleware to a handler, which
// runs in a transaction. It returns the Set-Cookie headers of the response.
func (f *fixture) send(cookie string, handler func(ctx context.Context, q *gendb.Queries) error) (set []string, err error) {
	f.t.Helper()
	return f.sendFrom(&reqctx.Info{Operation: "login", ClientAddr: netip.MustParseAddr("192.0.2.1"), UserAgent: "curl/8"}, cookie, handler)
}

func (f *fixture) sendFrom(info *reqctx.Info, cookie string, handler func(ctx context.Context, q *gendb.Queries) error) (set []string, err error) {
	f.t.Helper()
	engine := gin.New()
	engine.ContextWithFallback = true
	engine.Use(func(c *gin.Context) {
		ctx, loadErr := f.Load(c.Request)
		if err = loadErr; err != nil {
			c.Abort()
			return
		}
		c.Request = c.Request.WithContext(ctx)
	}, f.Middleware(), f.Renew)
	engine.GET("/", func(c *gin.Context) {
		err = f.DB.Tx(c, func(q *gendb.Queries) error { return handler(c, q) })
	})
	r := httptest.NewRequestWithContext(reqctx.With(f.t.Context(), info), "GET", "/", nil)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	w := httptest.NewRecorder()
	engine.ServeHTTP(w, r)
	return w.Result().Header.Values("Set-Cookie"), err
}

// login starts a session for an account with a request that presents a Cookie header, and
// returns the new Cookie header.
func (f *fixture) login(cookie string, userID int64) string {
	f.t.Helper()
	set, err := f.send(cookie, func(ctx context.Context, q *gendb.Queries) error {
		return f.LogIn(ctx, q, userID, session.Password)
	})
	if err != nil || len(set) != 1 {
		f.t.Fatalf("login sets %q, %v, want one cookie", set, err)
	}
	value, _, _ := strings.Cut(set[0], ";")
	return value
}

// opens returns the session that a Cookie header opens, nil for none.
func (f *fixture) opens(cookie string) (current *session.Session) {
	f.t.Helper()
	_, err := f.send(cookie, func(ctx context.Context, _ *gendb.Queries) error {
		current = session.From(ctx)
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return current
}

// stored returns every session in the database, the oldest first.
func (f *fixture) stored() (list []gendb.Session) {
	f.t.Helper()
	for _, id := range f.users {
		sessions, err := f.DB.SessionsStored(f.t.Context(), id)
		if err != nil {
			f.t.Fatal(err)
		}
		list = append(list, sessions...)
	}
	slices.SortFunc(list, func(a, b gendb.Session) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// An event is what a test checks of an audit event.
type event struct {
	operation, event, reason string
	actor, subject, repeats  int64
}

// recorded returns the audit events since the last call, the oldest first.
func (f *fixture) recorded() (list []event) {
	f.t.Helper()
	rows, err := f.DB.QueryContext(f.t.Context(), `SELECT id, operation, event, reason, COALESCE(actor_id, 0), COALESCE(user_id, 0), repeats
		FROM audit_events WHERE id > $1 ORDER BY id`, f.seen)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var e event
		if err := rows.Scan(&f.seen, &e.operation, &e.event, &e.reason, &e.actor, &e.subject, &e.repeats); err != nil {
			f.t.Fatal(err)
		}
		list = append(list, e)
	}
	if err := rows.Err(); err != nil {
		f.t.Fatal(err)
	}
	return list
}

// wantRecorded checks the audit events since the last call.
func (f *fixture) wantRecorded(want ...event) {
	f.t.Helper()
	if got := f.recorded(); !slices.Equal(got, want) {
		f.t.Errorf("recorded %+v, want %+v", got, want)
	}
}
