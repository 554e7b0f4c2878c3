package account_test

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/mail"
)

func TestUpdateProfile_ChangesUsernameAndEmail(t *testing.T) {
	tests := map[string]struct {
		change                    apptest.Members
		username, email, verified string
		mails                     []string
	}{
		"no change":              {apptest.Members{}, "alice", "alice@example.com", "yes", nil},
		"only the password":      {apptest.Members{"current_password": apptest.GoodPassword}, "alice", "alice@example.com", "yes", nil},
		"current values":         {apptest.Members{"username": "alice", "email": "alice@example.com"}, "alice", "alice@example.com", "yes", nil},
		"username":               {apptest.Members{"username": "alice.b"}, "alice.b", "alice@example.com", "yes", []string{"username_changed to alice@example.com"}},
		"username in other case": {apptest.Members{"username": "ALICE"}, "ALICE", "alice@example.com", "yes", nil},
		"domain in other case":   {apptest.Members{"email": "alice@Example.COM"}, "alice", "alice@Example.COM", "yes", nil},
		"local part in other case": {
			apptest.Members{"email": "Alice@Example.com"}, "alice", "Alice@Example.com", "no",
			[]string{"email_changed to alice@example.com", "verify_email to Alice@Example.com"},
		},
		"email": {
			apptest.Members{"email": "alice@new.example"}, "alice", "alice@new.example", "no",
			[]string{"email_changed to alice@example.com", "verify_email to alice@new.example"},
		},
		"both": {
			apptest.Members{"username": "alice.b", "email": "Alice@New.example", "current_password": apptest.GoodPassword}, "alice.b", "Alice@New.example", "no",
			[]string{"username_changed to alice@example.com", "email_changed to alice@example.com", "verify_email to Alice@New.example"},
		},
	}
	for _, mode := range []string{"open", "closed"} {
		for name, test := range tests {
			t.Run(mode+" "+name, func(t *testing.T) {
				apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
					b := h.Browser()
					b.Register("alice")
					h.Accounts.Registration = mode
					h.Exec("UPDATE users SET email_verified_at = $1", h.Clock.Now())
					h.Drain()
					b.Login("alice")
					if a := b.UpdateProfile(test.change).Want(200, ""); a.JSON()["msg"] != "Profile updated" {
						t.Errorf("got %s, want the message Profile updated", a.Body)
					}
					profile := b.Call("GET", "/auth/profile", nil).Want(200, "").JSON()
					if profile["username"] != test.username || profile["email"] != test.email || profile["email_verified"] != (test.verified == "yes") {
						t.Errorf("got %v, want %s, %s, verified %s", profile, test.username, test.email, test.verified)
					}
					if got := h.Queued(); !slices.Equal(got, test.mails) {
						t.Errorf("queued mails: got %v, want %v", got, test.mails)
					}
					if !h.LoginWith(test.username, apptest.GoodPassword) || !h.LoginWith(test.email, apptest.GoodPassword) {
						t.Error("the new username or email does not log in")
					}
				})
			})
		}
	}
}

func TestUpdateProfile_RejectsTakenUsernameAndEmail(t *testing.T) {
	tests := map[string]struct {
		change  apptest.Members
		code    string
		message string
	}{
		"email":                      {apptest.Members{"email": "bob@example.com"}, "email_taken", "Email already in use"},
		"email in other case":        {apptest.Members{"email": "BOB@EXAMPLE.COM"}, "email_taken", "Email already in use"},
		"username":                   {apptest.Members{"username": "bob"}, "username_taken", "Username already taken"},
		"username in other case":     {apptest.Members{"username": "BoB"}, "username_taken", "Username already taken"},
		"both":                       {apptest.Members{"username": "bob", "email": "bob@example.com"}, "email_taken", "Email already in use"},
		"username with a free email": {apptest.Members{"username": "bob", "email": "free@example.com"}, "username_taken", "Username already taken"},
		"email with a free username": {apptest.Members{"username": "free", "email": "bob@example.com"}, "email_taken", "Email already in use"},
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b, bob := h.Browser(), h.Browser()
		b.Register("alice")
		bob.Register("bob")
		b.Login("alice")
		bob.Login("bob")
		before := h.Dump()
		for name, test := range apptest.InOrder(tests) {
			if a := b.UpdateProfile(test.change).Want(409, test.code); a.JSON()["error"] != test.message {
				t.Errorf("%s: got %s, want the message %s", name, a.Body, test.message)
			}
			if h.Dump() != before {
				t.Fatalf("%s: a refusal has changed the database", name)
			}
		}
		if !bob.LoggedIn() || !h.LoginWith("bob@example.com", apptest.GoodPassword) {
			t.Error("the owner of the address cannot log in")
		}
	})
}

