package sessions_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/config"
)

func TestCookieIsSetByteForByte(t *testing.T) {
	tests := map[string]struct {
		name, set, clear string
		options          []func(*config.Config)
	}{
		"development": {
			"session", "; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax", "session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax", nil,
		},
		"production": {
			"__Host-session", "; Path=/; Max-Age=86400; HttpOnly; Secure; SameSite=Lax",
			"__Host-session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
			[]func(*config.Config){apptest.Production},
		},
		"production shared with sub-domains": {
			"__Secure-session", "; Path=/; Domain=example.com; Max-Age=86400; HttpOnly; Secure; SameSite=Lax",
			"__Secure-session=; Path=/; Domain=example.com; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
			[]func(*config.Config){apptest.Production, func(c *config.Config) { c.CookieDomain = "example.com" }},
		},
		"production strict, twelve hours": {
			"__Host-session", "; Path=/; Max-Age=43200; HttpOnly; Secure; SameSite=Strict",
			"__Host-session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict",
			[]func(*config.Config){apptest.Production, func(c *config.Config) {
				c.CookieSameSite, c.SessionAbsolute = "strict", 12*time.Hour
			}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
				b := h.Browser()
				b.Register("alice")
				got := b.Login("alice").Header.Values("Set-Cookie")
				if len(got) != 1 {
					t.Fatalf("login sets %d cookies", len(got))
				}
				value, attributes, _ := strings.Cut(got[0], ";")
				if !strings.HasPrefix(value, test.name+"=") || ";"+attributes != test.set {
					t.Errorf("login sets %q,\nwant %s=…%s", got[0], test.name, test.set)
				}
				if len(got[0]) > 300 {
					t.Errorf("the cookie has %d bytes", len(got[0]))
				}
				if got := b.Call("POST", "/auth/logout", nil).Header.Values("Set-Cookie"); len(got) != 1 || got[0] != test.clear {
					t.Errorf("logout sets %q,\nwant %q", got, test.clear)
				}
			}, test.options...)
		})
	}
}

func TestLoginAlwaysIssuesANewToken(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		first := b.Login("alice").Cookie()
		second := b.Login("alice").Cookie()
		if first == second {
			t.Fatal("the second login kept the token")
		}
		other := h.Browser()
		if other.Call("GET", "/auth/current_user", nil, apptest.SessionCookie(first)).JSON()["ok"] == true {
			t.Error("the token from before the second login still works")
		}
		if other.Call("GET", "/auth/current_user", nil, apptest.SessionCookie(second)).JSON()["ok"] != true {
			t.Error("the new token does not work")
		}
		if n := h.Count("SELECT count(*) FROM sessions"); n != 1 {
			t.Errorf("%d rows, want 1", n)
		}
	})
}

func TestPlantedTokensAreNeverAdopted(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Register("mallory")
		stolen := h.Browser().Login("mallory").Cookie()
		for name, planted := range apptest.InOrder(map[string]string{
			"never issued":        strings.Repeat("A", 43),
			"never issued, dated": strings.Repeat("A", 43) + "." + strings.Repeat("B", 43),
			"another person's":    stolen,
		}) {
			fresh := h.Browser()
			a := fresh.Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": apptest.GoodPassword}, apptest.SessionCookie(planted))
			a.Want(200, "")
			if a.Cookie() == planted {
				t.Errorf("%s: the login adopted the planted token", name)
			}
			if h.Browser().Call("GET", "/auth/profile", nil, apptest.SessionCookie(planted)).Status != 401 {
				t.Errorf("%s: the planted token is logged in", name)
			}
		}
	})
}

func TestForgedTokensAreVisitors(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		good := b.Login("alice").Cookie()
		forged := map[string]string{
			"empty":               "",
			"one character short": good[:len(good)-1],
			"one character long":  good + "A",
			"another case":        apptest.SwapCase(good),
			"padding":             good + "=",
			"no signature":        good[:43],
			"NUL escaped":         "%00",
			"a number":            "1",
		}
		for i := range len(good) {
			forged[fmt.Sprintf("character %d changed", i)] = good[:i] + other(good[i]) + good[i+1:]
		}
		for name, value := range apptest.InOrder(forged) {
			if a := h.Browser().Call("GET", "/auth/profile", nil, apptest.SessionCookie(value)); a.Status != 401 {
				t.Errorf("%s: %d", name, a.Status)
			}
		}
		h.Browser().Call("GET", "/auth/profile", nil, apptest.SessionCookie(good)).Want(200, "")
	})
}

