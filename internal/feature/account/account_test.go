package account_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/mail"
)

func TestPasswordChangeEndsWhatTheOldPasswordHasOpened(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		h.Browser().Register("bob")
		bob := h.Browser()
		bob.Login("bob")
		own, first, second := h.Browser(), h.Browser(), h.Browser()
		token := own.Login("alice").Cookie()
		first.Login("alice")
		second.Login("alice")
		reset := h.ResetToken("alice")
		h.Browser().Call("POST", "/auth/request_reset", apptest.Members{"email": "Alice@example.com"}).Want(200, "") // still waits

		a := own.ChangePassword(apptest.GoodPassword, apptest.NewPassword).Want(200, "")
		if a.JSON()["msg"] != "Password changed" {
			t.Errorf("%s", a.Body)
		}
		if rotated := a.Cookie(); rotated == "" || rotated == token {
			t.Error("the session has kept its token")
		}
		if !own.LoggedIn() {
			t.Error("the session that changed the password has ended")
		}
		for name, b := range apptest.InOrder(map[string]*apptest.Browser{"another": first, "a third": second}) {
			if b.Call("GET", "/auth/profile", nil).Want(401, "login_required"); b.LoggedIn() {
				t.Errorf("%s session goes on", name)
			}
		}
		h.Browser().Call("GET", "/auth/profile", nil, apptest.SessionCookie(token)).Want(401, "login_required")
		if !bob.LoggedIn() {
			t.Error("somebody else's session has ended")
		}
		if h.LoginWith("alice", apptest.GoodPassword) || !h.LoginWith("alice", apptest.NewPassword) {
			t.Error("the old password logs in, or the new one does not")
		}
		h.Browser().Call("POST", "/auth/reset_password", apptest.Members{"token": reset, "password": apptest.GoodPassword}).Want(400, "invalid_token")
		if got := strings.Join(h.Queued(), ", "); got != "password_changed to alice@example.com" {
			t.Errorf("these mails wait: %s", got)
		}
		if n := h.CountMails(mail.PasswordChanged); n != 1 {
			t.Errorf("%d notices", n)
		}
	})
}

func TestPasswordChangeIsRefused(t *testing.T) {
	tests := map[string]struct {
		body   any
		status int
		code   string
	}{
		"wrong current password":         {apptest.Members{"current_password": "Wr0ng-password", "new_password": apptest.NewPassword}, 401, "current_password_incorrect"},
		"current password in other case": {apptest.Members{"current_password": strings.ToUpper(apptest.GoodPassword), "new_password": apptest.NewPassword}, 401, "current_password_incorrect"},
		"current password with a space":  {apptest.Members{"current_password": apptest.GoodPassword + " ", "new_password": apptest.NewPassword}, 401, "current_password_incorrect"},
		"current password with a NUL":    {apptest.Members{"current_password": apptest.GoodPassword + "\x00", "new_password": apptest.NewPassword}, 401, "current_password_incorrect"},
		"no current password":            {apptest.Members{"new_password": apptest.NewPassword}, 400, "missing_fields"},
		"empty current password":         {apptest.Members{"current_password": "", "new_password": apptest.NewPassword}, 400, "missing_fields"},
		"current password is null":       {`{"current_password":null,"new_password":"` + apptest.NewPassword + `"}`, 400, "missing_fields"},
		"no new password":                {apptest.Members{"current_password": apptest.GoodPassword}, 400, "missing_fields"},
		"weak new password":              {apptest.Members{"current_password": apptest.GoodPassword, "new_password": "short"}, 400, "invalid_fields"},
		"new password too long":          {apptest.Members{"current_password": apptest.GoodPassword, "new_password": "aA1!" + strings.Repeat("x", 1021)}, 400, "invalid_fields"},
		"somebody else's account":        {apptest.Members{"current_password": apptest.GoodPassword, "new_password": apptest.NewPassword, "user_id": 2}, 400, "invalid_fields"},
		"nothing":                        {apptest.Members{}, 400, "missing_fields"},
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b, other := h.Browser(), h.Browser()
		b.Register("alice")
		b.Login("alice")
		other.Login("alice")
		before := h.Dump()
		for name, test := range apptest.InOrder(tests) {
			t.Run(name, func(t *testing.T) {
				b := &apptest.Browser{H: h.In(t), Client: b.Client}
				a := b.Call("PUT", "/auth/change_password", test.body)
				if a.Want(test.status, test.code); a.Cookie() != "" {
					t.Error("a refusal sets a cookie")
				}
				if test.status == 401 && a.JSON()["error"] != "Current password incorrect" {
					t.Errorf("%s", a.Body)
				}
			})
		}
		if h.Dump() != before {
			t.Error("a refusal has changed the database")
		}
		if !b.LoggedIn() || !other.LoggedIn() || !h.LoginWith("alice", apptest.GoodPassword) {
			t.Error("a refusal has ended a session or the password")
		}
	})
}

