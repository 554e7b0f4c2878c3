package administration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/mail"
)

// X51: where nobody can register, an invitation is the way in, and there is no
// other.
func TestInvitationsWorkWhereNobodyCanRegister(t *testing.T) {
	for _, mode := range []string{"open", "verified", "closed"} {
		t.Run(mode, func(t *testing.T) {
			apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
				h.Exec("INSERT INTO users (username, username_key, email, email_key, role, locale, created_at, updated_at) VALUES ('root', 'root', 'root@example.com', 'root@example.com', 'admin', 'en', $1, $1)", h.Clock.Now())
				root := h.WithPassword("root")
				token := root.Invite(apptest.Members{"username": "Dave", "email": "Dave@example.com", "role": "moderator"})
				m := h.LastMail(mail.Invitation, "Dave@example.com")
				if !strings.HasPrefix(m.Link, "http://localhost:3000/accept-invitation#token=") || !strings.Contains(m.Text, "Hi Dave,") {
					t.Errorf("the mail leads to %s and says\n%s", m.Link, m.Text)
				}
				b := h.Browser()
				b.Call("POST", "/auth/login", apptest.Members{"username": "dave", "password": ""}).Want(400, "missing_fields")
				b.Call("POST", "/auth/login", apptest.Members{"username": "dave", "password": apptest.GoodPassword}).Want(401, "invalid_credentials")
				b.Call("POST", "/auth/verify", apptest.Members{"token": token}).Want(400, "invalid_token")
				b.Call("POST", "/auth/reset_password", apptest.Members{"token": token, "password": "dave"}).Want(400, "invalid_fields")
				before := len(h.Mails())
				b.Call("POST", "/auth/reset_password", apptest.Members{"token": token, "password": apptest.GoodPassword}).Want(200, "")
				b.Call("POST", "/auth/reset_password", apptest.Members{"token": token, "password": "N3w-passphrase"}).Want(400, "invalid_token")
				user := b.Login("dave").JSON()["user"].(map[string]any)
				if user["role"] != "moderator" || user["email_verified"] != true {
					t.Errorf("got %v", user)
				}
				if n := len(h.Mails()); n != before {
					t.Error("a mail says that the password was reset, and there was none")
				}
				h.WantEvent(h.IDOf("Dave"), "user_created invited_as_moderator by 1")
			}, apptest.WithRegistration(mode))
		})
	}
}

// ASVS 5.0.0-6.4.1: an invitation is random, works once and not for ever.
func TestInvitationsEnd(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		root := h.Admin("alice")
		token := root.Invite(apptest.Members{"username": "dave", "email": "dave@example.com"})
		h.Clock.Advance(72*time.Hour - time.Second)
		b := h.Browser()
		b.Call("POST", "/auth/reset_password", apptest.Members{"token": token, "password": "weak"}).Want(400, "invalid_fields") // still there
		h.Clock.Advance(time.Second)
		b.Call("POST", "/auth/reset_password", apptest.Members{"token": token, "password": apptest.GoodPassword}).Want(400, "invalid_token")

		root.Login("alice")
		root.Manage("POST", "dave", "/reset_password", nil).Want(200, "")
		second := h.MailedToken(mail.Invitation, "dave@example.com")
		h.WantEvent(h.IDOf("dave"), "user_created invited_as_user by 1")
		// Anybody can ask for a link to an address. The invitation survives that.
		b.Call("POST", "/auth/request_reset", apptest.Members{"email": "dave@example.com"}).Want(200, "")
		h.Mails()
		b.Call("POST", "/auth/reset_password", apptest.Members{"token": second, "password": apptest.GoodPassword}).Want(200, "")
		b.Login("dave")

		third := root.Invite(apptest.Members{"username": "erin", "email": "erin@example.com"})
		root.Manage("POST", "erin", "/disable", nil).Want(200, "")
		root.Manage("POST", "erin", "/enable", nil).Want(200, "")
		b.Call("POST", "/auth/reset_password", apptest.Members{"token": third, "password": apptest.GoodPassword}).Want(400, "invalid_token")
	})
}

func TestInvitationsOfWhoIsThereAlready(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		root := h.Admin("alice")
		for body, code := range apptest.InOrder(map[string]string{
			`{"username":"ALICE","email":"x@example.com"}`: "username_taken", `{"username":"x_y","email":"Alice@Example.com"}`: "email_taken",
			`{"username":"alice","email":"alice@example.com"}`: "username_taken",
		}) {
			root.Call("POST", "/auth/admin/users", body).Want(409, code)
		}
		for body, code := range apptest.InOrder(map[string]string{
			`{"username":"dave","email":"dave@example.com","password":"Tr4vel-light"}`: "invalid_fields", // nobody chooses another's
			`{"username":"dave","email":"dave@example.com","id":7}`:                    "invalid_fields",
			`{"username":"dave","email":"dave@example.com","role":"root"}`:             "invalid_fields",
			`{"username":"d","email":"dave@example.com"}`:                              "invalid_fields",
			`{"username":"dave"}`: "missing_fields",
		}) {
			root.Call("POST", "/auth/admin/users", body).Want(400, code)
		}
		if n := h.Count("SELECT count(*) FROM users"); n != 1 {
			t.Errorf("%d accounts", n)
		}
	})
}