func TestUpdateProfile_NewEmailNeedsFreshLoginOrPassword(t *testing.T) {
	change := apptest.Members{"email": "alice@new.example"}
	with := func(password string) apptest.Members {
		m := maps.Clone(change)
		m["current_password"] = password
		return m
	}
	tests := map[string]struct {
		age    time.Duration
		change apptest.Members
		status int
		code   string
	}{
		"just logged in":                          {0, change, 200, ""},
		"just under ten minutes":                  {10*time.Minute - time.Microsecond, change, 200, ""},
		"at ten minutes":                          {10 * time.Minute, change, 403, "reauth_required"},
		"after 50 minutes":                        {50 * time.Minute, change, 403, "reauth_required"},
		"after 50 minutes, only another case":     {50 * time.Minute, apptest.Members{"email": "Alice@example.com"}, 403, "reauth_required"},
		"after 50 minutes, with a username":       {50 * time.Minute, apptest.Members{"email": "alice@new.example", "username": "alice.b"}, 403, "reauth_required"},
		"after 50 minutes, with the password":     {50 * time.Minute, with(apptest.GoodPassword), 200, ""},
		"after 50 minutes, with a wrong password": {50 * time.Minute, with("wrong"), 401, "current_password_incorrect"},
		"just logged in, with a wrong password":   {0, with("wrong"), 401, "current_password_incorrect"},
		"no change, with a wrong password":        {0, apptest.Members{"current_password": "wrong"}, 401, "current_password_incorrect"},
		"after 50 minutes, only a username":       {50 * time.Minute, apptest.Members{"username": "alice.b"}, 200, ""},
		"after 50 minutes, the current email":     {50 * time.Minute, apptest.Members{"email": "alice@example.com"}, 200, ""},
		"after 50 minutes, no change":             {50 * time.Minute, apptest.Members{}, 200, ""},
	}
	for _, mode := range []string{"open", "verified"} {
		for name, test := range tests {
			t.Run(mode+" "+name, func(t *testing.T) {
				apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
					b := h.Browser()
					b.Register("alice")
					b.Login("alice")
					h.Accounts.Registration = mode
					before := h.Dump("last_seen_at")
					h.Clock.Advance(test.age)
					b.UpdateProfile(test.change).Want(test.status, test.code)
					if test.status != 200 && h.Dump("last_seen_at") != before {
						t.Error("a refusal has changed the database")
					}
				})
			})
		}
	}
}

func TestUpdateProfile_RejectsOtherMembers(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		before := h.Dump()
		for member, value := range apptest.InOrder(map[string]any{
			"role": "admin", "email_verified": true, "email_verified_at": "2026-01-01T00:00:00Z", "verified_at": "2026-01-01T00:00:00Z",
			"id": 7, "user_id": 7, "disabled": false, "disabled_at": nil, "created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z",
			"password": apptest.NewPassword, "password_hash": "x", "username_key": "bob", "email_key": "bob@example.com", "locale": "de",
			"Username": "bob", "EMAIL": "bob@example.com", "__proto__": apptest.Members{"role": "admin"}, "sessions": []any{},
		}) {
			b.UpdateProfile(apptest.Members{member: value}).Want(400, "invalid_fields")
			b.UpdateProfile(apptest.Members{"username": "alice.b", member: value}).Want(400, "invalid_fields")
		}
		for _, body := range []any{`{"username":null}`, `{"email":null}`, `{"current_password":null}`, `{"username":["bob"]}`, `{"email":{"a":1}}`, `null`, `[]`, `7`, `"a"`} {
			if a := b.Call("PUT", "/auth/update_profile", body); a.Status != 400 {
				t.Errorf("%s: got %d, want 400", body, a.Status)
			}
		}
		if h.Dump() != before {
			t.Errorf("a refusal has changed the database:\ngot\n%s\nwant\n%s", h.Dump(), before)
		}
	})
}