func TestPasswordsAreTakenWholeAndAsTyped(t *testing.T) {
	const start = "aA1!"
	passwords := map[string]string{
		"64 characters":        start + strings.Repeat("x", 60),
		"128 characters":       start + strings.Repeat("x", 124),
		"1024 characters":      start + strings.Repeat("x", 1020),
		"64 emoji":             start + strings.Repeat("\U0001F600", 60),
		"spaces at both ends":  "  " + start + "padding  ",
		"a NUL in it":          start + "with\x00nul",
		"different at byte 80": start + strings.Repeat("x", 76) + "y",
	}
	altered := map[string]func(string) string{
		"trimmed":          strings.TrimSpace,
		"upper case":       strings.ToUpper,
		"up to the NUL":    func(s string) string { before, _, _ := strings.Cut(s, "\x00"); return before },
		"cut at 72 bytes":  func(s string) string { return s[:min(72, len(s))] },
		"one less":         func(s string) string { return s[:len(s)-1] },
		"another at 80":    func(s string) string { return s[:min(80, len(s)-1)] + "z" },
		"one more":         func(s string) string { return s + " " },
		"surrounded":       func(s string) string { return " " + s },
		"double composite": func(s string) string { return strings.ReplaceAll(s, "!", "\uFF01") },
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		current := apptest.GoodPassword
		for name, password := range apptest.InOrder(passwords) {
			b.ChangePassword(current, password).Want(200, "")
			current = password
			if !h.LoginWith("alice", password) {
				t.Errorf("%s: does not log in", name)
			}
			for how, alter := range apptest.InOrder(altered) {
				if form := strings.ToValidUTF8(alter(password), ""); form != password && h.LoginWith("alice", form) {
					t.Errorf("%s: logs in when %s", name, how)
				}
			}
		}
	})
}

// Of two changes at once, each with the right password, one wins, and the
// other's session has ended by then.
func TestPasswordChangesAtOnceLeaveOnePassword(t *testing.T) {
	apptest.EachRace(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		password := apptest.GoodPassword
		for range 10 {
			var browsers [2]*apptest.Browser
			var answers [2]*apptest.Answer
			for i := range browsers {
				browsers[i] = h.Browser()
				browsers[i].Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": password}).Want(200, "")
			}
			next := [2]string{password + "a", password + "b"}
			apptest.Concurrently(2, func(i int) { answers[i] = browsers[i].ChangePassword(password, next[i]) })
			winner := 0
			if answers[1].Status == 200 {
				winner = 1
			}
			answers[winner].Want(200, "")
			if a := answers[1-winner]; a.Status != 401 {
				t.Fatalf("the loser gets %d\n%s", a.Status, a.Body)
			}
			if !browsers[winner].LoggedIn() || browsers[1-winner].LoggedIn() {
				t.Fatal("the winner is logged out, or the loser is not")
			}
			if password = next[winner]; !h.LoginWith("alice", password) || h.LoginWith("alice", next[1-winner]) {
				t.Fatal("the password is not the winner's")
			}
		}
	})
}

func TestReauthenticationMakesTheLoginFresh(t *testing.T) {
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
			t.Errorf("%d sessions", n)
		}
		b.Call("PUT", "/auth/update_profile", change).Want(200, "")
	})
}

func TestReauthenticationDoesNotLengthenTheSession(t *testing.T) {
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

// A thief has sent a request with the right password, and before it is done the
// owner has thrown him out. Nothing of it may happen.
func TestARequestWhoseSessionEndsMeanwhileDoesNothing(t *testing.T) {
	requests := map[string]struct {
		method, path string
		body         any
	}{
		"password change": {"PUT", "/auth/change_password", apptest.Members{"current_password": apptest.GoodPassword, "new_password": apptest.NewPassword}},
		"e-mail change":   {"PUT", "/auth/update_profile", apptest.Members{"email": "thief@example.com", "current_password": apptest.GoodPassword}},
		"name change":     {"PUT", "/auth/update_profile", apptest.Members{"username": "thief", "current_password": apptest.GoodPassword}},
		"confirmation":    {"POST", "/auth/reauthenticate", apptest.Members{"password": apptest.GoodPassword}},
		"deletion":        {"DELETE", "/auth/account", apptest.Members{"password": apptest.GoodPassword}},
	}
	for name, request := range requests {
		t.Run(name, func(t *testing.T) {
			apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
				h.Browser().Register("alice")
				thief := h.Browser()
				thief.Login("alice")
				release := h.OccupyGate()
				var a *apptest.Answer
				answered := make(chan struct{})
				go func() {
					defer close(answered)
					a = thief.Call(request.method, request.path, request.body)
				}()
				apptest.Until(func() bool { return h.Passwords().Gate.Waiting() == 1 })
				h.Exec("DELETE FROM sessions")
				before := h.Dump()
				release()
				<-answered
				if a.Want(401, "login_required"); a.Cookie() != "" {
					t.Error("it gets a cookie")
				}
				if h.Dump() != before {
					t.Error("it has changed the database")
				}
			})
		})
	}
}

// An account may have no password, and a damaged one is nobody's.
func TestWithoutAUsablePasswordNothingIsConfirmed(t *testing.T) {
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
						t.Errorf("%s, %q: %s answers %d", name, given, a.What, a.Status)
					}
				}
			}
		}
	})
}
