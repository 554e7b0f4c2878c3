package app_test

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/techtreks/auth/api"
	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/ratelimit"
)

// A panic is one answer that says nothing and one stack in the log. The process
// serves on (PocketBase #7762: one panic took every user down).
func TestPanicsAreAnswersAndTheProcessLives(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		cookie := b.Login("alice").Cookie()
		logins := []string{"login", "register"}
		for name, test := range apptest.InOrder(map[string]struct {
			breakIt    func(h *apptest.Harness) // before it serves
			afterwards func(h *apptest.Harness) // while it serves
			panics     []string                 // operations; nil is all
		}{
			"in the middleware":   {breakIt: func(h *apptest.Harness) { h.Edge.Contract = nil }},
			"before any query":    {breakIt: func(h *apptest.Harness) { h.SetPasswords(nil) }, panics: logins},
			"at the first query":  {breakIt: func(h *apptest.Harness) { h.DB, h.Service.DB = nil, nil }, panics: append(logins, "getReadiness")},
			"loading the session": {breakIt: func(h *apptest.Harness) { h.Sessions.DB = nil }, panics: []string{"getCurrentUser", "getProfile", "login", "logout"}},
			"checking the cookie": {breakIt: func(h *apptest.Harness) { h.Sessions.Signer = nil }, panics: []string{"getCurrentUser", "getProfile", "login", "logout"}},
			"serving a document":  {breakIt: func(h *apptest.Harness) { h.Contract = nil }, panics: []string{"getContractYAML", "getContractJSON"}},
		}) {
			broken := h.NewAnother()
			visitor := broken.Browser() // keeps the contract to compare with
			if test.breakIt != nil {
				test.breakIt(broken)
			}
			broken.Serve()
			if test.afterwards != nil {
				test.afterwards(broken)
			}
			all := map[string]bool{}
			h.CallAll(visitor, cookie, func(op *contract.Operation, a *apptest.Answer) {
				all[op.ID] = a.Status == 500
				if a.Status != 500 {
					return
				}
				m := a.Want(500, "internal_error").JSON()
				if id := a.Header.Get("X-Request-Id"); m["error"] != "Internal server error" || m["request_id"] != id || len(m) != 4 || a.Header.Get("Set-Cookie") != "" {
					t.Errorf("%s: %s: %s", name, op.ID, a.Body)
				}
				stack := false
				for _, line := range broken.Logs.Lines(t) {
					stack = stack || line["msg"] == "panic" && line["request_id"] == m["request_id"] && strings.Contains(fmt.Sprint(line["stack"]), "goroutine")
				}
				if !stack {
					t.Errorf("%s: %s: the log has no stack", name, op.ID)
				}
			})
			for _, id := range test.panics {
				if !all[id] {
					t.Errorf("%s: %s did not panic", name, id)
				}
			}
			for id, panicked := range all {
				if test.panics == nil && !panicked {
					t.Errorf("%s: %s did not panic", name, id)
				}
			}
		}
	})
}

// SQLite has one writer: a panic that kept its transaction would be the last
// login for everybody.
func TestPanicInATransactionLeavesNothingBehind(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		signer := h.Sessions.Signer
		h.Sessions.Signer = nil // is needed after the row has been inserted
		for range 20 {
			a := h.Browser().Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": apptest.GoodPassword})
			if a.Want(500, "internal_error").Header.Get("Set-Cookie") != "" {
				t.Error("the panic sets a cookie")
			}
		}
		h.Sessions.Signer = signer
		if n := h.Count("SELECT count(*) FROM sessions"); n != 0 {
			t.Errorf("%d sessions", n)
		}
		b.Login("alice")
	})
}

// failing stands for a database that answers every query with an error.
type failing struct{ err error }

func (f failing) Connect(context.Context) (driver.Conn, error) { return nil, f.err }

func (f failing) Driver() driver.Driver { return nil }

func (f failing) ExecContext(context.Context, string, ...any) (sql.Result, error) {
	return nil, f.err
}

func (f failing) PrepareContext(context.Context, string) (*sql.Stmt, error) { return nil, f.err }

func (f failing) QueryContext(context.Context, string, ...any) (*sql.Rows, error) {
	return nil, f.err
}

func (f failing) QueryRowContext(ctx context.Context, _ string, _ ...any) *sql.Row {
	d := sql.OpenDB(f)
	defer func() { _ = d.Close() }()
	return d.QueryRowContext(ctx, "")
}

