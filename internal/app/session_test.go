package app_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/config"
)

func sessionCookie(value string) func(*http.Request) { return header("Cookie", "session="+value) }

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
			[]func(*config.Config){inProduction},
		},
		"production shared with sub-domains": {
			"__Secure-session", "; Path=/; Domain=example.com; Max-Age=86400; HttpOnly; Secure; SameSite=Lax",
			"__Secure-session=; Path=/; Domain=example.com; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
			[]func(*config.Config){inProduction, func(c *config.Config) { c.CookieDomain = "example.com" }},
		},
		"production strict, twelve hours": {
			"__Host-session", "; Path=/; Max-Age=43200; HttpOnly; Secure; SameSite=Strict",
			"__Host-session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict",
			[]func(*config.Config){inProduction, func(c *config.Config) {
				c.CookieSameSite, c.SessionAbsolute = "strict", 12*time.Hour
			}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, h *harness) {
				b := h.browser()
				b.register("alice")
				got := b.login("alice").header.Values("Set-Cookie")
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
				if got := b.call("POST", "/auth/logout", nil).header.Values("Set-Cookie"); len(got) != 1 || got[0] != test.clear {
					t.Errorf("logout sets %q,\nwant %q", got, test.clear)
				}
			}, test.options...)
		})
	}
}

func TestLoginAlwaysIssuesANewToken(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		first := b.login("alice").cookie()
		second := b.login("alice").cookie()
		if first == second {
			t.Fatal("the second login kept the token")
		}
		other := h.browser()
		if other.call("GET", "/auth/current_user", nil, sessionCookie(first)).json()["ok"] == true {
			t.Error("the token from before the second login still works")
		}
		if other.call("GET", "/auth/current_user", nil, sessionCookie(second)).json()["ok"] != true {
			t.Error("the new token does not work")
		}
		if n := h.count("SELECT count(*) FROM sessions"); n != 1 {
			t.Errorf("%d rows, want 1", n)
		}
	})
}

func TestPlantedTokensAreNeverAdopted(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.register("mallory")
		stolen := h.browser().login("mallory").cookie()
		for name, planted := range inOrder(map[string]string{
			"never issued":        strings.Repeat("A", 43),
			"never issued, dated": strings.Repeat("A", 43) + "." + strings.Repeat("B", 43),
			"another person's":    stolen,
		}) {
			fresh := h.browser()
			a := fresh.call("POST", "/auth/login", members{"username": "alice", "password": goodPassword}, sessionCookie(planted))
			a.want(200, "")
			if a.cookie() == planted {
				t.Errorf("%s: the login adopted the planted token", name)
			}
			if h.browser().call("GET", "/auth/profile", nil, sessionCookie(planted)).status != 401 {
				t.Errorf("%s: the planted token is logged in", name)
			}
		}
	})
}

func TestForgedTokensAreVisitors(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		good := b.login("alice").cookie()
		forged := map[string]string{
			"empty":               "",
			"one character short": good[:len(good)-1],
			"one character long":  good + "A",
			"another case":        swapCase(good),
			"padding":             good + "=",
			"no signature":        good[:43],
			"NUL escaped":         "%00",
			"a number":            "1",
		}
		for i := range len(good) {
			forged[fmt.Sprintf("character %d changed", i)] = good[:i] + other(good[i]) + good[i+1:]
		}
		for name, value := range inOrder(forged) {
			if a := h.browser().call("GET", "/auth/profile", nil, sessionCookie(value)); a.status != 401 {
				t.Errorf("%s: %d", name, a.status)
			}
		}
		h.browser().call("GET", "/auth/profile", nil, sessionCookie(good)).want(200, "")
	})
}

func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 32
		case 'A' <= r && r <= 'Z':
			return r + 32
		}
		return r
	}, s)
}

func other(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

func TestTwoSessionCookiesAreRefused(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		good := h.browser().login("alice").cookie()
		for _, cookies := range []string{
			"session=" + good + "; session=planted", "session=planted; session=" + good, "session=" + good + "; session=" + good,
		} {
			for _, at := range [][2]string{{"GET", "/auth/current_user"}, {"GET", "/auth/profile"}, {"POST", "/auth/logout"}} {
				h.browser().call(at[0], at[1], nil, header("Cookie", cookies)).want(400, "ambiguous_session")
			}
			h.browser().call("POST", "/auth/login", members{"username": "alice", "password": goodPassword}, header("Cookie", cookies)).want(400, "ambiguous_session")
		}
		if n := h.count("SELECT count(*) FROM sessions"); n != 1 {
			t.Errorf("%d sessions, want the 1 from before", n)
		}
	})
}

func TestLogoutEndsTheSessionOnTheServer(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		token := b.login("alice").cookie()
		b.call("POST", "/auth/logout", nil).want(200, "")
		h.browser().call("GET", "/auth/profile", nil, sessionCookie(token)).want(401, "login_required")
		if n := h.count("SELECT count(*) FROM sessions"); n != 0 {
			t.Errorf("%d rows are left", n)
		}
		b.call("POST", "/auth/logout", nil).want(200, "")
	})
}

