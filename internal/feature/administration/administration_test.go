package administration_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/mail"
)

// X50: however somebody tries to get in, a disabled account stays shut, and
// what was open closes at once.
func TestDisabledAccountLetsNobodyIn(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		root := h.Admin("alice")
		open := make([]*apptest.Browser, 5)
		h.Browser().Register("bob")
		elsewhere := h.StartAnother() // another instance
		for i := range open {
			open[i] = []*apptest.Harness{h, elsewhere}[i%2].Browser()
			open[i].Login("bob")
		}
		verify, change, reset := h.MailedToken(mail.VerifyEmail, "bob@example.com"), h.ChangeToken("bob", "next@example.com"), h.ResetToken("bob")
		refused := func() {
			b := h.Browser()
			b.Call("POST", "/auth/reset_password", apptest.Members{"token": reset, "password": "N3w-passphrase"}).Want(400, "invalid_token")
			b.Call("POST", "/auth/verify", apptest.Members{"token": verify}).Want(400, "invalid_token")
			b.Call("POST", "/auth/confirm_email", apptest.Members{"token": change}).Want(400, "invalid_token")
		}
		sent := len(h.Mails())
		h.Browser().Call("POST", "/auth/request_reset", apptest.Members{"email": "bob@example.com"}).Want(200, "") // waits

		user := root.Manage("POST", "bob", "/disable", nil).Want(200, "").JSON()["user"].(map[string]any)
		if user["state"] != "disabled" || user["disabled_at"] == nil {
			t.Errorf("got %v", user)
		}
		for _, b := range open {
			b.Call("GET", "/auth/profile", nil).Want(401, "login_required")
		}
		b := h.Browser()
		b.Call("POST", "/auth/login", apptest.Members{"username": "bob", "password": apptest.GoodPassword}).Want(403, "account_disabled")
		refused()
		b.Call("POST", "/auth/request_reset", apptest.Members{"email": "bob@example.com"}).Want(200, "")
		b.Call("POST", "/auth/resend_verification", apptest.Members{"email": "bob@example.com"}).Want(200, "")
		if n := len(h.Mails()); n != sent {
			t.Errorf("%d mails to somebody who is disabled", n-sent)
		}
		root.Manage("POST", "bob", "/reset_password", nil).Want(409, "account_disabled")
		root.Manage("POST", "bob", "/disable", nil).Want(200, "") // again
		h.WantEvent(h.IDOf("bob"), "user_archived disabled by 1")

		if got := root.Manage("POST", "bob", "/enable", nil).Want(200, "").JSON()["user"].(map[string]any); got["state"] != "active" || got["disabled_at"] != nil {
			t.Errorf("got %v", got)
		}
		for _, b := range open {
			b.Call("GET", "/auth/profile", nil).Want(401, "login_required") // what has ended has ended
		}
		refused()
		b.Login("bob")
		h.WantEvent(h.IDOf("bob"), "user_updated enabled by 1")
	})
}

func TestModeratorsReachPlainUsersAlone(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		mod := h.Member("mona", "moderator")
		h.Member("alice", "admin")
		h.Member("mike", "moderator")
		h.Member("bob", "user")
		for _, what := range []string{"/disable", "/enable"} {
			for _, name := range []string{"alice", "mike", "mona"} {
				mod.Manage("POST", name, what, nil).Want(403, "forbidden")
			}
			mod.Manage("POST", "bob", what, nil).Want(200, "")
		}
		mod.Call("POST", "/auth/admin/users/4711/disable", nil).Want(404, "not_found")
		if n := h.Count("SELECT count(*) FROM users WHERE disabled_at IS NOT NULL"); n != 0 {
			t.Errorf("%d accounts are disabled", n)
		}
		// Nobody makes an administrator of themselves.
		mod.Manage("PUT", "mona", "/role", apptest.Members{"role": "admin"}).Want(403, "forbidden")
		mod.Call("PUT", "/auth/update_profile", apptest.Members{"role": "admin"}).Want(400, "invalid_fields")
		mod.Call("POST", "/auth/admin/users", apptest.Members{"username": "mine", "email": "mine@example.com", "role": "admin"}).Want(403, "forbidden")
	})
}

