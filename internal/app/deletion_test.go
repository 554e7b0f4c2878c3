package app_test

import (
	"slices"
	"testing"

	"github.com/techtreks/auth/internal/mail"
)

func (b *browser) deleteAccount(password string) *answer {
	b.h.t.Helper()
	return b.call("DELETE", "/auth/account", members{"password": password})
}

func TestDeletionEndsEverySession(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.browser().register("alice")
		elsewhere := h.another() // another instance
		var all []*browser
		for i := range 5 {
			b := []*harness{h, elsewhere}[i%2].browser()
			b.login("alice")
			all = append(all, b)
		}
		a := all[0].deleteAccount(goodPassword).want(200, "")
		if got := a.header.Values("Set-Cookie"); len(got) != 1 || got[0] != "session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax" || a.json()["msg"] != "Account deleted" {
			t.Errorf("%q\n%s", got, a.body)
		}
		for i, b := range all {
			if b.call("GET", "/auth/profile", nil).status != 401 {
				t.Errorf("session %d goes on", i)
			}
		}
		if h.loginWith("alice", goodPassword) || h.loginWith("alice@example.com", goodPassword) {
			t.Error("the account still logs in")
		}
	})
}

func TestDeletionNeedsThePassword(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.login("alice")
		before := h.dump()
		b.deleteAccount("wrong").want(401, "current_password_incorrect")
		b.deleteAccount(goodPassword+" ").want(401, "current_password_incorrect")
		b.deleteAccount("").want(400, "missing_fields")
		b.call("DELETE", "/auth/account", members{}).want(400, "missing_fields")
		b.call("DELETE", "/auth/account", members{"password": goodPassword, "id": 2}).want(400, "invalid_fields")
		h.browser().deleteAccount(goodPassword).want(401, "login_required")
		if h.dump() != before || !b.loggedIn() {
			t.Error("a refusal has changed something")
		}
	})
}

// Who takes the name of somebody who has left inherits nothing.
func TestRecycledNamesInheritNothing(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		first := h.browser()
		first.register("bob")
		cookie := first.login("bob").cookie()
		id := h.count("SELECT id FROM users")
		session := first.sessionID()
		verify, reset := h.mailedToken(mail.VerifyEmail, "bob@example.com"), h.resetToken("bob")
		h.browser().call("POST", "/auth/request_reset", members{"email": "bob@example.com"}).want(200, "") // still waits
		first.deleteAccount(goodPassword).want(200, "")

		second := h.browser()
		second.call("POST", "/auth/register", members{"username": "bob", "email": "bob@example.com", "password": newPassword}).want(201, "")
		second.call("POST", "/auth/login", members{"username": "bob", "password": newPassword}).want(200, "")
		if got := h.count("SELECT id FROM users"); got <= id {
			t.Errorf("the number %d is given out after %d", got, id)
		}
		if got := second.sessionID(); got <= session {
			t.Errorf("the session %d is given out after %d", got, session)
		}
		h.browser().call("GET", "/auth/profile", nil, sessionCookie(cookie)).want(401, "login_required")
		second.call("POST", "/auth/verify", members{"token": verify}).want(400, "invalid_token")
		second.call("POST", "/auth/reset_password", members{"token": reset, "password": goodPassword}).want(400, "invalid_token")
		if got := h.queued(); !slices.Equal(got, []string{"verify_email to bob@example.com"}) {
			t.Errorf("these mails wait: %v", got)
		}
		if h.loginWith("bob", goodPassword) || !h.loginWith("bob", newPassword) || h.account("bob")["email_verified_at"] != "<nil>" {
			t.Error("the new bob has something of the old one")
		}
	})
}
