package app_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/mail"
)

// queued lists the mails that wait to be sent, each as its kind and its
// recipient, in the order in which they were caused.
func (h *harness) queued() []string {
	h.t.Helper()
	list := []string{}
	for _, row := range h.query("SELECT kind, recipient FROM outbox ORDER BY id") {
		list = append(list, row["kind"]+" to "+row["recipient"])
	}
	return list
}

// drain forgets the mails that wait, such as those of the registration.
func (h *harness) drain() { h.exec("DELETE FROM outbox") }

func (b *browser) changePassword(from, to string) *answer {
	b.h.t.Helper()
	return b.call("PUT", "/auth/change_password", members{"current_password": from, "new_password": to})
}

// loginWith reports whether a password logs in.
func (h *harness) loginWith(username, password string) bool {
	h.t.Helper()
	return h.browser().call("POST", "/auth/login", members{"username": username, "password": password}).status == 200
}

func TestPasswordChangeEndsWhatTheOldPasswordHasOpened(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.browser().register("alice")
		h.browser().register("bob")
		bob := h.browser()
		bob.login("bob")
		own, first, second := h.browser(), h.browser(), h.browser()
		token := own.login("alice").cookie()
		first.login("alice")
		second.login("alice")
		reset := h.resetToken("alice")
		h.browser().call("POST", "/auth/request_reset", members{"email": "Alice@example.com"}).want(200, "") // still waits

		a := own.changePassword(goodPassword, newPassword).want(200, "")
		if a.json()["msg"] != "Password changed" {
			t.Errorf("%s", a.body)
		}
		if rotated := a.cookie(); rotated == "" || rotated == token {
			t.Error("the session has kept its token")
		}
		if !own.loggedIn() {
			t.Error("the session that changed the password has ended")
		}
		for name, b := range inOrder(map[string]*browser{"another": first, "a third": second}) {
			if b.call("GET", "/auth/profile", nil).want(401, "login_required"); b.loggedIn() {
				t.Errorf("%s session goes on", name)
			}
		}
		h.browser().call("GET", "/auth/profile", nil, sessionCookie(token)).want(401, "login_required")
		if !bob.loggedIn() {
			t.Error("somebody else's session has ended")
		}
		if h.loginWith("alice", goodPassword) || !h.loginWith("alice", newPassword) {
			t.Error("the old password logs in, or the new one does not")
		}
		h.browser().call("POST", "/auth/reset_password", members{"token": reset, "password": goodPassword}).want(400, "invalid_token")
		if got := strings.Join(h.queued(), ", "); got != "password_changed to alice@example.com" {
			t.Errorf("these mails wait: %s", got)
		}
		if n := h.countMails(mail.PasswordChanged); n != 1 {
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
		"wrong current password":         {members{"current_password": "Wr0ng-password", "new_password": newPassword}, 401, "current_password_incorrect"},
		"current password in other case": {members{"current_password": strings.ToUpper(goodPassword), "new_password": newPassword}, 401, "current_password_incorrect"},
		"current password with a space":  {members{"current_password": goodPassword + " ", "new_password": newPassword}, 401, "current_password_incorrect"},
		"current password with a NUL":    {members{"current_password": goodPassword + "\x00", "new_password": newPassword}, 401, "current_password_incorrect"},
		"no current password":            {members{"new_password": newPassword}, 400, "missing_fields"},
		"empty current password":         {members{"current_password": "", "new_password": newPassword}, 400, "missing_fields"},
		"current password is null":       {`{"current_password":null,"new_password":"` + newPassword + `"}`, 400, "missing_fields"},
		"no new password":                {members{"current_password": goodPassword}, 400, "missing_fields"},
		"weak new password":              {members{"current_password": goodPassword, "new_password": "short"}, 400, "invalid_fields"},
		"new password too long":          {members{"current_password": goodPassword, "new_password": "aA1!" + strings.Repeat("x", 1021)}, 400, "invalid_fields"},
		"somebody else's account":        {members{"current_password": goodPassword, "new_password": newPassword, "user_id": 2}, 400, "invalid_fields"},
		"nothing":                        {members{}, 400, "missing_fields"},
	}
	each(t, func(t *testing.T, h *harness) {
		b, other := h.browser(), h.browser()
		b.register("alice")
		b.login("alice")
		other.login("alice")
		before := h.dump()
		for name, test := range inOrder(tests) {
			t.Run(name, func(t *testing.T) {
				b := &browser{h: h.in(t), client: b.client}
				a := b.call("PUT", "/auth/change_password", test.body)
				if a.want(test.status, test.code); a.cookie() != "" {
					t.Error("a refusal sets a cookie")
				}
				if test.status == 401 && a.json()["error"] != "Current password incorrect" {
					t.Errorf("%s", a.body)
				}
			})
		}
		if h.dump() != before {
			t.Error("a refusal has changed the database")
		}
		if !b.loggedIn() || !other.loggedIn() || !h.loginWith("alice", goodPassword) {
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
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.login("alice")
		current := goodPassword
		for name, password := range inOrder(passwords) {
			b.changePassword(current, password).want(200, "")
			current = password
			if !h.loginWith("alice", password) {
				t.Errorf("%s: does not log in", name)
			}
			for how, alter := range inOrder(altered) {
				if form := strings.ToValidUTF8(alter(password), ""); form != password && h.loginWith("alice", form) {
					t.Errorf("%s: logs in when %s", name, how)
				}
			}
		}
	})
}

// Of two changes at once, each with the right password, one wins, and the
// other's session has ended by then.
func TestPasswordChangesAtOnceLeaveOnePassword(t *testing.T) {
	eachByChance(t, func(t *testing.T, h *harness) {
		h.browser().register("alice")
		password := goodPassword
		for range 10 {
			var browsers [2]*browser
			var answers [2]*answer
			for i := range browsers {
				browsers[i] = h.browser()
				browsers[i].call("POST", "/auth/login", members{"username": "alice", "password": password}).want(200, "")
			}
			next := [2]string{password + "a", password + "b"}
			atOnce(2, func(i int) { answers[i] = browsers[i].changePassword(password, next[i]) })
			winner := 0
			if answers[1].status == 200 {
				winner = 1
			}
			answers[winner].want(200, "")
			if a := answers[1-winner]; a.status != 401 {
				t.Fatalf("the loser gets %d\n%s", a.status, a.body)
			}
			if !browsers[winner].loggedIn() || browsers[1-winner].loggedIn() {
				t.Fatal("the winner is logged out, or the loser is not")
			}
			if password = next[winner]; !h.loginWith("alice", password) || h.loginWith("alice", next[1-winner]) {
				t.Fatal("the password is not the winner's")
			}
		}
	})
}

func TestReauthenticationMakesTheLoginFresh(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		token := b.login("alice").cookie()
		h.clock.advance(20 * time.Minute)
		change := members{"email": "alice@new.example"}

		a := b.call("POST", "/auth/reauthenticate", members{"password": "wrong"}).want(401, "current_password_incorrect")
		if a.cookie() != "" {
			t.Error("a wrong password sets a cookie")
		}
		b.call("POST", "/auth/reauthenticate", members{}).want(400, "missing_fields")
		b.call("PUT", "/auth/update_profile", change).want(403, "reauth_required")

		a = b.call("POST", "/auth/reauthenticate", members{"password": goodPassword}).want(200, "")
		if a.cookie() == "" || a.cookie() == token {
			t.Error("the session has kept its token")
		}
		h.browser().call("GET", "/auth/profile", nil, sessionCookie(token)).want(401, "login_required")
		if n := h.count("SELECT count(*) FROM sessions"); n != 1 {
			t.Errorf("%d sessions", n)
		}
		b.call("PUT", "/auth/update_profile", change).want(200, "")
	})
}