func TestLastAdminStays(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		root := h.Admin("alice")
		h.Member("former", "admin")
		root.Manage("POST", "former", "/disable", nil).Want(200, "") // does not count
		for name, try := range apptest.InOrder(map[string]func() *apptest.Answer{
			"demoted by themselves":  func() *apptest.Answer { return root.Manage("PUT", "alice", "/role", apptest.Members{"role": "user"}) },
			"disabled by themselves": func() *apptest.Answer { return root.Manage("POST", "alice", "/disable", nil) },
			"deleted by themselves":  func() *apptest.Answer { return root.Manage("DELETE", "alice", "", nil) },
			"leaving":                func() *apptest.Answer { return root.DeleteAccount(apptest.GoodPassword) },
		}) {
			if got := try().Want(409, "last_admin").JSON()["error"]; got != "The last administrator must stay" {
				t.Errorf("%s: %v", name, got)
			}
		}
		root.Manage("PUT", "former", "/role", apptest.Members{"role": "user"}).Want(200, "") // is not the last active one
		root.Manage("PUT", "alice", "/role", apptest.Members{"role": "admin"}).Want(200, "")
		h.Member("bob", "user")
		root.Manage("PUT", "bob", "/role", apptest.Members{"role": "admin"}).Want(200, "")
		root.Manage("PUT", "alice", "/role", apptest.Members{"role": "user"}).Want(200, "")
		root.Call("GET", "/auth/admin/users", nil).Want(403, "forbidden")
		h.WantEvent(h.IDOf("bob"), "authz_change user_to_admin by 1")
		h.WantEvent(h.IDOf("alice"), "authz_change admin_to_user by 1")
	})
}

// X26: two administrators take the role from each other at the same time, in
// each of the ways there are. One stays.
func TestTwoAdminsCannotRemoveEachOther(t *testing.T) {
	apptest.EachRace(t, func(t *testing.T, h *apptest.Harness) {
		other := h.StartAnother()
		ways := []func(b *apptest.Browser, victim string) *apptest.Answer{
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
			both.Go(func() { first = ways[round%3](b, two) })
			both.Go(func() { second = ways[(round+round/3)%3](c, one) })
			both.Wait()
			if n := h.Count("SELECT count(*) FROM users WHERE role = 'admin' AND disabled_at IS NULL"); n != 1 {
				t.Fatalf("round %d: %d administrators are left; %d %s, %d %s", round, n, first.Status, first.Body, second.Status, second.Body)
			}
			if (first.Status == 200) == (second.Status == 200) {
				t.Errorf("round %d: %d %s and %d %s", round, first.Status, first.Body, second.Status, second.Body)
			}
			for _, a := range []*apptest.Answer{first, second} {
				// Whose request came after the role was gone is told so; 409 is for
				// those who were both on their way.
				if a.Status != 200 && a.Status != 409 && a.Status != 401 && a.Status != 403 {
					t.Errorf("round %d: %d %s", round, a.Status, a.Body)
				}
			}
		}
	})
}

// A request that was let through while its sender was an administrator, and
// reaches the database when they are none any more, comes to nothing.
func TestRequestsOnTheirWayLoseTheRoleWithTheirSender(t *testing.T) {
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
					t.Errorf("%d %s", a.Status, a.Body)
				}
				if n := h.Count("SELECT count(*) FROM users WHERE role = 'admin'"); n != before {
					t.Errorf("%d administrators, want %d", n, before)
				}
			})
		})
	}
}

// What cannot be made good again wants a password of the last ten minutes.
func TestSensitiveChangesWantAFreshLogin(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		root := h.Admin("alice")
		h.Browser().Register("bob")
		h.Clock.Advance(11 * time.Minute)
		invitation := apptest.Members{"username": "dave", "email": "dave@example.com"}
		root.Manage("PUT", "bob", "/role", apptest.Members{"role": "moderator"}).Want(403, "reauth_required")
		root.Manage("DELETE", "bob", "", nil).Want(403, "reauth_required")
		root.Call("POST", "/auth/admin/users", invitation).Want(403, "reauth_required")
		root.Manage("POST", "bob", "/disable", nil).Want(200, "") // an emergency must not wait
		root.Call("POST", "/auth/reauthenticate", apptest.Members{"password": apptest.GoodPassword}).Want(200, "")
		root.Manage("PUT", "bob", "/role", apptest.Members{"role": "moderator"}).Want(200, "")
		root.Call("POST", "/auth/admin/users", invitation).Want(201, "")
		id := h.IDOf("bob")
		root.Manage("DELETE", "bob", "", nil).Want(200, "")
		root.Call("GET", fmt.Sprintf("/auth/admin/users/%d", id), nil).Want(404, "not_found")
		h.WantEvent(id, "user_deleted by 1")
	})
}

func TestServerWithoutMailInvitesNobody(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Mail.Off = true
		root := h.Admin("alice")
		h.Browser().Register("bob")
		root.Call("POST", "/auth/admin/users", apptest.Members{"username": "dave", "email": "dave@example.com"}).Want(409, "mail_off")
		root.Manage("POST", "bob", "/reset_password", nil).Want(409, "mail_off")
		if n := h.Count("SELECT count(*) FROM users"); n != 2 {
			t.Errorf("%d accounts", n)
		}
	})
}
