package administration_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/mail"
)

// X50: disabling an account ends its sessions on both instances at once, and no login and
// no link opens it. Enabling it revives neither sessions nor links.
func TestDisableUser_EndsSessionsAndLinksOnBothInstances(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		admin := h.Admin("alice")
		sessions := make([]*apptest.Browser, 5)
		h.Browser().Register("bob")
		other := h.StartAnother()
		for i := range sessions {
			sessions[i] = []*apptest.Harness{h, other}[i%2].Browser()
			sessions[i].Login("bob")
		}
		verify, change, reset := h.MailedToken(mail.VerifyEmail, "bob@example.com"), h.ChangeToken("bob", "next@example.com"), h.ResetToken("bob")
		wantLinksRejected := func() {
			b := h.Browser()
			b.Call("POST", "/auth/reset_password", apptest.Members{"token": reset, "password": "N3w-passphrase"}).Want(400, "invalid_token")
			b.Call("POST", "/auth/verify", apptest.Members{"token": verify}).Want(400, "invalid_token")
			b.Call("POST", "/auth/confirm_email", apptest.Members{"token": change}).Want(400, "invalid_token")
		}
		sent := len(h.Mails())
		h.Browser().Call("POST", "/auth/request_reset", apptest.Members{"email": "bob@example.com"}).Want(200, "") // stays in the queue

		user := admin.Manage("POST", "bob", "/disable", nil).Want(200, "").JSON()["user"].(map[string]any)
		if user["state"] != "disabled" || user["disabled_at"] == nil {
			t.Errorf("got %v, want a disabled account", user)
		}
		for _, b := range sessions {
			b.Call("GET", "/auth/profile", nil).Want(401, "login_required")
		}
		b := h.Browser()
		b.Call("POST", "/auth/login", apptest.Members{"username": "bob", "password": apptest.GoodPassword}).Want(403, "account_disabled")
		wantLinksRejected()
		b.Call("POST", "/auth/request_reset", apptest.Members{"email": "bob@example.com"}).Want(200, "")
		b.Call("POST", "/auth/resend_verification", apptest.Members{"email": "bob@example.com"}).Want(200, "")
		if n := len(h.Mails()); n != sent {
			t.Errorf("got %d mails to the disabled account, want 0", n-sent)
		}
		admin.Manage("POST", "bob", "/reset_password", nil).Want(409, "account_disabled")
		admin.Manage("POST", "bob", "/disable", nil).Want(200, "") // again
		h.WantEvent(h.IDOf("bob"), "user_archived disabled by 1")

		if got := admin.Manage("POST", "bob", "/enable", nil).Want(200, "").JSON()["user"].(map[string]any); got["state"] != "active" || got["disabled_at"] != nil {
			t.Errorf("got %v, want an active account", got)
		}
		for _, b := range sessions {
			b.Call("GET", "/auth/profile", nil).Want(401, "login_required") // stays ended
		}
		wantLinksRejected()
		b.Login("bob")
		h.WantEvent(h.IDOf("bob"), "user_updated enabled by 1")
	})
}

func TestDisableUser_ModeratorsManageOnlyUsers(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		mod := h.Member("mona", "moderator")
		h.Member("alice", "admin")
		h.Member("mike", "moderator")
		h.Member("bob", "user")
		for _, operation := range []string{"/disable", "/enable"} {
			for _, name := range []string{"alice", "mike", "mona"} {
				mod.Manage("POST", name, operation, nil).Want(403, "forbidden")
			}
			mod.Manage("POST", "bob", operation, nil).Want(200, "")
		}
		mod.Call("POST", "/auth/admin/users/4711/disable", nil).Want(404, "not_found")
		if n := h.Count("SELECT count(*) FROM users WHERE disabled_at IS NOT NULL"); n != 0 {
			t.Errorf("got %d disabled accounts, want 0", n)
		}
		// Privilege escalation: a moderator can neither become nor create an administrator.
		mod.Manage("PUT", "mona", "/role", apptest.Members{"role": "admin"}).Want(403, "forbidden")
		mod.Call("PUT", "/auth/update_profile", apptest.Members{"role": "admin"}).Want(400, "invalid_fields")
		mod.Call("POST", "/auth/admin/users", apptest.Members{"username": "mine", "email": "mine@example.com", "role": "admin"}).Want(403, "forbidden")
	})
}