func other(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

func TestTwoSessionCookiesAreRefused(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		good := h.Browser().Login("alice").Cookie()
		for _, cookies := range []string{
			"session=" + good + "; session=planted", "session=planted; session=" + good, "session=" + good + "; session=" + good,
		} {
			for _, at := range [][2]string{{"GET", "/auth/current_user"}, {"GET", "/auth/profile"}, {"POST", "/auth/logout"}} {
				h.Browser().Call(at[0], at[1], nil, apptest.Header("Cookie", cookies)).Want(400, "ambiguous_session")
			}
			h.Browser().Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": apptest.GoodPassword}, apptest.Header("Cookie", cookies)).Want(400, "ambiguous_session")
		}
		if n := h.Count("SELECT count(*) FROM sessions"); n != 1 {
			t.Errorf("%d sessions, want the 1 from before", n)
		}
	})
}

func TestLogoutEndsTheSessionOnTheServer(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		token := b.Login("alice").Cookie()
		b.Call("POST", "/auth/logout", nil).Want(200, "")
		h.Browser().Call("GET", "/auth/profile", nil, apptest.SessionCookie(token)).Want(401, "login_required")
		if n := h.Count("SELECT count(*) FROM sessions"); n != 0 {
			t.Errorf("%d rows are left", n)
		}
		b.Call("POST", "/auth/logout", nil).Want(200, "")
	})
}

func TestSessionEndsWhenIdle(t *testing.T) {
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

func TestSessionEndsAtItsAbsoluteLifetimeHoweverBusy(t *testing.T) {
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

func TestSweepDeletesWhatHasEnded(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		h.Clock.Advance(2 * time.Hour)
		h.Browser().Login("alice")
		if n, err := h.Sessions.Sweep(t.Context()); n != 1 || err != nil {
			t.Errorf("swept %d, %v, want the idle one", n, err)
		}
		if n := h.Count("SELECT count(*) FROM sessions"); n != 1 {
			t.Errorf("%d rows, want the live one", n)
		}
	})
}

func TestRenewalIsWrittenAtMostOnceAMinute(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		seen := func() (n int) {
			return h.Count("SELECT count(*) FROM sessions WHERE last_seen_at = created_at")
		}
		h.Clock.Advance(59 * time.Second)
		for range 20 {
			b.LoggedIn()
		}
		if seen() != 1 {
			t.Error("renewed within the minute")
		}
		h.Clock.Advance(time.Second)
		if a := b.Call("GET", "/auth/current_user", nil); a.Header.Get("Set-Cookie") != "" {
			t.Error("the renewal sets a cookie")
		}
		if seen() != 0 {
			t.Error("not renewed after the minute")
		}
	})
}

// A request that was on its way while its session was ended must not bring it
// back when it saves. The race is made certain: the session is loaded, then deleted,
// then renewed.
func TestRenewalDoesNotReviveAnEndedSession(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		h.Clock.Advance(2 * time.Minute) // the next request is to renew it
		var looks atomic.Int32
		h.Sessions.Now = func() time.Time {
			if looks.Add(1) == 2 { // at first to load it, then to see whether it is to be renewed
				if n, err := h.DB.SessionsDeleteOfUser(t.Context(), 1); n != 1 || err != nil {
					t.Errorf("%d sessions ended in between, %v", n, err)
				}
			}
			return h.Clock.Now()
		}
		if !b.LoggedIn() || looks.Load() < 3 {
			t.Errorf("the session was not loaded, or not to be renewed: the clock was looked at %d times", looks.Load())
		}
		if n := h.Count("SELECT count(*) FROM sessions"); n != 0 {
			t.Errorf("the renewal has brought %d sessions back", n)
		}
		if b.LoggedIn() {
			t.Error("the session is alive")
		}
	})
}

func TestLogoutWinsAgainstRequestsInFlight(t *testing.T) {
	apptest.EachRace(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		for range 100 {
			token := b.Login("alice").Cookie()
			h.Clock.Advance(2 * time.Minute) // every request wants to renew
			var wait sync.WaitGroup
			for range 3 {
				reader := h.Browser()
				wait.Go(func() { reader.Call("GET", "/auth/current_user", nil, apptest.SessionCookie(token)) })
			}
			wait.Go(func() { b.Call("POST", "/auth/logout", nil) })
			wait.Wait()
			h.Browser().Call("GET", "/auth/profile", nil, apptest.SessionCookie(token)).Want(401, "login_required")
		}
	})
}

func TestDisabledOwnersHaveNoSession(t *testing.T) {
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

func TestVisitorsLeaveNoRowAndGetNoCookie(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for i := range 1000 {
			a := h.Browser().Call("GET", "/auth/current_user", nil, apptest.SessionCookie(fmt.Sprintf("junk%d.%d", i, i)))
			if a.Header.Get("Set-Cookie") != "" {
				t.Fatal("a visitor was given a cookie")
			}
		}
		if n := h.Count("SELECT count(*) FROM sessions"); n != 0 {
			t.Errorf("%d rows", n)
		}
	})
}

func TestTheDatabaseHoldsNoToken(t *testing.T) {
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

func TestKeysRotate(t *testing.T) {
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