func TestSessionEndsWhenIdle(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.login("alice")
		h.clock.advance(time.Hour - time.Second)
		if !b.loggedIn() {
			t.Fatal("the session ended a second early")
		}
		h.clock.advance(time.Hour + time.Second)
		b.call("GET", "/auth/profile", nil).want(401, "login_required")
	})
}

func TestSessionEndsAtItsAbsoluteLifetimeHoweverBusy(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.login("alice")
		for range 47 {
			h.clock.advance(30 * time.Minute)
			if !b.loggedIn() {
				t.Fatal("a busy session ended early")
			}
		}
		h.clock.advance(30*time.Minute - time.Second)
		if !b.loggedIn() {
			t.Fatal("the session ended a second early")
		}
		h.clock.advance(2 * time.Second)
		b.call("GET", "/auth/profile", nil).want(401, "login_required")
	})
}

func TestSweepDeletesWhatHasEnded(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.login("alice")
		h.clock.advance(2 * time.Hour)
		h.browser().login("alice")
		if n, err := h.Sessions.Sweep(t.Context()); n != 1 || err != nil {
			t.Errorf("swept %d, %v, want the idle one", n, err)
		}
		if n := h.count("SELECT count(*) FROM sessions"); n != 1 {
			t.Errorf("%d rows, want the live one", n)
		}
	})
}

func TestRenewalIsWrittenAtMostOnceAMinute(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.login("alice")
		seen := func() (n int) {
			return h.count("SELECT count(*) FROM sessions WHERE last_seen_at = created_at")
		}
		h.clock.advance(59 * time.Second)
		for range 20 {
			b.loggedIn()
		}
		if seen() != 1 {
			t.Error("renewed within the minute")
		}
		h.clock.advance(time.Second)
		if a := b.call("GET", "/auth/current_user", nil); a.header.Get("Set-Cookie") != "" {
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
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.login("alice")
		h.clock.advance(2 * time.Minute) // the next request is to renew it
		var looks atomic.Int32
		h.Sessions.Now = func() time.Time {
			if looks.Add(1) == 2 { // at first to load it, then to see whether it is to be renewed
				if n, err := h.DB.SessionsDeleteOfUser(t.Context(), 1); n != 1 || err != nil {
					t.Errorf("%d sessions ended in between, %v", n, err)
				}
			}
			return h.clock.Now()
		}
		if !b.loggedIn() || looks.Load() < 3 {
			t.Errorf("the session was not loaded, or not to be renewed: the clock was looked at %d times", looks.Load())
		}
		if n := h.count("SELECT count(*) FROM sessions"); n != 0 {
			t.Errorf("the renewal has brought %d sessions back", n)
		}
		if b.loggedIn() {
			t.Error("the session is alive")
		}
	})
}

func TestLogoutWinsAgainstRequestsInFlight(t *testing.T) {
	eachByChance(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		for range 100 {
			token := b.login("alice").cookie()
			h.clock.advance(2 * time.Minute) // every request wants to renew
			var wait sync.WaitGroup
			for range 3 {
				reader := h.browser()
				wait.Go(func() { reader.call("GET", "/auth/current_user", nil, sessionCookie(token)) })
			}
			wait.Go(func() { b.call("POST", "/auth/logout", nil) })
			wait.Wait()
			h.browser().call("GET", "/auth/profile", nil, sessionCookie(token)).want(401, "login_required")
		}
	})
}

func TestDisabledOwnersHaveNoSession(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.login("alice")
		if _, err := h.DB.ExecContext(t.Context(), "UPDATE users SET disabled_at = $1", h.clock.Now()); err != nil {
			t.Fatal(err)
		}
		b.call("GET", "/auth/profile", nil).want(401, "login_required")
		b.call("POST", "/auth/login", members{"username": "alice", "password": goodPassword}).want(403, "account_disabled")
		b.call("POST", "/auth/login", members{"username": "alice", "password": "wrong"}).want(401, "invalid_credentials")
	})
}

func TestVisitorsLeaveNoRowAndGetNoCookie(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		for i := range 1000 {
			a := h.browser().call("GET", "/auth/current_user", nil, sessionCookie(fmt.Sprintf("junk%d.%d", i, i)))
			if a.header.Get("Set-Cookie") != "" {
				t.Fatal("a visitor was given a cookie")
			}
		}
		if n := h.count("SELECT count(*) FROM sessions"); n != 0 {
			t.Errorf("%d rows", n)
		}
	})
}

func TestTheDatabaseHoldsNoToken(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		value := b.login("alice").cookie()
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
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		cookie := b.login("alice").cookie()
		both := h.another(func(c *config.Config) { c.SecretKey = newer + "," + older })
		both.browser().call("GET", "/auth/profile", nil, sessionCookie(cookie)).want(200, "")
		after := h.another(func(c *config.Config) { c.SecretKey = newer })
		after.browser().call("GET", "/auth/profile", nil, sessionCookie(cookie)).want(401, "login_required")
	})
}
