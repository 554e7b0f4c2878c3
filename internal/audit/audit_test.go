package audit

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	"github.com/techtreks/auth/internal/metrics"
	"github.com/techtreks/auth/internal/reqctx"
	"github.com/techtreks/auth/internal/token"
)

type bundle struct {
	*Trail
	now  time.Time
	logs bytes.Buffer
}

func run(t *testing.T, test func(t *testing.T, b *bundle)) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := &bundle{now: time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)}
		b.Trail = &Trail{
			DB: d, Signer: &token.Signer{Keys: [][]byte{[]byte("key")}}, Now: func() time.Time { return b.now },
			Logger:  slog.New(slog.NewJSONHandler(&b.logs, nil)),
			Metrics: metrics.New(nil, nil),
		}
		test(t, b)
	})
}

// from returns a context with a request from an address.
func from(t *testing.T, address string) context.Context {
	return reqctx.With(t.Context(), &reqctx.Info{ClientAddr: netip.MustParseAddr(address)})
}

// metric returns the value of a line of the metrics.
func (b *bundle) metric(t *testing.T, line string) string {
	t.Helper()
	w := httptest.NewRecorder()
	b.Metrics.Handler(b.Logger).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	_, rest, _ := strings.Cut(w.Body.String(), "\n"+line+" ")
	value, _, _ := strings.Cut(rest, "\n")
	return value
}

// total returns the number of rows and of the events that they stand for.
func (b *bundle) total(t *testing.T) (rows, events int) {
	t.Helper()
	err := b.DB.QueryRowContext(t.Context(), "SELECT count(*), COALESCE(sum(repeats), 0) FROM audit_events").Scan(&rows, &events)
	if err != nil {
		t.Fatal(err)
	}
	return rows, rows + events
}

// One client causes at most ten rows a minute, and every event is counted.
func TestNote_FloodIsCounted(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		refuse := func(n int, event Event, address string) {
			for range n {
				b.Note(from(t, address), Entry{Event: event})
			}
		}
		check := func(what string, rows, events int) {
			t.Helper()
			if gotRows, gotEvents := b.total(t); gotRows != rows || gotEvents != events {
				t.Errorf("%s: %d rows for %d events, want %d for %d", what, gotRows, gotEvents, rows, events)
			}
		}
		refuse(1000, AuthzFail, "192.0.2.7")
		check("one address", 10, 10)
		refuse(3, LoginFail, "192.0.2.7")
		check("another event", 13, 13)
		refuse(3, AuthzFail, "192.0.2.8")
		check("another address", 16, 16)
		for i := range 20 {
			refuse(1, AuthzFail, fmt.Sprintf("2001:db8::%x", i))
		}
		check("one network of IPv6", 26, 26)
		recorded := b.metric(t, `techtreks_audit_events_total{event="authz_fail"}`)
		suppressed := b.metric(t, `techtreks_audit_lost_total{reason="suppressed"}`)
		if recorded != "23" || suppressed != "1000" || strings.Count(b.logs.String(), "\n") != 26 {
			t.Errorf("%s recorded, %s suppressed, %d lines", recorded, suppressed, strings.Count(b.logs.String(), "\n"))
		}
		b.now = b.now.Add(time.Minute)
		refuse(1, AuthzFail, "192.0.2.7")
		check("the next row carries the count", 27, 1017)
		b.Flush(t.Context(), false)
		check("what has no next row gets one when its window has ended", 28, 1027)
		refuse(11, AuthzFail, "192.0.2.7")
		b.Flush(t.Context(), true)
		check("or the program ends", 38, 1038)
	})
}

// A client with any number of addresses cannot fill the memory or the table.
func TestNote_MemoryIsBounded(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		b.suppressed.MaxKeys = 20
		for i := range 100 {
			b.Note(from(t, fmt.Sprintf("10.0.0.%d", i)), Entry{Event: AuthzFail})
		}
		if rows, _ := b.total(t); b.suppressed.Keys() != 21 || rows != 30 {
			t.Errorf("%d keys, %d rows", b.suppressed.Keys(), rows)
		}
		b.Flush(t.Context(), true)
		if rows, events := b.total(t); b.suppressed.Keys() != 0 || rows != 31 || events != 100 {
			t.Errorf("%d keys left, %d rows for %d events", b.suppressed.Keys(), rows, events)
		}
	})
}

func TestNote_StoresAfterTheClientDisconnected(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		b.Note(ctx, Entry{Event: LoginFail})
		if rows, _ := b.total(t); rows != 1 {
			t.Errorf("%d rows", rows)
		}
	})
}

// Names and tokens are stored as hashes that cannot be made without the key.
func TestNote_StoresSecretsAsKeyedHashes(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		e := Entry{Event: LoginFail, Name: "canaryname", Session: []byte("canarysession"), Token: []byte("canarytoken")}
		b.Note(t.Context(), e)
		var name, session, tok string
		err := b.DB.QueryRowContext(t.Context(), "SELECT user_hash, session_hash, token_hash FROM audit_events").Scan(&name, &session, &tok)
		if err != nil || len(name) != 12 || len(session) != 12 || len(tok) != 12 {
			t.Errorf("%q %q %q: %v", name, session, tok, err)
		}
		other := Trail{Signer: &token.Signer{Keys: [][]byte{[]byte("another key")}}, Now: b.Now}
		if row := other.row(t.Context(), e); *row.UserHash == name || *row.SessionHash == session {
			t.Error("the hashes are the same under another key")
		}
		if strings.Contains(b.logs.String(), "canary") {
			t.Errorf("the log has %s", &b.logs)
		}
	})
}
