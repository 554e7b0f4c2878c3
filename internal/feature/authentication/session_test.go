package authentication_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/config"
)

func TestLogin_SetsCookieByteForByte(t *testing.T) {
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
		"production with cookie domain": {
			"__Secure-session", "; Path=/; Domain=example.com; Max-Age=86400; HttpOnly; Secure; SameSite=Lax",
			"__Secure-session=; Path=/; Domain=example.com; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
			[]func(*config.Config){apptest.Production, func(c *config.Config) { c.CookieDomain = "example.com" }},
		},
		"production with strict and twelve hours": {
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
					t.Fatalf("login sets %d cookies, want 1", len(got))
				}
				value, attributes, _ := strings.Cut(got[0], ";")
				if !strings.HasPrefix(value, test.name+"=") || ";"+attributes != test.set {
					t.Errorf("login sets %q,\nwant %s=…%s", got[0], test.name, test.set)
				}
				if len(got[0]) > 300 {
					t.Errorf("the cookie has %d bytes, want at most 300", len(got[0]))
				}
				if got := b.Call("POST", "/auth/logout", nil).Header.Values("Set-Cookie"); len(got) != 1 || got[0] != test.clear {
					t.Errorf("logout sets %q,\nwant %q", got, test.clear)
				}
			}, test.options...)
		})
	}
}

func TestLogin_IssuesNewToken(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		first := b.Login("alice").Cookie()
		second := b.Login("alice").Cookie()
		if first == second {
			t.Fatal("the second login kept the token")
		}
		client := h.Browser()
		if client.Call("GET", "/auth/current_user", nil, apptest.SessionCookie(first)).JSON()["ok"] == true {
			t.Error("the token from before the second login still works")
		}
		if client.Call("GET", "/auth/current_user", nil, apptest.SessionCookie(second)).JSON()["ok"] != true {
			t.Error("the new token does not work")
		}
		if n := h.Count("SELECT count(*) FROM sessions"); n != 1 {
			t.Errorf("got %d sessions, want 1", n)
		}
	})
}

func TestLogin_NeverAdoptsPlantedToken(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Register("mallory")
		stolen := h.Browser().Login("mallory").Cookie()
		for name, planted := range apptest.InOrder(map[string]string{
			"never issued":                   strings.Repeat("A", 43),
			"never issued, with a signature": strings.Repeat("A", 43) + "." + strings.Repeat("B", 43),
			"of another account":             stolen,
		}) {
			a := h.Browser().Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": apptest.GoodPassword}, apptest.SessionCookie(planted))
			a.Want(200, "")
			if a.Cookie() == planted {
				t.Errorf("%s: the login adopted the planted token", name)
			}
			if h.Browser().Call("GET", "/auth/profile", nil, apptest.SessionCookie(planted)).Status != 401 {
				t.Errorf("%s: the planted token opens a session", name)
			}
		}
	})
}

func TestLogout_EndsSessionOnServer(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		token := b.Login("alice").Cookie()
		b.Call("POST", "/auth/logout", nil).Want(200, "")
		h.Browser().Call("GET", "/auth/profile", nil, apptest.SessionCookie(token)).Want(401, "login_required")
		if n := h.Count("SELECT count(*) FROM sessions"); n != 0 {
			t.Errorf("got %d sessions after the logout, want 0", n)
		}
		b.Call("POST", "/auth/logout", nil).Want(200, "")
	})
}

func TestLogout_WinsAgainstRequestsInFlight(t *testing.T) {
	apptest.EachRace(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		for range 100 {
			token := b.Login("alice").Cookie()
			h.Clock.Advance(2 * time.Minute) // every request renews the session
			var wait sync.WaitGroup
			for range 3 {
				client := h.Browser()
				wait.Go(func() { client.Call("GET", "/auth/current_user", nil, apptest.SessionCookie(token)) })
			}
			wait.Go(func() { b.Call("POST", "/auth/logout", nil) })
			wait.Wait()
			h.Browser().Call("GET", "/auth/profile", nil, apptest.SessionCookie(token)).Want(401, "login_required")
		}
	})
}
