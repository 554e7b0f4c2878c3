package server_test

import (
	"context"
	"database/sql"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	"github.com/techtreks/auth/internal/apptest"
)

// The deadline of a request reaches its queries. While another program holds the write lock,
// the request fails long before the timeout of the database.
func TestRequestTimeout_EndsQueries(t *testing.T) {
	h := apptest.NewServer(t, dbtest.Open(t, db.SQLite))
	h.Edge.Timeout = 50 * time.Millisecond
	h.Serve()
	defer lockSQLite(h)()
	h.Browser().Call("POST", "/auth/register", apptest.Members{"username": "alice", "email": "alice@example.com", "password": apptest.GoodPassword}).Want(503, "unavailable")
	requests := h.Logs.Requests(t)
	if cause, _ := requests[len(requests)-1]["cause"].(string); !strings.Contains(cause, context.DeadlineExceeded.Error()) {
		t.Errorf("got cause %q, want %q", cause, context.DeadlineExceeded)
	}
}

// A request with a session that is due for renewal succeeds although another program delays the
// renewal. The next request renews the session.
func TestGetProfile_DoesNotWaitForSessionRenewal(t *testing.T) {
	h := apptest.NewServer(t, dbtest.Open(t, db.SQLite))
	h.Sessions.RenewTimeout = 200 * time.Millisecond
	h.Serve()
	b := h.Browser()
	b.Register("alice")
	b.Login("alice")
	h.Clock.Advance(2 * time.Minute)
	release := lockSQLite(h)
	b.Call("GET", "/auth/profile", nil).Want(200, "")
	if !strings.Contains(h.Logs.String(), "session not renewed") {
		t.Error("the log lacks the failed renewal")
	}
	release()
	b.Call("GET", "/auth/profile", nil).Want(200, "")
	if n := h.Count("SELECT count(*) FROM sessions WHERE last_seen_at > created_at"); n != 1 {
		t.Errorf("got %d renewed sessions, want 1", n)
	}
}

// Probes share one check of a database that hangs. Separate checks would pile up.
func TestGetReadiness_SharesOneDatabaseCheck(t *testing.T) {
	apptest.EachConcurrent(t, func(t *testing.T, h *apptest.Harness) {
		if err := h.DB.Close(); err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		for range 50 {
			b := h.Browser()
			wait.Go(func() { b.Call("GET", "/readyz", nil) })
		}
		wait.Wait()
		h.Browser().Call("GET", "/readyz", nil).Want(503, "unavailable")
	})
}

// lockSQLite takes the write lock of the SQLite file on another connection, until release
// is called.
func lockSQLite(h *apptest.Harness) (release func()) {
	h.T.Helper()
	var file string
	if err := h.DB.QueryRowContext(h.T.Context(), "SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&file); err != nil {
		h.T.Fatal(err)
	}
	other, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		h.T.Fatal(err)
	}
	conn, err := other.Conn(h.T.Context())
	if err != nil {
		h.T.Fatal(err)
	}
	if _, err := conn.ExecContext(h.T.Context(), "BEGIN IMMEDIATE"); err != nil {
		h.T.Fatal(err)
	}
	return func() {
		_ = conn.Close()
		_ = other.Close()
	}
}