// A change of the email voids every link mailed before. The new email is unconfirmed until
// its own link is used.
func TestUpdateProfile_NewEmailVoidsEarlierLinks(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		verify, reset := h.MailedToken(mail.VerifyEmail, "alice@example.com"), h.ResetToken("alice")
		h.Browser().Call("POST", "/auth/request_reset", apptest.Members{"email": "alice@example.com"}).Want(200, "") // still queued

		b.UpdateProfile(apptest.Members{"email": "alice@new.example"}).Want(200, "")
		if got := h.Queued(); !slices.Equal(got, []string{"email_changed to alice@example.com", "verify_email to alice@new.example"}) {
			t.Errorf("queued mails: got %v, want the notice and the new link", got)
		}
		other := h.MailedToken(mail.VerifyEmail, "alice@new.example")
		notice := h.LastMail(mail.EmailChanged, "alice@example.com")
		if strings.Contains(notice.Text+notice.HTML, "alice@new.example") {
			t.Error("the notice contains the whole new address")
		}
		invalid := func(token string) {
			t.Helper()
			b.Call("POST", "/auth/verify", apptest.Members{"token": token}).Want(400, "invalid_token")
			b.Call("POST", "/auth/reset_password", apptest.Members{"token": token, "password": apptest.NewPassword}).Want(400, "invalid_token")
		}
		invalid(verify)
		invalid(reset)
		b.UpdateProfile(apptest.Members{"email": "alice@example.com"}).Want(200, "") // back to the first
		invalid(verify)
		invalid(reset)
		invalid(other)
		if changes, resets := h.CountMails(mail.EmailChanged), h.CountMails(mail.ResetPassword); changes != 2 || resets != 1 {
			t.Errorf("got %d notices and %d resets, want 2 and 1", changes, resets)
		}
		b.Call("POST", "/auth/verify", apptest.Members{"token": h.MailedToken(mail.VerifyEmail, "alice@example.com")}).Want(200, "")
		if h.Account("alice")["email_verified_at"] == "<nil>" {
			t.Error("the address is not confirmed")
		}
	})
}

func TestConfirmEmail_ChangesEmailInVerifiedMode(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Call("POST", "/auth/verify", apptest.Members{"token": h.MailedToken(mail.VerifyEmail, "alice@example.com")}).Want(200, "")
		b.Login("alice")
		before := h.Account("alice")
		b.UpdateProfile(apptest.Members{"email": "typo@new.example"}).Want(200, "")
		replaced := h.MailedToken(mail.ConfirmEmail, "typo@new.example")
		b.UpdateProfile(apptest.Members{"email": "alice@new.example"}).Want(200, "")
		if got := h.Account("alice"); !maps.Equal(got, before) {
			t.Errorf("the account has changed before the confirmation: got %v, want %v", got, before)
		}
		b.Call("POST", "/auth/confirm_email", apptest.Members{"token": replaced}).Want(400, "invalid_token")
		token := h.MailedToken(mail.ConfirmEmail, "alice@new.example")
		b.Call("POST", "/auth/verify", apptest.Members{"token": token}).Want(400, "invalid_token")
		if n := h.CountMails(mail.EmailChanged); n != 0 {
			t.Errorf("got %d notices before the confirmation, want 0", n)
		}
		h.Browser().Call("POST", "/auth/confirm_email", apptest.Members{"token": token}).Want(200, "")
		if got := h.Account("alice"); got["email"] != "alice@new.example" || got["email_verified_at"] == "<nil>" {
			t.Errorf("got %v, want alice@new.example, confirmed", got)
		}
		h.LastMail(mail.EmailChanged, "alice@example.com")
		if n := h.CountMails(mail.EmailChanged); n != 1 {
			t.Errorf("got %d notices, want 1", n)
		}
	}, apptest.WithRegistration("verified"))
}

