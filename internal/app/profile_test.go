package app_test

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/mail"
)

// atOnce does something n times at the same time.
func atOnce(n int, do func(i int)) {
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() { do(i) })
	}
	wait.Wait()
}

func (b *browser) updateProfile(change members) *answer {
	b.h.t.Helper()
	return b.call("PUT", "/auth/update_profile", change)
}

// account is the row of somebody as text, but for the time of its last change.
func (h *harness) account(username string) map[string]string {
	h.t.Helper()
	for _, row := range h.query("SELECT * FROM users") {
		if row["username_key"] == username {
			delete(row, "0")
			delete(row, "updated_at")
			return row
		}
	}
	h.t.Fatalf("there is no %s", username)
	return nil
}

func TestProfileUpdates(t *testing.T) {
	tests := map[string]struct {
		change                    members
		username, email, verified string
		mails                     []string
	}{
		"nothing":                  {members{}, "alice", "alice@example.com", "yes", nil},
		"nothing but the password": {members{"current_password": goodPassword}, "alice", "alice@example.com", "yes", nil},
		"the same again":           {members{"username": "alice", "email": "alice@example.com"}, "alice", "alice@example.com", "yes", nil},
		"name":                     {members{"username": "alice.b"}, "alice.b", "alice@example.com", "yes", []string{"username_changed to alice@example.com"}},
		"name in other letters":    {members{"username": "ALICE"}, "ALICE", "alice@example.com", "yes", nil},
		"domain in other letters":  {members{"email": "alice@Example.COM"}, "alice", "alice@Example.COM", "yes", nil},
		"address in other letters": {
			members{"email": "Alice@Example.com"}, "alice", "Alice@Example.com", "no",
			[]string{"email_changed to alice@example.com", "verify_email to Alice@Example.com"},
		},
		"address": {
			members{"email": "alice@new.example"}, "alice", "alice@new.example", "no",
			[]string{"email_changed to alice@example.com", "verify_email to alice@new.example"},
		},
		"both": {
			members{"username": "alice.b", "email": "Alice@New.example", "current_password": goodPassword}, "alice.b", "Alice@New.example", "no",
			[]string{"username_changed to alice@example.com", "email_changed to alice@example.com", "verify_email to Alice@New.example"},
		},
	}
	for _, mode := range []string{"open", "closed"} {
		for name, test := range tests {
			t.Run(mode+", "+name, func(t *testing.T) {
				each(t, func(t *testing.T, h *harness) {
					b := h.browser()
					b.register("alice")
					h.Accounts.Registration = mode
					h.exec("UPDATE users SET email_verified_at = $1", h.clock.Now())
					h.drain()
					b.login("alice")
					if a := b.updateProfile(test.change).want(200, ""); a.json()["msg"] != "Profile updated" {
						t.Errorf("%s", a.body)
					}
					profile := b.call("GET", "/auth/profile", nil).want(200, "").json()
					if profile["username"] != test.username || profile["email"] != test.email || profile["email_verified"] != (test.verified == "yes") {
						t.Errorf("%v", profile)
					}
					if got := h.queued(); !slices.Equal(got, test.mails) {
						t.Errorf("these mails wait: %v, want %v", got, test.mails)
					}
					if !h.loginWith(test.username, goodPassword) || !h.loginWith(test.email, goodPassword) {
						t.Error("the new name or address does not log in")
					}
				})
			})
		}
	}
}

func TestTakenNamesAndAddressesAreRefused(t *testing.T) {
	tests := map[string]struct {
		change members
		code   string
		says   string
	}{
		"address":                     {members{"email": "bob@example.com"}, "email_taken", "Email already in use"},
		"address in other letters":    {members{"email": "BOB@EXAMPLE.COM"}, "email_taken", "Email already in use"},
		"name":                        {members{"username": "bob"}, "username_taken", "Username already taken"},
		"name in other letters":       {members{"username": "BoB"}, "username_taken", "Username already taken"},
		"both":                        {members{"username": "bob", "email": "bob@example.com"}, "email_taken", "Email already in use"},
		"name, beside a free address": {members{"username": "bob", "email": "free@example.com"}, "username_taken", "Username already taken"},
		"address, beside a free name": {members{"username": "free", "email": "bob@example.com"}, "email_taken", "Email already in use"},
	}
	each(t, func(t *testing.T, h *harness) {
		b, bob := h.browser(), h.browser()
		b.register("alice")
		bob.register("bob")
		b.login("alice")
		bob.login("bob")
		before := h.dump()
		for name, test := range inOrder(tests) {
			if a := b.updateProfile(test.change).want(409, test.code); a.json()["error"] != test.says {
				t.Errorf("%s: %s", name, a.body)
			}
			if h.dump() != before {
				t.Fatalf("%s: a refusal has changed the database", name)
			}
		}
		if !bob.loggedIn() || !h.loginWith("bob@example.com", goodPassword) {
			t.Error("the one who has the address is locked out")
		}
	})
}

