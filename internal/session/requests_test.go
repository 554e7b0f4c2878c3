package session_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/config"
)

func TestSession_ForgedTokenIsVisitor(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		good := b.Login("alice").Cookie()
		forged := map[string]string{
			"empty":                     "",
			"one character short":       good[:len(good)-1],
			"one character long":        good + "A",
			"letters in the other case": apptest.SwapCase(good),
			"with padding":              good + "=",
			"no signature":              good[:43],
			"escaped NUL":               "%00",
			"a number":                  "1",
		}
		for i := range len(good) {
			forged[fmt.Sprintf("character %d changed", i)] = good[:i] + differentCharacter(good[i]) + good[i+1:]
		}
		for name, value := range apptest.InOrder(forged) {
			if a := h.Browser().Call("GET", "/auth/profile", nil, apptest.SessionCookie(value)); a.Status != 401 {
				t.Errorf("%s: got %d, want 401", name, a.Status)
			}
		}
		h.Browser().Call("GET", "/auth/profile", nil, apptest.SessionCookie(good)).Want(200, "")
	})
}

func differentCharacter(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

func TestSession_TwoCookiesAreRejected(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		good := h.Browser().Login("alice").Cookie()
		for _, cookies := range []string{
			"session=" + good + "; session=planted", "session=planted; session=" + good, "session=" + good + "; session=" + good,
		} {
			for _, request := range [][2]string{{"GET", "/auth/current_user"}, {"GET", "/auth/profile"}, {"POST", "/auth/logout"}} {
				h.Browser().Call(request[0], request[1], nil, apptest.Header("Cookie", cookies)).Want(400, "ambiguous_session")
			}
			h.Browser().Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": apptest.GoodPassword}, apptest.Header("Cookie", cookies)).Want(400, "ambiguous_session")
		}
		if n := h.Count("SELECT count(*) FROM sessions"); n != 1 {
			t.Errorf("got %d sessions, want only the earlier one", n)
		}
	})
}

func TestSession_EndsWhenIdle(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		h.Clock.Advance(time.Hour - time.Second)
		if !b.LoggedIn() {
			t.Fatal("the session ended a second early")
		}
		h.Clock.Advance(time.Hour + time.Second)
		b.Call("GET", "/auth/profile", nil).Want(401, "login_required")
	})
}

func TestSession_EndsAtAbsoluteLifetime(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		for range 47 {
			h.Clock.Advance(30 * time.Minute)
			if !b.LoggedIn() {
				t.Fatal("a busy session ended early")
			}
		}
		h.Clock.Advance(30*time.Minute - time.Second)
		if !b.LoggedIn() {
			t.Fatal("the session ended a second early")
		}
		h.Clock.Advance(2 * time.Second)
		b.Call("GET", "/auth/profile", nil).Want(401, "login_required")
	})
}

func TestSweep_DeletesEndedSessions(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		h.Clock.Advance(2 * time.Hour)
		h.Browser().Login("alice")
		if n, err := h.Sessions.Sweep(t.Context()); n != 1 || err != nil {
			t.Errorf("swept %d sessions, %v, want the idle one", n, err)
		}
		if n := h.Count("SELECT count(*) FROM sessions"); n != 1 {
			t.Errorf("got %d sessions, want the live one", n)
		}
	})
}

func TestRenew_WritesAtMostOncePerMinute(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		unrenewed := func() int {
			return h.Count("SELECT count(*) FROM sessions WHERE last_seen_at = created_at")
		}
		h.Clock.Advance(59 * time.Second)
		for range 20 {
			b.LoggedIn()
		}
		if unrenewed() != 1 {
			t.Error("the session was renewed within the minute")
		}
		h.Clock.Advance(time.Second)
		if a := b.Call("GET", "/auth/current_user", nil); a.Header.Get("Set-Cookie") != "" {
			t.Error("the renewal sets a cookie")
		}
		if unrenewed() != 0 {
			t.Error("the session was not renewed after the minute")
		}
	})
}

// A request in flight while its session is revoked must not restore the session when it
// renews it. The test forces the race: the session is loaded, then deleted, then renewed.
func TestRenew_DoesNotReviveEndedSession(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		h.Clock.Advance(2 * time.Minute) // the next request renews it
		var readings atomic.Int32
		h.Sessions.Now = func() time.Time {
			if readings.Add(1) == 2 { // the first reading loads the session, the second decides about the renewal
				if n, err := h.DB.SessionsDeleteOfUser(t.Context(), 1); n != 1 || err != nil {
					t.Errorf("deleted %d sessions, %v, want 1", n, err)
				}
			}
			return h.Clock.Now()
		}
		if !b.LoggedIn() || readings.Load() < 3 {
			t.Errorf("the session was not loaded, or not due for renewal: the clock was read %d times, want 3 or more", readings.Load())
		}
		if n := h.Count("SELECT count(*) FROM sessions"); n != 0 {
			t.Errorf("the renewal restored %d sessions", n)
		}
		if b.LoggedIn() {
			t.Error("the ended session works again")
		}
	})
}

func TestSession_EndsWhenAccountIsDisabled(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		if _, err := h.DB.ExecContext(t.Context(), "UPDATE users SET disabled_at = $1", h.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		b.Call("GET", "/auth/profile", nil).Want(401, "login_required")
		b.Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": apptest.GoodPassword}).Want(403, "account_disabled")
		b.Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": "wrong"}).Want(401, "invalid_credentials")
	})
}

func TestSession_VisitorGetsNoRowAndNoCookie(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for i := range 1000 {
			a := h.Browser().Call("GET", "/auth/current_user", nil, apptest.SessionCookie(fmt.Sprintf("junk%d.%d", i, i)))
			if a.Header.Get("Set-Cookie") != "" {
				t.Fatal("the server set a cookie for a visitor")
			}
		}
		if n := h.Count("SELECT count(*) FROM sessions"); n != 0 {
			t.Errorf("got %d sessions, want 0", n)
		}
	})
}

func TestSession_DatabaseHoldsNoToken(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		value := b.Login("alice").Cookie()
		token, _, _ := strings.Cut(value, ".")
		raw, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil {
			t.Fatal(err)
		}
		var stored []byte
		if err := h.DB.QueryRowContext(t.Context(), "SELECT token_hash FROM sessions").Scan(&stored); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(stored, []byte(token)) || bytes.Contains(stored, raw) || len(stored) != sha256.Size {
			t.Errorf("the database holds %x for the token %x", stored, raw)
		}
	})
}

func TestSession_SurvivesKeyRotation(t *testing.T) {
	const older, newer = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		cookie := b.Login("alice").Cookie()
		both := h.StartAnother(func(c *config.Config) { c.SecretKey = newer + "," + older })
		both.Browser().Call("GET", "/auth/profile", nil, apptest.SessionCookie(cookie)).Want(200, "")
		after := h.StartAnother(func(c *config.Config) { c.SecretKey = newer })
		after.Browser().Call("GET", "/auth/profile", nil, apptest.SessionCookie(cookie)).Want(401, "login_required")
	})
}