func TestSetUserRole_KeepsLastAdmin(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		admin := h.Admin("alice")
		h.Member("former", "admin")
		admin.Manage("POST", "former", "/disable", nil).Want(200, "") // does not count as an administrator
		for name, try := range apptest.InOrder(map[string]func() *apptest.Answer{
			"demotes itself":      func() *apptest.Answer { return admin.Manage("PUT", "alice", "/role", apptest.Members{"role": "user"}) },
			"disables itself":     func() *apptest.Answer { return admin.Manage("POST", "alice", "/disable", nil) },
			"deletes itself":      func() *apptest.Answer { return admin.Manage("DELETE", "alice", "", nil) },
			"deletes own account": func() *apptest.Answer { return admin.DeleteAccount(apptest.GoodPassword) },
		}) {
			if got := try().Want(409, "last_admin").JSON()["error"]; got != "The last administrator must stay" {
				t.Errorf("%s: got %v, want The last administrator must stay", name, got)
			}
		}
		admin.Manage("PUT", "former", "/role", apptest.Members{"role": "user"}).Want(200, "") // a disabled administrator is not the last one
		admin.Manage("PUT", "alice", "/role", apptest.Members{"role": "admin"}).Want(200, "")
		h.Member("bob", "user")
		admin.Manage("PUT", "bob", "/role", apptest.Members{"role": "admin"}).Want(200, "")
		admin.Manage("PUT", "alice", "/role", apptest.Members{"role": "user"}).Want(200, "")
		admin.Call("GET", "/auth/admin/users", nil).Want(403, "forbidden")
		h.WantEvent(h.IDOf("bob"), "authz_change user_to_admin by 1")
		h.WantEvent(h.IDOf("alice"), "authz_change admin_to_user by 1")
	})
}

// X26: two administrators demote, disable or delete each other at the same time, on one or
// two instances. One of them must remain.
func TestSetUserRole_RaceKeepsOneAdmin(t *testing.T) {
	apptest.EachRace(t, func(t *testing.T, h *apptest.Harness) {
		other := h.StartAnother()
		operations := []func(b *apptest.Browser, victim string) *apptest.Answer{
			func(b *apptest.Browser, victim string) *apptest.Answer {
				return b.Manage("PUT", victim, "/role", apptest.Members{"role": "user"})
			},
			func(b *apptest.Browser, victim string) *apptest.Answer {
				return b.Manage("POST", victim, "/disable", nil)
			},
			func(b *apptest.Browser, victim string) *apptest.Answer { return b.Manage("DELETE", victim, "", nil) },
		}
		for round := range 12 {
			h.Exec("DELETE FROM users")
			one, two := fmt.Sprintf("one%d", round), fmt.Sprintf("two%d", round)
			b, c := h.Admin(one), h.Admin(two)
			elsewhere := other.Browser()
			elsewhere.Login(two)
			if round%2 == 0 {
				c = elsewhere
			}
			var first, second *apptest.Answer
			var both sync.WaitGroup
			both.Go(func() { first = operations[round%3](b, two) })
			both.Go(func() { second = operations[(round+round/3)%3](c, one) })
			both.Wait()
			if n := h.Count("SELECT count(*) FROM users WHERE role = 'admin' AND disabled_at IS NULL"); n != 1 {
				t.Fatalf("round %d: got %d administrators, want 1; the responses are %d %s and %d %s", round, n, first.Status, first.Body, second.Status, second.Body)
			}
			if (first.Status == 200) == (second.Status == 200) {
				t.Errorf("round %d: got %d %s and %d %s, want one success", round, first.Status, first.Body, second.Status, second.Body)
			}
			for _, a := range []*apptest.Answer{first, second} {
				// 401 and 403 if the request arrived after the loss of the role, 409 if
				// both were in progress.
				if a.Status != 200 && a.Status != 409 && a.Status != 401 && a.Status != 403 {
					t.Errorf("round %d: got %d %s, want 200, 401, 403 or 409", round, a.Status, a.Body)
				}
			}
		}
	})
}