func TestAddressChangeNeedsAPasswordGivenJustNow(t *testing.T) {
	change := members{"email": "alice@new.example"}
	with := func(password string) members {
		m := maps.Clone(change)
		m["current_password"] = password
		return m
	}
	tests := map[string]struct {
		age    time.Duration
		change members
		status int
		code   string
	}{
		"just logged in":                           {0, change, 200, ""},
		"a moment before ten minutes":              {10*time.Minute - time.Microsecond, change, 200, ""},
		"at ten minutes":                           {10 * time.Minute, change, 403, "reauth_required"},
		"later":                                    {50 * time.Minute, change, 403, "reauth_required"},
		"later, in other letters alone":            {50 * time.Minute, members{"email": "Alice@example.com"}, 403, "reauth_required"},
		"later, beside a name":                     {50 * time.Minute, members{"email": "alice@new.example", "username": "alice.b"}, 403, "reauth_required"},
		"later, with the password":                 {50 * time.Minute, with(goodPassword), 200, ""},
		"later, with a wrong password":             {50 * time.Minute, with("wrong"), 401, "current_password_incorrect"},
		"just logged in, with a wrong password":    {0, with("wrong"), 401, "current_password_incorrect"},
		"nothing to change, with a wrong password": {0, members{"current_password": "wrong"}, 401, "current_password_incorrect"},
		"later, a name alone":                      {50 * time.Minute, members{"username": "alice.b"}, 200, ""},
		"later, the address it has":                {50 * time.Minute, members{"email": "alice@example.com"}, 200, ""},
		"later, nothing":                           {50 * time.Minute, members{}, 200, ""},
	}
	for _, mode := range []string{"open", "verified"} {
		for name, test := range tests {
			t.Run(mode+", "+name, func(t *testing.T) {
				each(t, func(t *testing.T, h *harness) {
					b := h.browser()
					b.register("alice")
					b.login("alice")
					h.Accounts.Registration = mode
					before := h.dump("last_seen_at")
					h.clock.advance(test.age)
					b.updateProfile(test.change).want(test.status, test.code)
					if test.status != 200 && h.dump("last_seen_at") != before {
						t.Error("a refusal has changed the database")
					}
				})
			})
		}
	}
}

func TestProfileUpdateSetsNothingElse(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.login("alice")
		before := h.dump()
		for member, value := range inOrder(map[string]any{
			"role": "admin", "email_verified": true, "email_verified_at": "2026-01-01T00:00:00Z", "verified_at": "2026-01-01T00:00:00Z",
			"id": 7, "user_id": 7, "disabled": false, "disabled_at": nil, "created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z",
			"password": newPassword, "password_hash": "x", "username_key": "bob", "email_key": "bob@example.com", "locale": "de",
			"Username": "bob", "EMAIL": "bob@example.com", "__proto__": members{"role": "admin"}, "sessions": []any{},
		}) {
			b.updateProfile(members{member: value}).want(400, "invalid_fields")
			b.updateProfile(members{"username": "alice.b", member: value}).want(400, "invalid_fields")
		}
		for _, body := range []any{`{"username":null}`, `{"email":null}`, `{"current_password":null}`, `{"username":["bob"]}`, `{"email":{"a":1}}`, `null`, `[]`, `7`, `"a"`} {
			if a := b.call("PUT", "/auth/update_profile", body); a.status != 400 {
				t.Errorf("%s: %d", body, a.status)
			}
		}
		if h.dump() != before {
			t.Errorf("the database has changed:\n%s\nwas\n%s", h.dump(), before)
		}
	})
}

// Whatever was mailed before an address changed works no more, and the new one
// counts as unconfirmed until its own link is used.
func TestLinksDoNotOutliveTheirAddress(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.login("alice")
		verify, reset := h.mailedToken(mail.VerifyEmail, "alice@example.com"), h.resetToken("alice")
		h.browser().call("POST", "/auth/request_reset", members{"email": "alice@example.com"}).want(200, "") // still waits

		b.updateProfile(members{"email": "alice@new.example"}).want(200, "")
		if got := h.queued(); !slices.Equal(got, []string{"email_changed to alice@example.com", "verify_email to alice@new.example"}) {
			t.Errorf("these mails wait: %v", got)
		}
		other := h.mailedToken(mail.VerifyEmail, "alice@new.example")
		notice := h.lastMail(mail.EmailChanged, "alice@example.com")
		if strings.Contains(notice.Text+notice.HTML, "alice@new.example") {
			t.Error("the notice tells the new address in full")
		}
		refused := func(token string) {
			t.Helper()
			b.call("POST", "/auth/verify", members{"token": token}).want(400, "invalid_token")
			b.call("POST", "/auth/reset_password", members{"token": token, "password": newPassword}).want(400, "invalid_token")
		}
		refused(verify)
		refused(reset)
		b.updateProfile(members{"email": "alice@example.com"}).want(200, "") // and back again
		refused(verify)
		refused(reset)
		refused(other)
		if changes, resets := h.countMails(mail.EmailChanged), h.countMails(mail.ResetPassword); changes != 2 || resets != 1 {
			t.Errorf("%d notices and %d resets, want 2 and 1", changes, resets)
		}
		b.call("POST", "/auth/verify", members{"token": h.mailedToken(mail.VerifyEmail, "alice@example.com")}).want(200, "")
		if h.account("alice")["email_verified_at"] == "<nil>" {
			t.Error("the address is not confirmed")
		}
	})
}

