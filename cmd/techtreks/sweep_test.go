package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	gendb "github.com/techtreks/auth/gen/db"
)

// The server deletes expired sessions, and old mails if mail is off.
func TestServe_DeletesExpiredRows(t *testing.T) {
	url := dbtest.URL(t, db.SQLite)
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	long := time.Now().Add(-48 * time.Hour)
	id, err := d.UserCreate(t.Context(), gendb.UserCreateParams{Username: "a", UsernameKey: "a", Email: "a", EmailKey: "a", Role: "user", Now: long})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.SessionCreate(t.Context(), gendb.SessionCreateParams{TokenHash: []byte("x"), UserID: id, Now: long, ExpiresAt: long.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	month := time.Now().Add(-31 * 24 * time.Hour)
	for _, dead := range []any{nil, month} {
		_, err := d.ExecContext(t.Context(), `INSERT INTO outbox (message_id, kind, recipient, recipient_key, locale, details, created_at, next_attempt_at, dead_at)
			VALUES ($1, 'reset_password', 'a@b', 'a@b', '', '{}', $2, $2, $3)`, fmt.Sprint(dead), month, dead)
		if err != nil {
			t.Fatal(err)
		}
	}
	p := serve(t, productionSettings(url))
	defer p.stop()
	eventually(t, "the expired session and the old mails are deleted", func() bool {
		var n int
		return d.QueryRowContext(t.Context(), "SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM outbox)").Scan(&n) == nil && n == 0
	})
}

// Start and shutdown are audit events. A start without a shutdown before the next start
// shows that the process was killed.
func TestServe_AuditsStartAndShutdown(t *testing.T) {
	eachKind(t, func(t *testing.T, _ db.Kind, url string) {
		serve(t, serverSettings(url)).stop()
		d, err := db.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = d.Close() }()
		for i, want := range []string{"sys_startup", "sys_shutdown"} {
			var event, outcome string
			err := d.QueryRowContext(t.Context(), "SELECT event, outcome FROM audit_events ORDER BY id LIMIT 1 OFFSET $1", i).Scan(&event, &outcome)
			if err != nil || event != want || outcome != "success" {
				t.Errorf("event %d is %s %s (%v), want %s", i, event, outcome, err, want)
			}
		}
	})
}