// The caller loses the role, the account or the session between the authorization of the
// request and its transaction (TOCTOU). The transaction checks again.
func TestSetUserRole_RechecksCallerInTransaction(t *testing.T) {
	for name, change := range map[string]string{
		"demoted": "UPDATE users SET role = 'user' WHERE username = 'mallory'", "disabled": "UPDATE users SET disabled_at = created_at WHERE username = 'mallory'",
		"logged out": "DELETE FROM sessions WHERE user_id = (SELECT id FROM users WHERE username = 'mallory')",
	} {
		t.Run(name, func(t *testing.T) {
			apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
				h.Admin("alice")
				mallory := h.Member("mallory", "admin")
				h.Browser().Register("bob")
				h.BeforeLock("bob", change)
				before := h.Count("SELECT count(*) FROM users WHERE role = 'admin'")
				a := mallory.Manage("PUT", "bob", "/role", apptest.Members{"role": "admin"})
				if a.Status != 401 && a.Status != 403 {
					t.Errorf("got %d %s, want 401 or 403", a.Status, a.Body)
				}
				if n := h.Count("SELECT count(*) FROM users WHERE role = 'admin'"); n != before {
					t.Errorf("got %d administrators, want %d", n, before)
				}
			})
		})
	}
}

// Changes that cannot be undone require a login or password check in the last ten minutes.
func TestAdministration_SensitiveChangesRequireFreshLogin(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		admin := h.Admin("alice")
		h.Browser().Register("bob")
		h.Clock.Advance(11 * time.Minute)
		invitation := apptest.Members{"username": "dave", "email": "dave@example.com"}
		admin.Manage("PUT", "bob", "/role", apptest.Members{"role": "moderator"}).Want(403, "reauth_required")
		admin.Manage("DELETE", "bob", "", nil).Want(403, "reauth_required")
		admin.Call("POST", "/auth/admin/users", invitation).Want(403, "reauth_required")
		admin.Manage("POST", "bob", "/disable", nil).Want(200, "") // allowed: an emergency must not wait
		admin.Call("POST", "/auth/reauthenticate", apptest.Members{"password": apptest.GoodPassword}).Want(200, "")
		admin.Manage("PUT", "bob", "/role", apptest.Members{"role": "moderator"}).Want(200, "")
		admin.Call("POST", "/auth/admin/users", invitation).Want(201, "")
		id := h.IDOf("bob")
		admin.Manage("DELETE", "bob", "", nil).Want(200, "")
		admin.Call("GET", fmt.Sprintf("/auth/admin/users/%d", id), nil).Want(404, "not_found")
		h.WantEvent(id, "user_deleted by 1")
	})
}

// ASVS 5.0.0-6.4.6: an administrator can send a reset link, and can neither choose a
// password nor see the link.
func TestSendPasswordReset_AdminNeverSeesLinkOrPassword(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		admin := h.Admin("alice")
		h.Browser().Register("bob")
		a := admin.Manage("POST", "bob", "/reset_password", nil).Want(200, "")
		token := h.MailedToken(mail.ResetPassword, "bob@example.com")
		if strings.Contains(string(a.Body), token) || h.Count("SELECT count(*) FROM tokens WHERE purpose = 'reset_password' AND user_id = $1", h.IDOf("bob")) != 1 {
			t.Errorf("got %s, want no token in it and one stored", a.Body)
		}
		h.Browser().Login("bob") // the old password works until the reset
		h.Browser().Call("POST", "/auth/reset_password", apptest.Members{"token": token, "password": "N3w-passphrase"}).Want(200, "")
		h.WantEvent(h.IDOf("bob"), "authz_admin link_sent by 1")
		for _, op := range h.Contract.Operations {
			if slices.Contains(op.Roles, "admin") {
				if _, body := h.Sample(op); strings.Contains(apptest.Quoted(body), "password") {
					t.Errorf("%s has a password in its request", op.ID)
				}
			}
		}
	})
}

func TestMarkEmailVerified_AllowsLogin(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		h.SetRole("alice", "admin")
		admin := h.WithPassword("alice")
		b := h.Browser()
		b.Register("bob")
		b.Call("POST", "/auth/login", apptest.Members{"username": "bob", "password": apptest.GoodPassword}).Want(403, "email_unverified")
		for range 2 {
			user := admin.Manage("POST", "bob", "/verify_email", nil).Want(200, "").JSON()["user"].(map[string]any)
			if user["email_verified"] != true {
				t.Errorf("got %v, want a verified address", user)
			}
		}
		b.Login("bob")
		h.WantEvent(h.IDOf("bob"), "user_updated email_verified by 1")
	}, apptest.WithRegistration("verified"))
}