func TestVerifiedAddressChangesOnConfirmation(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.call("POST", "/auth/verify", members{"token": h.mailedToken(mail.VerifyEmail, "alice@example.com")}).want(200, "")
		b.login("alice")
		before := h.account("alice")
		b.updateProfile(members{"email": "typo@new.example"}).want(200, "")
		replaced := h.mailedToken(mail.ConfirmEmail, "typo@new.example")
		b.updateProfile(members{"email": "alice@new.example"}).want(200, "")
		if got := h.account("alice"); !maps.Equal(got, before) {
			t.Errorf("the account has changed: %v", got)
		}
		b.call("POST", "/auth/confirm_email", members{"token": replaced}).want(400, "invalid_token")
		token := h.mailedToken(mail.ConfirmEmail, "alice@new.example")
		b.call("POST", "/auth/verify", members{"token": token}).want(400, "invalid_token")
		if n := h.countMails(mail.EmailChanged); n != 0 {
			t.Errorf("%d notices of a change that has not happened", n)
		}
		h.browser().call("POST", "/auth/confirm_email", members{"token": token}).want(200, "")
		if got := h.account("alice"); got["email"] != "alice@new.example" || got["email_verified_at"] == "<nil>" {
			t.Errorf("%v", got)
		}
		h.lastMail(mail.EmailChanged, "alice@example.com")
		if n := h.countMails(mail.EmailChanged); n != 1 {
			t.Errorf("%d notices", n)
		}
	}, registration("verified"))
}

// Whether somebody has the address is told to nobody but its owner.
func TestVerifiedAddressChangeDoesNotTellWhoHasAccounts(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.register("bob")
		h.exec("UPDATE users SET email_verified_at = $1", h.clock.Now())
		b.login("alice")
		b.updateProfile(members{"email": "mine@new.example"}).want(200, "")
		pending := h.mailedToken(mail.ConfirmEmail, "mine@new.example")

		h.drain()
		free := b.updateProfile(members{"email": "free@example.com"}).want(200, "")
		if got := h.queued(); !slices.Equal(got, []string{"confirm_email to free@example.com"}) {
			t.Errorf("for a free address: %v", got)
		}
		taken := b.updateProfile(members{"email": "BOB@example.com"}).want(200, "")
		if got := h.queued(); !slices.Equal(got, []string{"confirm_email to BOB@example.com"}) {
			t.Errorf("for a taken address: %v", got)
		}
		if m := h.lastMail(mail.AddressInUse, "bob@example.com"); m.Link != "" || strings.Contains(m.Text, "alice") {
			t.Errorf("the owner gets:\n%s", m.Text)
		}
		if !bytes.Equal(free.body, taken.body) || snapshot(free.header) != snapshot(taken.header) {
			t.Errorf("the answers differ:\n%s\n%s", free.body, taken.body)
		}
		b.call("POST", "/auth/confirm_email", members{"token": pending}).want(400, "invalid_token")
		if alice, bob := h.account("alice"), h.account("bob"); alice["email"] != "alice@example.com" || bob["email"] != "bob@example.com" {
			t.Errorf("%v\n%v", alice, bob)
		}
	}, registration("verified"))
}

// An attacker in the account has asked for an address. The owner sets a new
// password, by mail or by knowing the old one: that is the end of it.
func TestNewPasswordEndsAPendingAddressChange(t *testing.T) {
	ways := map[string]func(h *harness, owner *browser){
		"reset": func(h *harness, owner *browser) {
			owner.call("POST", "/auth/reset_password", members{"token": h.resetToken("alice"), "password": newPassword}).want(200, "")
		},
		"change": func(h *harness, owner *browser) {
			owner.login("alice")
			owner.changePassword(goodPassword, newPassword).want(200, "")
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, h *harness) {
				attacker := h.browser()
				attacker.register("alice")
				h.exec("UPDATE users SET email_verified_at = $1", h.clock.Now())
				attacker.login("alice")
				attacker.updateProfile(members{"email": "attacker@example.com"}).want(200, "")
				token := h.mailedToken(mail.ConfirmEmail, "attacker@example.com")
				way(h, h.browser())
				attacker.call("GET", "/auth/profile", nil).want(401, "login_required")
				attacker.call("POST", "/auth/confirm_email", members{"token": token}).want(400, "invalid_token")
				if got := h.account("alice")["email"]; got != "alice@example.com" {
					t.Errorf("the address is %s", got)
				}
			}, registration("verified"))
		})
	}
}