// Whatever is wrong with the database, nobody is logged in and nobody is told
// to be logged out: that would be a guess. A fault that passes is 503, one that
// nobody has foreseen is 500.
func TestDatabaseThatFailsLetsNobodyInAndTurnsNobodyAway(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		cookie := b.Login("alice").Cookie()
		working := h.DB.Queries
		for name, test := range apptest.InOrder(map[string]struct {
			err    error
			status int
			code   string
		}{
			"connection lost": {driver.ErrBadConn, 503, "unavailable"},
			"refused":         {&pgconn.PgError{Code: "57P03", Message: "the database system is starting up"}, 503, "unavailable"},
			"full":            {&pgconn.PgError{Code: "53100", Message: "disk full"}, 503, "unavailable"},
			"cut off":         {io.ErrUnexpectedEOF, 503, "unavailable"},
			"too slow":        {context.DeadlineExceeded, 503, "unavailable"},
			"unforeseen":      {errors.New("disk on fire"), 500, "internal_error"},
		}) {
			h.DB.Queries = gendb.New(failing{test.err})
			h.CallAll(h.Browser(), cookie, func(op *contract.Operation, a *apptest.Answer) {
				switch {
				case op.Session == contract.SessionIgnored && !apptest.ReadsToken(op):
					// Either none, or a transaction, which this failure leaves alone.
					if a.Status >= 500 || a.Header.Get("Set-Cookie") != "" {
						t.Errorf("%s: %d %v", op.ID, a.Status, a.Header)
					}
					return
				}
				a.Want(test.status, test.code)
				if wait := a.Header.Get("Retry-After"); (wait == "2") != (test.status == 503) || a.Header.Get("Set-Cookie") != "" || strings.Contains(string(a.Body), test.err.Error()) {
					t.Errorf("%s: %s: %v\n%s", name, op.ID, a.Header, a.Body)
				}
			})
		}
		h.DB.Queries = working
		h.Browser().Call("GET", "/auth/profile", nil, apptest.SessionCookie(cookie)).Want(200, "")
	})
}

// The database of a running server goes away and comes back, as in a restart or
// a failover. The server needs no restart of its own.
func TestDatabaseThatComesBackIsUsedAgain(t *testing.T) {
	t.Run("postgres", func(t *testing.T) {
		h := apptest.Start(t, dbtest.Open(t, db.Postgres))
		b := h.Browser()
		b.Register("alice")
		cookie := b.Login("alice").Cookie()
		var name string
		if err := h.DB.QueryRowContext(t.Context(), "SELECT current_database()").Scan(&name); err != nil {
			t.Fatal(err)
		}
		admin, err := sql.Open("pgx", dbtest.URL(t, db.Postgres))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = admin.Close() }()
		run := func(ctx context.Context, statement string, args ...any) {
			if _, err := admin.ExecContext(ctx, statement, args...); err != nil {
				t.Fatal(err)
			}
		}
		run(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
		run(t.Context(), "ALTER DATABASE "+name+" RENAME TO "+name+"_away")
		back := func() { run(context.Background(), "ALTER DATABASE "+name+"_away RENAME TO "+name) }
		defer func() {
			if back != nil {
				back()
			}
		}()
		h.CallAll(h.Browser(), cookie, func(op *contract.Operation, a *apptest.Answer) {
			switch {
			case apptest.UsesDatabase(op):
				if a.Want(503, "unavailable").Header.Get("Retry-After") != "2" || a.Header.Get("Set-Cookie") != "" {
					t.Errorf("%s: %v", op.ID, a.Header)
				}
			case a.Status >= 500:
				t.Errorf("%s: %d", op.ID, a.Status)
			}
		})
		back()
		back = nil
		h.Clock.Advance(time.Second)
		b.Call("GET", "/readyz", nil).Want(200, "")
		b.Call("GET", "/auth/profile", nil).Want(200, "")
		b.Register("bob")
		b.Login("bob")
	})
}

// A full disk or a standby that has not taken over yet: writes wait, but people
// who are logged in stay so.
func TestReadOnlyDatabaseStillAnswersWhoIsLoggedIn(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Register("bob")
		h.SetRole("alice", "admin")
		cookie := b.Login("alice").Cookie()
		if h.DB.Kind == db.Postgres {
			h.DB.SetMaxOpenConns(1)
			h.Exec("SET default_transaction_read_only = on")
		} else {
			h.Exec("PRAGMA query_only = on")
		}
		h.Clock.Advance(2 * time.Minute) // the session is due for renewal, which fails
		h.CallAll(h.Browser(), cookie, func(op *contract.Operation, a *apptest.Answer) {
			switch {
			case apptest.ReadsToken(op):
				a.Want(400, "invalid_token") // looked up before anything is written
			case op.Method == "GET" && op.ID != "verifyEmailByLink" && apptest.UsesDatabase(op):
				a.Want(200, "")
			case apptest.UsesDatabase(op):
				if a.Want(503, "unavailable").Header.Get("Set-Cookie") != "" {
					t.Errorf("%s sets a cookie", op.ID)
				}
			case a.Status >= 500:
				t.Errorf("%s: %d", op.ID, a.Status)
			}
		})
	})
}

