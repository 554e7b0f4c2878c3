package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/mail"
)

// invite has an administrator make an account, and returns the mailed token.
func (b *browser) invite(body members) (token string) {
	b.h.t.Helper()
	user := b.call("POST", "/auth/admin/users", body).want(201, "").json()["user"].(map[string]any)
	if user["has_password"] != false || user["email_verified"] != false {
		b.h.t.Errorf("the new account is %v", user)
	}
	return b.h.mailedToken(mail.Invitation, body["email"].(string))
}

// X51: where nobody can register, an invitation is the way in, and there is no
// other.
func TestInvitationsWorkWhereNobodyCanRegister(t *testing.T) {
	for _, mode := range []string{"open", "verified", "closed"} {
		t.Run(mode, func(t *testing.T) {
			each(t, func(t *testing.T, h *harness) {
				h.exec("INSERT INTO users (username, username_key, email, email_key, role, locale, created_at, updated_at) VALUES ('root', 'root', 'root@example.com', 'root@example.com', 'admin', 'en', $1, $1)", h.clock.Now())
				root := h.withPassword("root")
				token := root.invite(members{"username": "Dave", "email": "Dave@example.com", "role": "moderator"})
				m := h.lastMail(mail.Invitation, "Dave@example.com")
				if !strings.HasPrefix(m.Link, "http://localhost:3000/accept-invitation#token=") || !strings.Contains(m.Text, "Hi Dave,") {
					t.Errorf("the mail leads to %s and says\n%s", m.Link, m.Text)
				}
				b := h.browser()
				b.call("POST", "/auth/login", members{"username": "dave", "password": ""}).want(400, "missing_fields")
				b.call("POST", "/auth/login", members{"username": "dave", "password": goodPassword}).want(401, "invalid_credentials")
				b.call("POST", "/auth/verify", members{"token": token}).want(400, "invalid_token")
				b.call("POST", "/auth/reset_password", members{"token": token, "password": "dave"}).want(400, "invalid_fields")
				before := len(h.mails())
				b.call("POST", "/auth/reset_password", members{"token": token, "password": goodPassword}).want(200, "")
				b.call("POST", "/auth/reset_password", members{"token": token, "password": "N3w-passphrase"}).want(400, "invalid_token")
				user := b.login("dave").json()["user"].(map[string]any)
				if user["role"] != "moderator" || user["email_verified"] != true {
					t.Errorf("got %v", user)
				}
				if n := len(h.mails()); n != before {
					t.Error("a mail says that the password was reset, and there was none")
				}
				h.wantEvent(h.idOf("Dave"), "user_created invited_as_moderator by 1")
			}, registration(mode))
		})
	}
}

// withPassword gives an account the usual password, and logs it in.
func (h *harness) withPassword(username string) *browser {
	h.t.Helper()
	hash, err := h.passwords().Hash(h.t.Context(), goodPassword)
	if err != nil {
		h.t.Fatal(err)
	}
	h.exec("UPDATE users SET password_hash = $1, email_verified_at = created_at WHERE username = $2", hash, username)
	b := h.browser()
	b.login(username)
	return b
}

// ASVS 5.0.0-6.4.1: an invitation is random, works once and not for ever.
func TestInvitationsEnd(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		root := h.admin("alice")
		token := root.invite(members{"username": "dave", "email": "dave@example.com"})
		h.clock.advance(72*time.Hour - time.Second)
		b := h.browser()
		b.call("POST", "/auth/reset_password", members{"token": token, "password": "weak"}).want(400, "invalid_fields") // still there
		h.clock.advance(time.Second)
		b.call("POST", "/auth/reset_password", members{"token": token, "password": goodPassword}).want(400, "invalid_token")

		root.login("alice")
		root.manage("POST", "dave", "/reset_password", nil).want(200, "")
		second := h.mailedToken(mail.Invitation, "dave@example.com")
		h.wantEvent(h.idOf("dave"), "user_created invited_as_user by 1")
		// Anybody can ask for a link to an address. The invitation survives that.
		b.call("POST", "/auth/request_reset", members{"email": "dave@example.com"}).want(200, "")
		h.mails()
		b.call("POST", "/auth/reset_password", members{"token": second, "password": goodPassword}).want(200, "")
		b.login("dave")

		third := root.invite(members{"username": "erin", "email": "erin@example.com"})
		root.manage("POST", "erin", "/disable", nil).want(200, "")
		root.manage("POST", "erin", "/enable", nil).want(200, "")
		b.call("POST", "/auth/reset_password", members{"token": third, "password": goodPassword}).want(400, "invalid_token")
	})
}

func TestInvitationsOfWhoIsThereAlready(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		root := h.admin("alice")
		for body, code := range inOrder(map[string]string{
			`{"username":"ALICE","email":"x@example.com"}`: "username_taken", `{"username":"x_y","email":"Alice@Example.com"}`: "email_taken",
			`{"username":"alice","email":"alice@example.com"}`: "username_taken",
		}) {
			root.call("POST", "/auth/admin/users", body).want(409, code)
		}
		for body, code := range inOrder(map[string]string{
			`{"username":"dave","email":"dave@example.com","password":"Tr4vel-light"}`: "invalid_fields", // nobody chooses another's
			`{"username":"dave","email":"dave@example.com","id":7}`:                    "invalid_fields",
			`{"username":"dave","email":"dave@example.com","role":"root"}`:             "invalid_fields",
			`{"username":"d","email":"dave@example.com"}`:                              "invalid_fields",
			`{"username":"dave"}`: "missing_fields",
		}) {
			root.call("POST", "/auth/admin/users", body).want(400, code)
		}
		if n := h.count("SELECT count(*) FROM users"); n != 1 {
			t.Errorf("%d accounts", n)
		}
	})
}