// ASVS 5.0.0-6.4.6: an administrator can have a reset mailed, and can neither
// choose a password nor see a link.
func TestAdministratorsNeverChoosePasswords(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		root := h.Admin("alice")
		h.Browser().Register("bob")
		a := root.Manage("POST", "bob", "/reset_password", nil).Want(200, "")
		token := h.MailedToken(mail.ResetPassword, "bob@example.com")
		if strings.Contains(string(a.Body), token) || h.Count("SELECT count(*) FROM tokens WHERE purpose = 'reset_password' AND user_id = $1", h.IDOf("bob")) != 1 {
			t.Errorf("got %s", a.Body)
		}
		h.Browser().Login("bob") // nothing has changed yet
		h.Browser().Call("POST", "/auth/reset_password", apptest.Members{"token": token, "password": "N3w-passphrase"}).Want(200, "")
		h.WantEvent(h.IDOf("bob"), "authz_admin link_sent by 1")
		for _, op := range h.Contract.Operations {
			if slices.Contains(op.Roles, "admin") {
				if _, body := h.Sample(op); strings.Contains(apptest.Quoted(body), "password") {
					t.Errorf("%s takes a password", op.ID)
				}
			}
		}
	})
}

// ASVS 5.0.0-7.4.5.
func TestAdministratorsEndSessions(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		root := h.Admin("alice")
		h.Browser().Register("bob")
		var bobs []*apptest.Browser
		for range 3 {
			b := h.Browser()
			b.Login("bob")
			bobs = append(bobs, b)
		}
		list := root.Manage("GET", "bob", "/sessions", nil).Want(200, "").JSON()["sessions"].([]any)
		if len(list) != 3 {
			t.Fatalf("%d sessions", len(list))
		}
		for _, one := range list {
			if info := one.(map[string]any); info["current"] != false || info["ip"] != "127.0.0.1" {
				t.Errorf("got %v", info)
			}
		}
		id := bobs[0].SessionID()
		root.Manage("DELETE", "alice", fmt.Sprintf("/sessions/%d", id), nil).Want(404, "not_found") // is bob's
		root.Manage("DELETE", "bob", fmt.Sprintf("/sessions/%d", id), nil).Want(200, "")
		root.Manage("DELETE", "bob", fmt.Sprintf("/sessions/%d", id), nil).Want(404, "not_found")
		if bobs[0].LoggedIn() || !bobs[1].LoggedIn() || !bobs[2].LoggedIn() {
			t.Error("the wrong session has ended")
		}
		root.Manage("DELETE", "bob", "/sessions", nil).Want(200, "")
		if bobs[1].LoggedIn() || bobs[2].LoggedIn() || !root.LoggedIn() {
			t.Error("not the right sessions have ended")
		}
		revoked := 0
		for _, event := range h.EventsAbout(h.IDOf("bob")) {
			if event == "authn_token_revoked sessions_ended by 1" {
				revoked++
			}
		}
		if revoked != 2 {
			t.Errorf("%d ends of sessions are recorded", revoked)
		}
		h.Browser().Login("bob")
	})
}

func TestAdministratorsTakeSomebodysWord(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		h.SetRole("alice", "admin")
		root := h.WithPassword("alice")
		b := h.Browser()
		b.Register("bob")
		b.Call("POST", "/auth/login", apptest.Members{"username": "bob", "password": apptest.GoodPassword}).Want(403, "email_unverified")
		for range 2 {
			user := root.Manage("POST", "bob", "/verify_email", nil).Want(200, "").JSON()["user"].(map[string]any)
			if user["email_verified"] != true {
				t.Errorf("got %v", user)
			}
		}
		b.Login("bob")
		h.WantEvent(h.IDOf("bob"), "user_updated email_verified by 1")
	}, apptest.WithRegistration("verified"))
}

// What an operation can be asked about an account, it refuses of no account and
// of what cannot be one.
func TestEveryAdministrationWantsAnAccount(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		root := h.Admin("alice")
		for _, op := range h.Contract.Operations {
			if !slices.Contains(op.Roles, "admin") || !strings.Contains(op.Path, "{id}") {
				continue
			}
			_, body := h.Sample(op)
			for id, want := range apptest.InOrder(map[string]int{"4711": 404, "0": 400, "-1": 400, "9223372036854775808": 400, "one": 400, "%27": 400}) {
				path := strings.NewReplacer("{id}", id, "{session_id}", "7").Replace(op.Path)
				code := "not_found"
				if want == 400 {
					code = "invalid_fields"
				}
				root.Call(op.Method, path, body).Want(want, code)
			}
		}
		root.Call("DELETE", "/auth/admin/users/1/sessions/x", nil).Want(400, "invalid_fields")
	})
}

// No administration is to be had with two cookies, however good they are.
func TestNoAdministrationWithTwoSessions(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		root := h.Admin("alice")
		root.Client.Jar = nil
		for _, op := range h.Contract.Operations {
			if op.Session == contract.SessionRequired {
				path, body := h.Sample(op)
				root.Call(op.Method, path, body, apptest.Header("Cookie", "session=a; session=b")).Want(400, "ambiguous_session")
			}
		}
	})
}
