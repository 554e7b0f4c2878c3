package app_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/internal/mail"
)

// idOf is the number of an account.
func (h *harness) idOf(username string) int {
	h.t.Helper()
	return h.count("SELECT id FROM users WHERE username = $1", username)
}

// manage does something to somebody's account: manage("PUT", "bob", "/role", …).
func (b *browser) manage(method, username, what string, body any) *answer {
	b.h.t.Helper()
	return b.call(method, fmt.Sprintf("/auth/admin/users/%d%s", b.h.idOf(username), what), body)
}

// events are the events about an account with their reasons, oldest first.
func (h *harness) eventsAbout(id int) (list []string) {
	h.t.Helper()
	for _, row := range h.query(fmt.Sprintf("SELECT event, reason, actor_id FROM audit_events WHERE user_id = %d ORDER BY id", id)) {
		list = append(list, strings.TrimSpace(row["event"]+" "+row["reason"])+" by "+row["actor_id"])
	}
	return list
}

// wantEvent fails unless the newest events about an account include one.
func (h *harness) wantEvent(id int, want string) {
	h.t.Helper()
	all := h.eventsAbout(id)
	n := 0
	for _, event := range all {
		if event == want {
			n++
		}
	}
	if n != 1 {
		h.t.Errorf("%q is recorded %d times among %q", want, n, all)
	}
}

// X50: however somebody tries to get in, a disabled account stays shut, and
// what was open closes at once.
func TestDisabledAccountLetsNobodyIn(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		root := h.admin("alice")
		open := make([]*browser, 5)
		h.browser().register("bob")
		elsewhere := h.another() // another instance
		for i := range open {
			open[i] = []*harness{h, elsewhere}[i%2].browser()
			open[i].login("bob")
		}
		verify, change, reset := h.mailedToken(mail.VerifyEmail, "bob@example.com"), h.changeToken("bob", "next@example.com"), h.resetToken("bob")
		refused := func() {
			b := h.browser()
			b.call("POST", "/auth/reset_password", members{"token": reset, "password": "N3w-passphrase"}).want(400, "invalid_token")
			b.call("POST", "/auth/verify", members{"token": verify}).want(400, "invalid_token")
			b.call("POST", "/auth/confirm_email", members{"token": change}).want(400, "invalid_token")
		}
		sent := len(h.mails())
		h.browser().call("POST", "/auth/request_reset", members{"email": "bob@example.com"}).want(200, "") // waits

		user := root.manage("POST", "bob", "/disable", nil).want(200, "").json()["user"].(map[string]any)
		if user["state"] != "disabled" || user["disabled_at"] == nil {
			t.Errorf("got %v", user)
		}
		for _, b := range open {
			b.call("GET", "/auth/profile", nil).want(401, "login_required")
		}
		b := h.browser()
		b.call("POST", "/auth/login", members{"username": "bob", "password": goodPassword}).want(403, "account_disabled")
		refused()
		b.call("POST", "/auth/request_reset", members{"email": "bob@example.com"}).want(200, "")
		b.call("POST", "/auth/resend_verification", members{"email": "bob@example.com"}).want(200, "")
		if n := len(h.mails()); n != sent {
			t.Errorf("%d mails to somebody who is disabled", n-sent)
		}
		root.manage("POST", "bob", "/reset_password", nil).want(409, "account_disabled")
		root.manage("POST", "bob", "/disable", nil).want(200, "") // again
		h.wantEvent(h.idOf("bob"), "user_archived disabled by 1")

		if got := root.manage("POST", "bob", "/enable", nil).want(200, "").json()["user"].(map[string]any); got["state"] != "active" || got["disabled_at"] != nil {
			t.Errorf("got %v", got)
		}
		for _, b := range open {
			b.call("GET", "/auth/profile", nil).want(401, "login_required") // what has ended has ended
		}
		refused()
		b.login("bob")
		h.wantEvent(h.idOf("bob"), "user_updated enabled by 1")
	})
}