// Only the owner of an address learns that it belongs to an account.
func TestUpdateProfile_TakenEmailIsIndistinguishableInVerifiedMode(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Register("bob")
		h.Exec("UPDATE users SET email_verified_at = $1", h.Clock.Now())
		b.Login("alice")
		b.UpdateProfile(apptest.Members{"email": "mine@new.example"}).Want(200, "")
		pending := h.MailedToken(mail.ConfirmEmail, "mine@new.example")

		h.Drain()
		free := b.UpdateProfile(apptest.Members{"email": "free@example.com"}).Want(200, "")
		if got := h.Queued(); !slices.Equal(got, []string{"confirm_email to free@example.com"}) {
			t.Errorf("queued mails for a free address: got %v", got)
		}
		taken := b.UpdateProfile(apptest.Members{"email": "BOB@example.com"}).Want(200, "")
		if got := h.Queued(); !slices.Equal(got, []string{"confirm_email to BOB@example.com"}) {
			t.Errorf("queued mails for a taken address: got %v", got)
		}
		if m := h.LastMail(mail.AddressInUse, "bob@example.com"); m.Link != "" || strings.Contains(m.Text, "alice") {
			t.Errorf("the mail to the owner has a link or the name of the other account:\n%s", m.Text)
		}
		if !bytes.Equal(free.Body, taken.Body) || apptest.Snapshot(free.Header) != apptest.Snapshot(taken.Header) {
			t.Errorf("the answers differ:\n%s\n%s", free.Body, taken.Body)
		}
		b.Call("POST", "/auth/confirm_email", apptest.Members{"token": pending}).Want(400, "invalid_token")
		if alice, bob := h.Account("alice"), h.Account("bob"); alice["email"] != "alice@example.com" || bob["email"] != "bob@example.com" {
			t.Errorf("got %v\nand %v, want the addresses unchanged", alice, bob)
		}
	}, apptest.WithRegistration("verified"))
}

// An attacker in the account has requested a change of the email. When the owner sets a new
// password, with a mailed link or with the old password, the change is cancelled.
func TestChangePassword_CancelsPendingEmailChange(t *testing.T) {
	ways := map[string]func(h *apptest.Harness, owner *apptest.Browser){
		"reset": func(h *apptest.Harness, owner *apptest.Browser) {
			owner.Call("POST", "/auth/reset_password", apptest.Members{"token": h.ResetToken("alice"), "password": apptest.NewPassword}).Want(200, "")
		},
		"change": func(h *apptest.Harness, owner *apptest.Browser) {
			owner.Login("alice")
			owner.ChangePassword(apptest.GoodPassword, apptest.NewPassword).Want(200, "")
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
				attacker := h.Browser()
				attacker.Register("alice")
				h.Exec("UPDATE users SET email_verified_at = $1", h.Clock.Now())
				attacker.Login("alice")
				attacker.UpdateProfile(apptest.Members{"email": "attacker@example.com"}).Want(200, "")
				token := h.MailedToken(mail.ConfirmEmail, "attacker@example.com")
				way(h, h.Browser())
				attacker.Call("GET", "/auth/profile", nil).Want(401, "login_required")
				attacker.Call("POST", "/auth/confirm_email", apptest.Members{"token": token}).Want(400, "invalid_token")
				if got := h.Account("alice")["email"]; got != "alice@example.com" {
					t.Errorf("the email is %s, want alice@example.com", got)
				}
			}, apptest.WithRegistration("verified"))
		})
	}
}
