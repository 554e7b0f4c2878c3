package account_test

import (
	"slices"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/mail"
)

func TestDeleteAccount_EndsSessionsOnBothInstances(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		second := h.StartAnother()
		var all []*apptest.Browser
		for i := range 5 {
			b := []*apptest.Harness{h, second}[i%2].Browser()
			b.Login("alice")
			all = append(all, b)
		}
		a := all[0].DeleteAccount(apptest.GoodPassword).Want(200, "")
		if got := a.Header.Values("Set-Cookie"); len(got) != 1 || got[0] != "session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax" || a.JSON()["msg"] != "Account deleted" {
			t.Errorf("got the cookies %q, want one cleared; body %s", got, a.Body)
		}
		for i, b := range all {
			if b.Call("GET", "/auth/profile", nil).Status != 401 {
				t.Errorf("session %d has not ended", i)
			}
		}
		if h.LoginWith("alice", apptest.GoodPassword) || h.LoginWith("alice@example.com", apptest.GoodPassword) {
			t.Error("the deleted account logs in")
		}
	})
}

func TestDeleteAccount_RejectsWrongPasswordAndUnknownMembers(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		before := h.Dump()
		b.DeleteAccount("wrong").Want(401, "current_password_incorrect")
		b.DeleteAccount(apptest.GoodPassword+" ").Want(401, "current_password_incorrect")
		b.DeleteAccount("").Want(400, "invalid_fields")
		b.Call("DELETE", "/auth/account", apptest.Members{"password": apptest.GoodPassword, "id": 2}).Want(400, "invalid_fields")
		h.Browser().DeleteAccount(apptest.GoodPassword).Want(401, "login_required")
		if h.Dump() != before || !b.LoggedIn() {
			t.Error("a refusal has changed the database or ended the session")
		}
	})
}

// A new account with the username and the email of a deleted one gets nothing of it.
func TestDeleteAccount_NextOwnerOfNameInheritsNothing(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		first := h.Browser()
		first.Register("bob")
		cookie := first.Login("bob").Cookie()
		id := h.Count("SELECT id FROM users")
		session := first.SessionID()
		verify, reset := h.MailedToken(mail.VerifyEmail, "bob@example.com"), h.ResetToken("bob")
		h.Browser().Call("POST", "/auth/request_reset", apptest.Members{"email": "bob@example.com"}).Want(200, "") // still queued
		first.DeleteAccount(apptest.GoodPassword).Want(200, "")

		second := h.Browser()
		second.Call("POST", "/auth/register", apptest.Members{"username": "bob", "email": "bob@example.com", "password": apptest.NewPassword}).Want(201, "")
		second.Call("POST", "/auth/login", apptest.Members{"username": "bob", "password": apptest.NewPassword}).Want(200, "")
		if got := h.Count("SELECT id FROM users"); got <= id {
			t.Errorf("the id of the new account is %d, want more than %d", got, id)
		}
		if got := second.SessionID(); got <= session {
			t.Errorf("the id of the new session is %d, want more than %d", got, session)
		}
		h.Browser().Call("GET", "/auth/profile", nil, apptest.SessionCookie(cookie)).Want(401, "login_required")
		second.Call("POST", "/auth/verify", apptest.Members{"token": verify}).Want(400, "invalid_token")
		second.Call("POST", "/auth/reset_password", apptest.Members{"token": reset, "password": apptest.GoodPassword}).Want(400, "invalid_token")
		if got := h.Queued(); !slices.Equal(got, []string{"verify_email to bob@example.com"}) {
			t.Errorf("queued mails: got %v, want one to confirm the address", got)
		}
		if h.LoginWith("bob", apptest.GoodPassword) || !h.LoginWith("bob", apptest.NewPassword) || h.Account("bob")["email_verified_at"] != "<nil>" {
			t.Error("the new account has the password or the confirmation of the old one")
		}
	})
}