func TestModeratorsReachPlainUsersAlone(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		mod := h.member("mona", "moderator")
		h.member("alice", "admin")
		h.member("mike", "moderator")
		h.member("bob", "user")
		for _, what := range []string{"/disable", "/enable"} {
			for _, name := range []string{"alice", "mike", "mona"} {
				mod.manage("POST", name, what, nil).want(403, "forbidden")
			}
			mod.manage("POST", "bob", what, nil).want(200, "")
		}
		mod.call("POST", "/auth/admin/users/4711/disable", nil).want(404, "not_found")
		if n := h.count("SELECT count(*) FROM users WHERE disabled_at IS NOT NULL"); n != 0 {
			t.Errorf("%d accounts are disabled", n)
		}
		// Nobody makes an administrator of themselves.
		mod.manage("PUT", "mona", "/role", members{"role": "admin"}).want(403, "forbidden")
		mod.call("PUT", "/auth/update_profile", members{"role": "admin"}).want(400, "invalid_fields")
		mod.call("POST", "/auth/admin/users", members{"username": "mine", "email": "mine@example.com", "role": "admin"}).want(403, "forbidden")
	})
}

func TestLastAdminStays(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		root := h.admin("alice")
		h.member("former", "admin")
		root.manage("POST", "former", "/disable", nil).want(200, "") // does not count
		for name, try := range inOrder(map[string]func() *answer{
			"demoted by themselves":  func() *answer { return root.manage("PUT", "alice", "/role", members{"role": "user"}) },
			"disabled by themselves": func() *answer { return root.manage("POST", "alice", "/disable", nil) },
			"deleted by themselves":  func() *answer { return root.manage("DELETE", "alice", "", nil) },
			"leaving":                func() *answer { return root.deleteAccount(goodPassword) },
		}) {
			if got := try().want(409, "last_admin").json()["error"]; got != "The last administrator must stay" {
				t.Errorf("%s: %v", name, got)
			}
		}
		root.manage("PUT", "former", "/role", members{"role": "user"}).want(200, "") // is not the last active one
		root.manage("PUT", "alice", "/role", members{"role": "admin"}).want(200, "")
		h.member("bob", "user")
		root.manage("PUT", "bob", "/role", members{"role": "admin"}).want(200, "")
		root.manage("PUT", "alice", "/role", members{"role": "user"}).want(200, "")
		root.call("GET", "/auth/admin/users", nil).want(403, "forbidden")
		h.wantEvent(h.idOf("bob"), "authz_change user_to_admin by 1")
		h.wantEvent(h.idOf("alice"), "authz_change admin_to_user by 1")
	})
}

// X26: two administrators take the role from each other at the same time, in
// each of the ways there are. One stays.
func TestTwoAdminsCannotRemoveEachOther(t *testing.T) {
	eachByChance(t, func(t *testing.T, h *harness) {
		other := h.another()
		ways := []func(b *browser, victim string) *answer{
			func(b *browser, victim string) *answer {
				return b.manage("PUT", victim, "/role", members{"role": "user"})
			},
			func(b *browser, victim string) *answer { return b.manage("POST", victim, "/disable", nil) },
			func(b *browser, victim string) *answer { return b.manage("DELETE", victim, "", nil) },
		}
		for round := range 12 {
			h.exec("DELETE FROM users")
			one, two := fmt.Sprintf("one%d", round), fmt.Sprintf("two%d", round)
			b, c := h.admin(one), h.admin(two)
			elsewhere := other.browser()
			elsewhere.login(two)
			if round%2 == 0 {
				c = elsewhere
			}
			var first, second *answer
			var both sync.WaitGroup
			both.Go(func() { first = ways[round%3](b, two) })
			both.Go(func() { second = ways[(round+round/3)%3](c, one) })
			both.Wait()
			if n := h.count("SELECT count(*) FROM users WHERE role = 'admin' AND disabled_at IS NULL"); n != 1 {
				t.Fatalf("round %d: %d administrators are left; %d %s, %d %s", round, n, first.status, first.body, second.status, second.body)
			}
			if (first.status == 200) == (second.status == 200) {
				t.Errorf("round %d: %d %s and %d %s", round, first.status, first.body, second.status, second.body)
			}
			for _, a := range []*answer{first, second} {
				// Whose request came after the role was gone is told so; 409 is for
				// those who were both on their way.
				if a.status != 200 && a.status != 409 && a.status != 401 && a.status != 403 {
					t.Errorf("round %d: %d %s", round, a.status, a.body)
				}
			}
		}
	})
}

