package account_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
)

func TestReauthenticate_MakesLoginFresh(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		token := b.Login("alice").Cookie()
		h.Clock.Advance(20 * time.Minute)
		change := apptest.Members{"email": "alice@new.example"}

		a := b.Call("POST", "/auth/reauthenticate", apptest.Members{"password": "wrong"}).Want(401, "current_password_incorrect")
		if a.Cookie() != "" {
			t.Error("a wrong password sets a cookie")
		}
		b.Call("POST", "/auth/reauthenticate", apptest.Members{}).Want(400, "missing_fields")
		b.Call("PUT", "/auth/update_profile", change).Want(403, "reauth_required")

		a = b.Call("POST", "/auth/reauthenticate", apptest.Members{"password": apptest.GoodPassword}).Want(200, "")
		if a.Cookie() == "" || a.Cookie() == token {
			t.Error("the session has kept its token")
		}
		h.Browser().Call("GET", "/auth/profile", nil, apptest.SessionCookie(token)).Want(401, "login_required")
		if n := h.Count("SELECT count(*) FROM sessions"); n != 1 {
			t.Errorf("got %d sessions, want 1", n)
		}
		b.Call("PUT", "/auth/update_profile", change).Want(200, "")
	})
}

func TestReauthenticate_DoesNotExtendSession(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		for range 47 {
			h.Clock.Advance(30 * time.Minute)
			b.Call("POST", "/auth/reauthenticate", apptest.Members{"password": apptest.GoodPassword}).Want(200, "")
		}
		h.Clock.Advance(30 * time.Minute)
		b.Call("GET", "/auth/profile", nil).Want(401, "login_required")
	})
}

// While the server compares the right password in an attacker's request, the owner ends
// the session of the attacker. The request must change nothing.
func TestSession_EndedDuringRequestChangesNothing(t *testing.T) {
	requests := map[string]struct {
		method, path string
		body         any
	}{
		"password change":  {"PUT", "/auth/change_password", apptest.Members{"current_password": apptest.GoodPassword, "new_password": apptest.NewPassword}},
		"email change":     {"PUT", "/auth/update_profile", apptest.Members{"email": "attacker@example.com", "current_password": apptest.GoodPassword}},
		"username change":  {"PUT", "/auth/update_profile", apptest.Members{"username": "attacker", "current_password": apptest.GoodPassword}},
		"reauthentication": {"POST", "/auth/reauthenticate", apptest.Members{"password": apptest.GoodPassword}},
		"deletion":         {"DELETE", "/auth/account", apptest.Members{"password": apptest.GoodPassword}},
	}
	for name, request := range requests {
		t.Run(name, func(t *testing.T) {
			apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
				h.Browser().Register("alice")
				attacker := h.Browser()
				attacker.Login("alice")
				release := h.OccupyGate()
				var a *apptest.Answer
				answered := make(chan struct{})
				go func() {
					defer close(answered)
					a = attacker.Call(request.method, request.path, request.body)
				}()
				apptest.Until(func() bool { return h.Passwords().Gate.Waiting() == 1 })
				h.Exec("DELETE FROM sessions")
				before := h.Dump()
				release()
				<-answered
				if a.Want(401, "login_required"); a.Cookie() != "" {
					t.Error("the refusal sets a cookie")
				}
				if h.Dump() != before {
					t.Error("the request has changed the database")
				}
			})
		})
	}
}

// An account may have no password. An empty or a damaged hash matches no password.
func TestReauthenticate_UnusablePasswordConfirmsNothing(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		for name, stored := range apptest.InOrder(map[string]any{"none": nil, "empty": "", "damaged": "$argon2id$broken"}) {
			h.Exec("UPDATE users SET password_hash = $1", stored)
			for _, given := range []string{apptest.GoodPassword, " ", "$argon2id$broken"} {
				for _, a := range []*apptest.Answer{
					b.Call("POST", "/auth/reauthenticate", apptest.Members{"password": given}),
					b.Call("DELETE", "/auth/account", apptest.Members{"password": given}),
					b.ChangePassword(given, apptest.NewPassword),
					b.Call("PUT", "/auth/update_profile", apptest.Members{"email": "x@example.com", "current_password": given}),
				} {
					if a.Status != http.StatusUnauthorized {
						t.Errorf("%s, %q: %s: got %d, want 401", name, given, a.What, a.Status)
					}
				}
			}
		}
	})
}