// ASVS 5.0.0-6.4.6: an administrator can have a reset mailed, and can neither
// choose a password nor see a link.
func TestAdministratorsNeverChoosePasswords(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		root := h.admin("alice")
		h.browser().register("bob")
		a := root.manage("POST", "bob", "/reset_password", nil).want(200, "")
		token := h.mailedToken(mail.ResetPassword, "bob@example.com")
		if strings.Contains(string(a.body), token) || h.count("SELECT count(*) FROM tokens WHERE purpose = 'reset_password' AND user_id = $1", h.idOf("bob")) != 1 {
			t.Errorf("got %s", a.body)
		}
		h.browser().login("bob") // nothing has changed yet
		h.browser().call("POST", "/auth/reset_password", members{"token": token, "password": "N3w-passphrase"}).want(200, "")
		h.wantEvent(h.idOf("bob"), "authz_admin link_sent by 1")
		for _, op := range h.Contract.Operations {
			if slices.Contains(op.Roles, "admin") {
				if _, body := h.sample(op); strings.Contains(quoted(body), "password") {
					t.Errorf("%s takes a password", op.ID)
				}
			}
		}
	})
}

// ASVS 5.0.0-7.4.5.
func TestAdministratorsEndSessions(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		root := h.admin("alice")
		h.browser().register("bob")
		var bobs []*browser
		for range 3 {
			b := h.browser()
			b.login("bob")
			bobs = append(bobs, b)
		}
		list := root.manage("GET", "bob", "/sessions", nil).want(200, "").json()["sessions"].([]any)
		if len(list) != 3 {
			t.Fatalf("%d sessions", len(list))
		}
		for _, one := range list {
			if info := one.(map[string]any); info["current"] != false || info["ip"] != "127.0.0.1" {
				t.Errorf("got %v", info)
			}
		}
		id := bobs[0].sessionID()
		root.manage("DELETE", "alice", fmt.Sprintf("/sessions/%d", id), nil).want(404, "not_found") // is bob's
		root.manage("DELETE", "bob", fmt.Sprintf("/sessions/%d", id), nil).want(200, "")
		root.manage("DELETE", "bob", fmt.Sprintf("/sessions/%d", id), nil).want(404, "not_found")
		if bobs[0].loggedIn() || !bobs[1].loggedIn() || !bobs[2].loggedIn() {
			t.Error("the wrong session has ended")
		}
		root.manage("DELETE", "bob", "/sessions", nil).want(200, "")
		if bobs[1].loggedIn() || bobs[2].loggedIn() || !root.loggedIn() {
			t.Error("not the right sessions have ended")
		}
		revoked := 0
		for _, event := range h.eventsAbout(h.idOf("bob")) {
			if event == "authn_token_revoked sessions_ended by 1" {
				revoked++
			}
		}
		if revoked != 2 {
			t.Errorf("%d ends of sessions are recorded", revoked)
		}
		h.browser().login("bob")
	})
}

func TestAdministratorsTakeSomebodysWord(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.browser().register("alice")
		h.setRole("alice", "admin")
		root := h.withPassword("alice")
		b := h.browser()
		b.register("bob")
		b.call("POST", "/auth/login", members{"username": "bob", "password": goodPassword}).want(403, "email_unverified")
		for range 2 {
			user := root.manage("POST", "bob", "/verify_email", nil).want(200, "").json()["user"].(map[string]any)
			if user["email_verified"] != true {
				t.Errorf("got %v", user)
			}
		}
		b.login("bob")
		h.wantEvent(h.idOf("bob"), "user_updated email_verified by 1")
	}, registration("verified"))
}

// What an operation can be asked about an account, it refuses of no account and
// of what cannot be one.
func TestEveryAdministrationWantsAnAccount(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		root := h.admin("alice")
		for _, op := range h.Contract.Operations {
			if !slices.Contains(op.Roles, "admin") || !strings.Contains(op.Path, "{id}") {
				continue
			}
			_, body := h.sample(op)
			for id, want := range inOrder(map[string]int{"4711": 404, "0": 400, "-1": 400, "9223372036854775808": 400, "one": 400, "%27": 400}) {
				path := strings.NewReplacer("{id}", id, "{session_id}", "7").Replace(op.Path)
				code := "not_found"
				if want == 400 {
					code = "invalid_fields"
				}
				root.call(op.Method, path, body).want(want, code)
			}
		}
		root.call("DELETE", "/auth/admin/users/1/sessions/x", nil).want(400, "invalid_fields")
	})
}

// No administration is to be had with two cookies, however good they are.
func TestNoAdministrationWithTwoSessions(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		root := h.admin("alice")
		root.client.Jar = nil
		for _, op := range h.Contract.Operations {
			if op.Session == contract.SessionRequired {
				path, body := h.sample(op)
				root.call(op.Method, path, body, header("Cookie", "session=a; session=b")).want(400, "ambiguous_session")
			}
		}
	})
}