func TestReauthenticationDoesNotLengthenTheSession(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.login("alice")
		for range 47 {
			h.clock.advance(30 * time.Minute)
			b.call("POST", "/auth/reauthenticate", members{"password": goodPassword}).want(200, "")
		}
		h.clock.advance(30 * time.Minute)
		b.call("GET", "/auth/profile", nil).want(401, "login_required")
	})
}

// A thief has sent a request with the right password, and before it is done the
// owner has thrown him out. Nothing of it may happen.
func TestARequestWhoseSessionEndsMeanwhileDoesNothing(t *testing.T) {
	requests := map[string]struct {
		method, path string
		body         any
	}{
		"password change": {"PUT", "/auth/change_password", members{"current_password": goodPassword, "new_password": newPassword}},
		"e-mail change":   {"PUT", "/auth/update_profile", members{"email": "thief@example.com", "current_password": goodPassword}},
		"name change":     {"PUT", "/auth/update_profile", members{"username": "thief", "current_password": goodPassword}},
		"confirmation":    {"POST", "/auth/reauthenticate", members{"password": goodPassword}},
		"deletion":        {"DELETE", "/auth/account", members{"password": goodPassword}},
	}
	for name, request := range requests {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, h *harness) {
				h.browser().register("alice")
				thief := h.browser()
				thief.login("alice")
				release := h.fill()
				var a *answer
				answered := make(chan struct{})
				go func() {
					defer close(answered)
					a = thief.call(request.method, request.path, request.body)
				}()
				until(func() bool { return h.passwords().Gate.Waiting() == 1 })
				h.exec("DELETE FROM sessions")
				before := h.dump()
				release()
				<-answered
				if a.want(401, "login_required"); a.cookie() != "" {
					t.Error("it gets a cookie")
				}
				if h.dump() != before {
					t.Error("it has changed the database")
				}
			})
		})
	}
}

// An account may have no password, and a damaged one is nobody's.
func TestWithoutAUsablePasswordNothingIsConfirmed(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.login("alice")
		for name, stored := range inOrder(map[string]any{"none": nil, "empty": "", "damaged": "$argon2id$broken"}) {
			h.exec("UPDATE users SET password_hash = $1", stored)
			for _, given := range []string{goodPassword, " ", "$argon2id$broken"} {
				for _, a := range []*answer{
					b.call("POST", "/auth/reauthenticate", members{"password": given}),
					b.call("DELETE", "/auth/account", members{"password": given}),
					b.changePassword(given, newPassword),
					b.call("PUT", "/auth/update_profile", members{"email": "x@example.com", "current_password": given}),
				} {
					if a.status != http.StatusUnauthorized {
						t.Errorf("%s, %q: %s answers %d", name, given, a.what, a.status)
					}
				}
			}
		}
	})
}
