package main

import (
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	gendb "github.com/techtreks/auth/gen/db"
)

// The program deletes what has ended by itself, without being asked.
func TestServeSweepsEndedSessions(t *testing.T) {
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
	p := serve(t, serving(url))
	defer p.stop()
	eventually(t, "the ended session is deleted", func() bool {
		var n int
		return d.QueryRowContext(t.Context(), "SELECT count(*) FROM sessions").Scan(&n) == nil && n == 0
	})
}