// The cookie is written inside the transaction. If that is not committed, the
// cookie would be for a session that does not exist, and the one that the
// person had would be lost.
func TestFailedCommitSendsNoCookie(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		h.FailCommits("sessions")
		before := h.Dump()
		a := b.Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": apptest.GoodPassword})
		a.Want(500, "internal_error")
		if got := a.Header.Values("Set-Cookie"); got != nil {
			t.Errorf("the failure sets %q", got)
		}
		if after := h.Dump(); after != before {
			t.Errorf("the database is\n%s\nwas\n%s", after, before)
		}
		if cause := h.Logs.Requests(t); !strings.Contains(fmt.Sprint(cause[len(cause)-1]["cause"]), "commit") {
			t.Errorf("something else failed: %v", cause[len(cause)-1])
		}
		if !b.LoggedIn() {
			t.Error("the session from before is gone")
		}
	})
}

// alteredContract is the contract with one text replaced by another.
func alteredContract(t *testing.T, old, new string) *contract.Contract {
	t.Helper()
	text := bytes.Replace(api.OpenAPI, []byte(old), []byte(new), 1)
	c, err := contract.Load(text, nil, ratelimit.Settings{})
	if err != nil || bytes.Equal(text, api.OpenAPI) {
		t.Fatalf("%q is not in the contract, or it does not load: %v", old, err)
	}
	return c
}

func verifying(c *config.Config) { c.VerifyResponses = true }

// The contract is altered, so that what the server rightly does is wrong by it.
func TestVerifyReportsAnswersThatBreakTheContract(t *testing.T) {
	login := apptest.Members{"username": "alice", "password": apptest.GoodPassword}
	for name, test := range map[string]struct {
		old, new, method, path string
		body                   any
		status                 int
	}{
		"status":            {"        '401': {$ref: '#/components/responses/LoginRequired'}\n", "", "GET", "/auth/profile", nil, 401},
		"missing header":    {"    LoginRequired:\n      description: The request has no session, or the session has ended.\n      headers:\n", "    LoginRequired:\n      description: x\n      headers:\n        Retry-After: {$ref: '#/components/headers/RetryAfter'}\n", "GET", "/auth/profile", nil, 401},
		"body":              {"      description: A line of text.\n      maxLength: 100", "      description: A line of text.\n      maxLength: 32", "GET", "/", nil, 200},
		"value of a header": {"      schema:\n        type: string\n        maxLength: 300\n      example: session=q6v0", "      schema:\n        type: string\n        maxLength: 100\n      example: session=q6v0", "POST", "/auth/login", login, 200},
		"unknown path":      {"      description: The path does not exist, or the server has nothing to return there.\n      headers:\n", "      description: x\n      headers:\n        Retry-After: {$ref: '#/components/headers/RetryAfter'}\n", "GET", "/nothing", nil, 404},
	} {
		t.Run(name, func(t *testing.T) {
			apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
				h.Browser().Register("alice")
				altered := h.NewAnother(verifying)
				b := altered.Browser() // holds answers against the real contract
				altered.Edge.Contract = alteredContract(t, test.old, test.new)
				altered.Service.Port = 54321 // makes the banner longer by one
				altered.Serve()
				a := b.Call(test.method, test.path, test.body)
				if a.Status != test.status || len(a.Body) == 0 {
					t.Errorf("the client got %d %q", a.Status, a.Body)
				}
				reports := 0
				for _, line := range altered.Logs.Lines(t) {
					if line["level"] == "ERROR" && line["request_id"] == a.Header.Get("X-Request-Id") && line["error"] != nil {
						reports++
					}
				}
				if n := altered.Violations(); n != 1 || reports != 1 {
					t.Errorf("%d counted, %d reported, want 1", n, reports)
				}
				for _, secret := range []string{a.Cookie(), "alice", "Backend"} {
					if secret != "" && strings.Contains(altered.Logs.String(), secret) {
						t.Errorf("the report repeats %s:\n%s", secret, altered.Logs)
					}
				}
			})
		})
	}
}

func TestVerifyFindsNothingInTheNormalFlow(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		for range 2 { // the second time as somebody logged in
			for _, op := range h.Contract.Operations {
				path, body := h.Sample(op)
				for _, edit := range []func(*http.Request){
					func(*http.Request) {}, apptest.Header("Origin", apptest.DevOrigin), apptest.Header("Origin", "null"), apptest.Header("Content-Type", "text/plain"),
					func(r *http.Request) { r.Method = "HEAD" }, func(r *http.Request) { r.Method = "PUT" }, func(r *http.Request) { r.Method = "OPTIONS" },
					func(r *http.Request) { r.URL.Path += "/x" }, apptest.Header("Cookie", "session=a; session=b"),
				} {
					b.Call(op.Method, path, body, edit)
				}
			}
			b.Call("POST", "/auth/login", "{")
			b.Call("OPTIONS", "/auth/login", nil, apptest.Header("Origin", apptest.DevOrigin), apptest.Header("Access-Control-Request-Method", "POST"))
			b.Call("POST", "/auth/register", apptest.Members{"username": "alice", "email": "alice@example.com", "password": apptest.GoodPassword})
			b.Login("alice")
		}
		if n := h.Violations(); n != 0 {
			t.Errorf("%d answers broke the contract:\n%s", n, h.Logs)
		}
	}, verifying)
}
