package administration_test

import (
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/mail"
)

// X51: an invitation works in every registration mode. In closed mode it is the only way to
// get an account.
func TestCreateUser_InvitationWorksInEveryRegistrationMode(t *testing.T) {
	for _, mode := range []string{"open", "verified", "closed"} {
		t.Run(mode, func(t *testing.T) {
			apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
				h.Exec("INSERT INTO users (username, username_key, email, email_key, role, locale, created_at, updated_at) VALUES ('root', 'root', 'root@example.com', 'root@example.com', 'admin', 'en', $1, $1)", h.Clock.Now())
				admin := h.WithPassword("root")
				token := admin.Invite(apptest.Members{"username": "Dave", "email": "Dave@example.com", "role": "moderator"})
				m := h.LastMail(mail.Invitation, "Dave@example.com")
				if !strings.HasPrefix(m.Link, "http://localhost:3000/accept-invitation#token=") || !strings.Contains(m.Text, "Hi Dave,") {
					t.Errorf("got the link %s and the text\n%s", m.Link, m.Text)
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
					t.Errorf("got %v, want a verified moderator", user)
				}
				if n := len(h.Mails()) - before; n != 0 {
					t.Errorf("got %d mails about the first password, want 0", n)
				}
				h.WantEvent(h.IDOf("Dave"), "user_created invited_as_moderator by 1")
			}, apptest.WithRegistration(mode))
		})
	}
}

// ASVS 5.0.0-6.4.1: an invitation is random, works once and expires.
func TestCreateUser_InvitationExpires(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		admin := h.Admin("alice")
		token := admin.Invite(apptest.Members{"username": "dave", "email": "dave@example.com"})
		h.Clock.Advance(72*time.Hour - time.Second)
		b := h.Browser()
		b.Call("POST", "/auth/reset_password", apptest.Members{"token": token, "password": "weak"}).Want(400, "invalid_fields") // not expired yet
		h.Clock.Advance(time.Second)
		b.Call("POST", "/auth/reset_password", apptest.Members{"token": token, "password": apptest.GoodPassword}).Want(400, "invalid_token")

		admin.Login("alice")
		admin.Manage("POST", "dave", "/reset_password", nil).Want(200, "")
		second := h.MailedToken(mail.Invitation, "dave@example.com")
		h.WantEvent(h.IDOf("dave"), "user_created invited_as_user by 1")
		// Anyone can request a reset for an address. This must not end the invitation.
		b.Call("POST", "/auth/request_reset", apptest.Members{"email": "dave@example.com"}).Want(200, "")
		h.Mails()
		b.Call("POST", "/auth/reset_password", apptest.Members{"token": second, "password": apptest.GoodPassword}).Want(200, "")
		b.Login("dave")

		third := admin.Invite(apptest.Members{"username": "erin", "email": "erin@example.com"})
		admin.Manage("POST", "erin", "/disable", nil).Want(200, "")
		admin.Manage("POST", "erin", "/enable", nil).Want(200, "")
		b.Call("POST", "/auth/reset_password", apptest.Members{"token": third, "password": apptest.GoodPassword}).Want(400, "invalid_token")
	})
}

func TestCreateUser_RejectsTakenAndInvalidValues(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		admin := h.Admin("alice")
		for body, code := range apptest.InOrder(map[string]string{
			`{"username":"ALICE","email":"x@example.com"}`: "username_taken", `{"username":"x_y","email":"Alice@Example.com"}`: "email_taken",
			`{"username":"alice","email":"alice@example.com"}`: "username_taken",
		}) {
			admin.Call("POST", "/auth/admin/users", body).Want(409, code)
		}
		for body, code := range apptest.InOrder(map[string]string{
			`{"username":"dave","email":"dave@example.com","password":"Tr4vel-light"}`: "invalid_fields", // no password for another user
			`{"username":"dave","email":"dave@example.com","id":7}`:                    "invalid_fields",
			`{"username":"dave","email":"dave@example.com","role":"root"}`:             "invalid_fields",
			`{"username":"d","email":"dave@example.com"}`:                              "invalid_fields",
			`{"username":"dave"}`: "missing_fields",
		}) {
			admin.Call("POST", "/auth/admin/users", body).Want(400, code)
		}
		if n := h.Count("SELECT count(*) FROM users"); n != 1 {
			t.Errorf("got %d accounts, want 1", n)
		}
	})
}

func TestCreateUser_FailsWithoutMail(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Mail.Off = true
		admin := h.Admin("alice")
		h.Browser().Register("bob")
		admin.Call("POST", "/auth/admin/users", apptest.Members{"username": "dave", "email": "dave@example.com"}).Want(409, "mail_off")
		admin.Manage("POST", "bob", "/reset_password", nil).Want(409, "mail_off")
		if n := h.Count("SELECT count(*) FROM users"); n != 2 {
			t.Errorf("got %d accounts, want 2", n)
		}
	})
}
