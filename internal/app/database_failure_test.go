package app_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/contract"
)

// failing is a database that returns an error for every query.
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

// If the session cannot be read, the client is treated neither as logged in nor as logged
// out: either would be a guess. A temporary error is 503, an unknown one 500.
func TestDatabaseFailure_NeitherLogsInNorLogsOut(t *testing.T) {
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
			"starting up":     {&pgconn.PgError{Code: "57P03", Message: "the database system is starting up"}, 503, "unavailable"},
			"disk full":       {&pgconn.PgError{Code: "53100", Message: "disk full"}, 503, "unavailable"},
			"unexpected end":  {io.ErrUnexpectedEOF, 503, "unavailable"},
			"deadline":        {context.DeadlineExceeded, 503, "unavailable"},
			"unknown error":   {errors.New("disk on fire"), 500, "internal_error"},
		}) {
			h.DB.Queries = gendb.New(failing{test.err})
			callAll(h, h.Browser(), cookie, func(op *contract.Operation, a *apptest.Answer) {
				if op.Session == contract.SessionIgnored && !readsToken(op) {
					// The operation has no query, or a transaction, where this failure does not occur.
					if a.Status >= 500 || a.Header.Get("Set-Cookie") != "" {
						t.Errorf("%s: got %d %v, want below 500 and no cookie", op.ID, a.Status, a.Header)
					}
					return
				}
				a.Want(test.status, test.code)
				if wait := a.Header.Get("Retry-After"); (wait == "2") != (test.status == 503) || a.Header.Get("Set-Cookie") != "" || strings.Contains(string(a.Body), test.err.Error()) {
					t.Errorf("%s: %s: got %v\n%s\nwant Retry-After 2 with 503 alone, no cookie and no cause", name, op.ID, a.Header, a.Body)
				}
			})
		}
		h.DB.Queries = working
		h.Browser().Call("GET", "/auth/profile", nil, apptest.SessionCookie(cookie)).Want(200, "")
	})
}

// The database becomes unavailable and returns, as in a restart or a failover. The server
// works again without a restart.
func TestDatabaseFailure_ServerRecoversWithoutRestart(t *testing.T) {
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
		callAll(h, h.Browser(), cookie, func(op *contract.Operation, a *apptest.Answer) {
			switch {
			case usesDatabase(op):
				if a.Want(503, "unavailable").Header.Get("Retry-After") != "2" || a.Header.Get("Set-Cookie") != "" {
					t.Errorf("%s: got %v, want Retry-After 2 and no cookie", op.ID, a.Header)
				}
			case a.Status >= 500:
				t.Errorf("%s: got %d, want below 500", op.ID, a.Status)
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

// A full disk, or a standby that is not promoted yet: writes fail with 503, reads work and
// sessions stay valid.
func TestDatabaseFailure_ReadOnlyDatabaseServesReads(t *testing.T) {
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
		callAll(h, h.Browser(), cookie, func(op *contract.Operation, a *apptest.Answer) {
			switch {
			case readsToken(op):
				a.Want(400, "invalid_token") // read before any write
			case op.Method == "GET" && op.ID != "verifyEmailByLink" && usesDatabase(op):
				a.Want(200, "")
			case usesDatabase(op):
				if a.Want(503, "unavailable").Header.Get("Set-Cookie") != "" {
					t.Errorf("%s: got a cookie, want none", op.ID)
				}
			case a.Status >= 500:
				t.Errorf("%s: got %d, want below 500", op.ID, a.Status)
			}
		})
	})
}

func TestDatabaseFailure_ClosedDatabaseIsUnavailable(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		cookie := b.Login("alice").Cookie()
		if err := h.DB.Close(); err != nil {
			t.Fatal(err)
		}
		callAll(h, h.Browser(), cookie, func(op *contract.Operation, a *apptest.Answer) {
			switch {
			case usesDatabase(op):
				if a.Want(503, "unavailable").JSON()["ok"] != false || a.Header.Get("Set-Cookie") != "" {
					t.Errorf("%s: got %d %s, want ok false and no cookie", op.ID, a.Status, a.Body)
				}
			case a.Status >= 500:
				t.Errorf("%s: got %d, want below 500", op.ID, a.Status)
			}
		})
	})
}

// callAll calls every operation with the session cookie and passes each response to check.
func callAll(h *apptest.Harness, b *apptest.Browser, cookie string, check func(op *contract.Operation, a *apptest.Answer)) {
	h.T.Helper()
	b.Client.Jar = nil // send no other cookie
	for _, op := range h.Contract.Operations {
		path, body := h.Sample(op)
		check(op, b.Call(op.Method, path, body, apptest.SessionCookie(cookie)))
	}
}

// usesDatabase reports whether an operation needs the database.
func usesDatabase(op *contract.Operation) bool {
	switch op.ID {
	case "register", "verifyEmail", "verifyEmailByLink", "confirmEmail", "resendVerification",
		"requestReset", "resetPassword", "resetPasswordByLink", "getReadiness":
		return true
	}
	return op.Session != contract.SessionIgnored
}

// readsToken reports whether an operation reads a token before it writes.
func readsToken(op *contract.Operation) bool {
	return op.ID == "confirmEmail" || strings.HasPrefix(op.ID, "resetPassword") || strings.HasPrefix(op.ID, "verifyEmail")
}