// justBeforeHolding has a statement run when a transaction is about to hold an
// account.
func (h *harness) justBeforeHolding(username, statement string) {
	h.t.Helper()
	if h.DB.Kind == db.SQLite {
		h.exec("CREATE TRIGGER meanwhile BEFORE UPDATE ON users WHEN NEW.username = '" + username + "' BEGIN " + statement + "; END")
		return
	}
	h.exec("CREATE FUNCTION meanwhile() RETURNS trigger LANGUAGE plpgsql AS $x$ BEGIN " + statement + "; RETURN NEW; END $x$")
	h.exec("CREATE TRIGGER meanwhile BEFORE UPDATE ON users FOR EACH ROW WHEN (NEW.username = '" + username + "') EXECUTE FUNCTION meanwhile()")
}

// A request that was let through while its sender was an administrator, and
// reaches the database when they are none any more, comes to nothing.
func TestRequestsOnTheirWayLoseTheRoleWithTheirSender(t *testing.T) {
	for name, change := range map[string]string{
		"demoted": "UPDATE users SET role = 'user' WHERE username = 'mallory'", "disabled": "UPDATE users SET disabled_at = created_at WHERE username = 'mallory'",
		"logged out": "DELETE FROM sessions WHERE user_id = (SELECT id FROM users WHERE username = 'mallory')",
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, h *harness) {
				h.admin("alice")
				mallory := h.member("mallory", "admin")
				h.browser().register("bob")
				h.justBeforeHolding("bob", change)
				before := h.count("SELECT count(*) FROM users WHERE role = 'admin'")
				a := mallory.manage("PUT", "bob", "/role", members{"role": "admin"})
				if a.status != 401 && a.status != 403 {
					t.Errorf("%d %s", a.status, a.body)
				}
				if n := h.count("SELECT count(*) FROM users WHERE role = 'admin'"); n != before {
					t.Errorf("%d administrators, want %d", n, before)
				}
			})
		})
	}
}

// What cannot be made good again wants a password of the last ten minutes.
func TestSensitiveChangesWantAFreshLogin(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		root := h.admin("alice")
		h.browser().register("bob")
		h.clock.advance(11 * time.Minute)
		invitation := members{"username": "dave", "email": "dave@example.com"}
		root.manage("PUT", "bob", "/role", members{"role": "moderator"}).want(403, "reauth_required")
		root.manage("DELETE", "bob", "", nil).want(403, "reauth_required")
		root.call("POST", "/auth/admin/users", invitation).want(403, "reauth_required")
		root.manage("POST", "bob", "/disable", nil).want(200, "") // an emergency must not wait
		root.call("POST", "/auth/reauthenticate", members{"password": goodPassword}).want(200, "")
		root.manage("PUT", "bob", "/role", members{"role": "moderator"}).want(200, "")
		root.call("POST", "/auth/admin/users", invitation).want(201, "")
		id := h.idOf("bob")
		root.manage("DELETE", "bob", "", nil).want(200, "")
		root.call("GET", fmt.Sprintf("/auth/admin/users/%d", id), nil).want(404, "not_found")
		h.wantEvent(id, "user_deleted by 1")
	})
}

func TestServerWithoutMailInvitesNobody(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.Mail.Off = true
		root := h.admin("alice")
		h.browser().register("bob")
		root.call("POST", "/auth/admin/users", members{"username": "dave", "email": "dave@example.com"}).want(409, "mail_off")
		root.manage("POST", "bob", "/reset_password", nil).want(409, "mail_off")
		if n := h.count("SELECT count(*) FROM users"); n != 2 {
			t.Errorf("%d accounts", n)
		}
	})
}
