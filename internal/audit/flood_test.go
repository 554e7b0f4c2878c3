package audit

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	"github.com/techtreks/auth/internal/token"
)

type bundle struct {
	*Trail
	now                  time.Time
	logs                 bytes.Buffer
	recorded, suppressed int
}

func run(t *testing.T, test func(t *testing.T, b *bundle)) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := &bundle{now: time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)}
		b.Trail = &Trail{
			DB: d, Signer: &token.Signer{Keys: [][]byte{[]byte("key")}}, Now: func() time.Time { return b.now },
			Logger:   slog.New(slog.NewJSONHandler(&b.logs, nil)),
			Recorded: func(Event) { b.recorded++ }, Suppressed: func(Event) { b.suppressed++ },
		}
		test(t, b)
	})
}

// total is the number of rows, and of events that they stand for.
func (b *bundle) total(t *testing.T) (rows, events int) {
	t.Helper()
	err := b.DB.QueryRowContext(t.Context(), "SELECT count(*), COALESCE(sum(repeats), 0) FROM audit_events").Scan(&rows, &events)
	if err != nil {
		t.Fatal(err)
	}
	return rows, rows + events
}

// A stranger writes ten rows a minute and no more, however many requests are
// refused; and none of them is lost.
func TestFloodsAreCounted(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		refuse := func(n int, event Event, address string) {
			for range n {
				b.Note(t.Context(), Entry{Event: event, Outcome: Failure, Address: address})
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
		if b.recorded != 26 || b.suppressed != 1000 || strings.Count(b.logs.String(), "\n") != 26 {
			t.Errorf("%d told, %d suppressed, %d lines", b.recorded, b.suppressed, strings.Count(b.logs.String(), "\n"))
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

// Neither can strangers with any number of addresses fill the memory.
func TestFloodsHaveBoundedMemory(t *testing.T) {
	var f flood
	now := time.Now()
	trail := Trail{Signer: &token.Signer{Keys: [][]byte{[]byte("key")}}, Now: func() time.Time { return now }}
	admitted := 0
	for i := range 2 * floodTracked {
		row := trail.row(Entry{Event: AuthzFail, Address: fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)})
		if _, ok := f.admit(row); ok {
			admitted++
		}
	}
	if n := len(f.windows); n > floodTracked+len(Events) || admitted != floodTracked+floodRows {
		t.Errorf("%d windows, %d rows", n, admitted)
	}
	if rows := f.take(now, true); len(rows) != 1 || rows[0].Repeats != floodTracked-floodRows-1 || len(f.windows) != 0 {
		t.Errorf("%d rows, %d windows left", len(rows), len(f.windows))
	}
}

// The caller may have gone, and the request's time may be over.
func TestRefusalsAreNotedAfterTheCallerHasLeft(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		b.Note(ctx, Entry{Event: LoginFail, Outcome: Failure})
		if rows, _ := b.total(t); rows != 1 {
			t.Errorf("%d rows", rows)
		}
	})
}

// What is kept of names and tokens is neither they nor what the database has of
// them, and cannot be made without the key.
func TestSecretsAreKeptAsKeyedHashes(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		e := Entry{Event: LoginFail, Name: "canaryname", Session: []byte("canarysession"), Token: []byte("canarytoken")}
		b.Note(t.Context(), e)
		var name, session, tok string
		err := b.DB.QueryRowContext(t.Context(), "SELECT user_hash, session_hash, token_hash FROM audit_events").Scan(&name, &session, &tok)
		if err != nil || len(name) != 12 || len(session) != 12 || len(tok) != 12 {
			t.Errorf("%q %q %q: %v", name, session, tok, err)
		}
		other := Trail{Signer: &token.Signer{Keys: [][]byte{[]byte("another key")}}, Now: b.Now}
		if row := other.row(e); *row.UserHash == name || *row.SessionHash == session {
			t.Error("the hashes are the same under another key")
		}
		if strings.Contains(b.logs.String(), "canary") {
			t.Errorf("the log has %s", &b.logs)
		}
	})
}
