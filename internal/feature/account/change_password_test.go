package account_test

import (
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/mail"
)

func TestChangePassword_EndsOtherSessionsAndVoidsLinks(t *testing.T) {
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
		h.Browser().Call("POST", "/auth/request_reset", apptest.Members{"email": "Alice@example.com"}).Want(200, "") // still queued

		a := own.ChangePassword(apptest.GoodPassword, apptest.NewPassword).Want(200, "")
		if a.JSON()["msg"] != "Password changed" {
			t.Errorf("got %s, want the message Password changed", a.Body)
		}
		if rotated := a.Cookie(); rotated == "" || rotated == token {
			t.Error("the session has kept its token")
		}
		if !own.LoggedIn() {
			t.Error("the session that changed the password has ended")
		}
		for name, b := range apptest.InOrder(map[string]*apptest.Browser{"second": first, "third": second}) {
			if b.Call("GET", "/auth/profile", nil).Want(401, "login_required"); b.LoggedIn() {
				t.Errorf("the %s session has not ended", name)
			}
		}
		h.Browser().Call("GET", "/auth/profile", nil, apptest.SessionCookie(token)).Want(401, "login_required")
		if !bob.LoggedIn() {
			t.Error("the session of another account has ended")
		}
		if h.LoginWith("alice", apptest.GoodPassword) || !h.LoginWith("alice", apptest.NewPassword) {
			t.Error("the old password logs in, or the new one does not")
		}
		h.Browser().Call("POST", "/auth/reset_password", apptest.Members{"token": reset, "password": apptest.GoodPassword}).Want(400, "invalid_token")
		if got := strings.Join(h.Queued(), ", "); got != "password_changed to alice@example.com" {
			t.Errorf("queued mails: got %s, want one notice", got)
		}
		if n := h.CountMails(mail.PasswordChanged); n != 1 {
			t.Errorf("got %d notices, want 1", n)
		}
	})
}

func TestChangePassword_RefusalChangesNothing(t *testing.T) {
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
		"another account":                {apptest.Members{"current_password": apptest.GoodPassword, "new_password": apptest.NewPassword, "user_id": 2}, 400, "invalid_fields"},
		"empty":                          {apptest.Members{}, 400, "missing_fields"},
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
					t.Errorf("got %s, want the message Current password incorrect", a.Body)
				}
			})
		}
		if h.Dump() != before {
			t.Error("a refusal has changed the database")
		}
		if !b.LoggedIn() || !other.LoggedIn() || !h.LoginWith("alice", apptest.GoodPassword) {
			t.Error("a refusal has ended a session or changed the password")
		}
	})
}

func TestChangePassword_StoresPasswordExactlyAsTyped(t *testing.T) {
	const start = "aA1!"
	passwords := map[string]string{
		"64 characters":        start + strings.Repeat("x", 60),
		"128 characters":       start + strings.Repeat("x", 124),
		"1024 characters":      start + strings.Repeat("x", 1020),
		"64 emoji":             start + strings.Repeat("\U0001F600", 60),
		"spaces at both ends":  "  " + start + "padding  ",
		"with a NUL":           start + "with\x00nul",
		"different at byte 80": start + strings.Repeat("x", 76) + "y",
	}
	altered := map[string]func(string) string{
		"trimmed":                     strings.TrimSpace,
		"upper case":                  strings.ToUpper,
		"up to the NUL":               func(s string) string { before, _, _ := strings.Cut(s, "\x00"); return before },
		"cut at 72 bytes":             func(s string) string { return s[:min(72, len(s))] },
		"one character less":          func(s string) string { return s[:len(s)-1] },
		"another byte 80":             func(s string) string { return s[:min(80, len(s)-1)] + "z" },
		"with a space":                func(s string) string { return s + " " },
		"with a space in front":       func(s string) string { return " " + s },
		"with a full-width character": func(s string) string { return strings.ReplaceAll(s, "!", "\uFF01") },
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
				t.Errorf("%s: the password does not log in", name)
			}
			for how, alter := range apptest.InOrder(altered) {
				if form := strings.ToValidUTF8(alter(password), ""); form != password && h.LoginWith("alice", form) {
					t.Errorf("%s: the password logs in %s", name, how)
				}
			}
		}
	})
}

// Of two concurrent changes with the right password, one succeeds. It ends the session of
// the other.
func TestChangePassword_OneOfTwoConcurrentChangesWins(t *testing.T) {
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
				t.Fatalf("the other request: got %d, want 401\n%s", a.Status, a.Body)
			}
			if !browsers[winner].LoggedIn() || browsers[1-winner].LoggedIn() {
				t.Fatal("want the session of the winner alone")
			}
			if password = next[winner]; !h.LoginWith("alice", password) || h.LoginWith("alice", next[1-winner]) {
				t.Fatal("want the password of the winner alone")
			}
		}
	})
}
