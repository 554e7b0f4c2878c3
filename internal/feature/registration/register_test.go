package registration_test

import (
	"strings"
	"testing"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/mail"
)

func TestRegister_TakenEmailIsIndistinguishableInVerifiedMode(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		free := b.Call("POST", "/auth/register", apptest.Members{"username": "alice", "email": "alice@example.com", "password": apptest.GoodPassword}).Want(201, "")
		taken := b.Call("POST", "/auth/register", apptest.Members{"username": "mallory", "email": "ALICE@example.com", "password": "0ther-Password"}).Want(201, "")
		if apptest.WithoutID(free) != apptest.WithoutID(taken) {
			t.Errorf("the response reveals the taken address\ngot  %s\nwant %s", apptest.WithoutID(taken), apptest.WithoutID(free))
		}
		if n := h.Count("SELECT count(*) FROM users"); n != 1 {
			t.Errorf("got %d accounts, want 1", n)
		}
		if n := h.CountMails(mail.AlreadyRegistered); n != 1 {
			t.Errorf("got %d mails to the owner of the address, want 1", n)
		}
		b.Call("POST", "/auth/register", apptest.Members{"username": "Alice", "email": "new@example.com", "password": apptest.GoodPassword}).Want(409, "username_taken")

		b.Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": "wrong"}).Want(401, "invalid_credentials")
		b.Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": apptest.GoodPassword}).Want(403, "email_unverified")
		b.Call("POST", "/auth/verify", apptest.Members{"token": h.MailedToken(mail.VerifyEmail, "alice@example.com")}).Want(200, "")
		b.Login("alice")
	}, apptest.WithRegistration("verified"))
}

func TestRegister_ClosedModeHashesNothingAndCreatesNoAccount(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		before := h.Passwords().Hashes()
		h.Browser().Call("POST", "/auth/register", apptest.Members{"username": "alice", "email": "alice@example.com", "password": apptest.GoodPassword}).Want(403, "registration_closed")
		if n := h.Passwords().Hashes() - before; n != 0 {
			t.Errorf("got %d hashes, want 0", n)
		}
		if n := h.Count("SELECT count(*) FROM users"); n != 0 {
			t.Errorf("got %d accounts, want 0", n)
		}
	}, apptest.WithRegistration("closed"))
}

// Either both the account and its mail are stored, or neither.
func TestRegister_StoresAccountAndMailInOneTransaction(t *testing.T) {
	failures := map[string]struct{ fail, repair func(h *apptest.Harness) }{
		"mail cannot be written": {
			func(h *apptest.Harness) { h.Exec("ALTER TABLE outbox RENAME TO elsewhere") },
			func(h *apptest.Harness) { h.Exec("ALTER TABLE elsewhere RENAME TO outbox") },
		},
		"account cannot be committed": {func(h *apptest.Harness) { h.FailCommits("users") }, func(*apptest.Harness) {}},
	}
	for name, failure := range failures {
		t.Run(name, func(t *testing.T) {
			apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
				failure.fail(h)
				h.Browser().Call("POST", "/auth/register", apptest.Members{"username": "alice", "email": "alice@example.com", "password": apptest.GoodPassword}).Want(500, "internal_error")
				failure.repair(h)
				accounts, mails := h.Count("SELECT count(*) FROM users"), h.Count("SELECT count(*) FROM outbox")
				if accounts != 0 || mails != 0 {
					t.Errorf("the failed registration leaves %d accounts and %d mails, want none", accounts, mails)
				}
			})
		})
	}
}

func TestRegister_MailUsesAcceptLanguage(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for name, accept := range apptest.InOrder(map[string]string{"anna": "de-AT,de;q=0.9,en;q=0.1", "bob": "en-GB", "carl": "xx", "dora": strings.Repeat("de,", 5000)}) {
			h.Browser().Call("POST", "/auth/register", apptest.Members{"username": name, "email": name + "@example.com", "password": apptest.GoodPassword}, apptest.Header("Accept-Language", accept))
		}
		german, english := h.LastMail(mail.VerifyEmail, "anna@example.com"), h.LastMail(mail.VerifyEmail, "bob@example.com")
		if german.Subject == english.Subject {
			t.Errorf("the German and the English mail have the same subject %q", german.Subject)
		}
		// A later mail uses the language of the account, not of the client that requests it.
		h.Browser().Call("POST", "/auth/request_reset", apptest.Members{"email": "anna@example.com"}, apptest.Header("Accept-Language", "en"))
		if got := h.LastMail(mail.ResetPassword, "anna@example.com"); !strings.Contains(got.Text, "Passwort") {
			t.Errorf("got a mail that is not in German:\n%s", got.Text)
		}
	})
}

// An account cannot have a name that seems to speak for the service, or that has no
// letter or digit.
func TestRegister_RejectsReservedUsernames(t *testing.T) {
	reserved := []string{
		"admin", "Admin", "ADMIN", "adm1n", "a.d.m.i.n", "-admin-", "4dmin", "root", "r00t", "support", "Supp0rt_", "moderator", "system",
		"postmaster", "security", "no-reply", "TechTreks", "help-desk", "...", "---", "_._",
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		before := h.Dump()
		for _, name := range reserved {
			for operation, a := range apptest.InOrder(map[string]*apptest.Answer{
				"register": h.Browser().Call("POST", "/auth/register", apptest.Members{"username": name, "email": "x@example.com", "password": apptest.GoodPassword}),
				"profile":  b.Call("PUT", "/auth/update_profile", apptest.Members{"username": name}),
			}) {
				a.Want(400, "invalid_fields")
				if got := apptest.FieldsOf(t, a); len(got) != 1 || got[0] != (apptest.Field{"username", "username_reserved", "Username is reserved"}) {
					t.Errorf("%s with %s: got %s, want username_reserved alone", operation, name, a.Body)
				}
			}
		}
		if h.Dump() != before {
			t.Error("a rejected request changed the database")
		}
		for _, name := range []string{"admiral", "badmin", "rooty", "supporter", "helpful", "infos", "modern", "a.b"} {
			b.Call("PUT", "/auth/update_profile", apptest.Members{"username": name}).Want(200, "")
		}
		// The response names both the username and the password.
		a := h.Browser().Call("POST", "/auth/register", apptest.Members{"username": "root", "email": "x@example.com", "password": "Password1!"}).Want(400, "invalid_fields")
		if got := apptest.FieldsOf(t, a); len(got) != 2 || got[0][0] != "username" || got[1][0] != "password" || a.JSON()["error"] != got[0][2] {
			t.Errorf("got %s, want errors for username and password", a.Body)
		}
	})
}

// An account that was given a reserved name by an operator keeps it, and may change its
// case.
func TestUpdateProfile_KeepsReservedUsername(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		if err := h.DB.UserSetUsername(t.Context(), gendb.UserSetUsernameParams{ID: 1, Username: "support", UsernameKey: "support", Now: h.Now()}); err != nil {
			t.Fatal(err)
		}
		b.Call("PUT", "/auth/update_profile", apptest.Members{"username": "Support"}).Want(200, "")
		b.Call("PUT", "/auth/update_profile", apptest.Members{"username": "Support", "email": "support@example.com"}).Want(200, "")
		b.Call("PUT", "/auth/update_profile", apptest.Members{"username": "security"}).Want(400, "invalid_fields")
	})
}

// Usernames are ASCII, so that none looks like another (homograph). The response does not
// repeat the rejected name.
func TestRegister_RejectsLookAlikeUsernames(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for kind, name := range apptest.InOrder(map[string]string{
			"Cyrillic a": "\u0430lice", "zero width": "ali\u200bce", "right to left": "\u202eecila", "soft hyphen": "ali\u00adce", "combining": "alice\u0301",
			"full width": "ａlice", "Kelvin sign": "\u212aelly", "dotless i": "al\u0131ce", "long s": "\u017fupport", "trailing space": "alice ", "one dot": ".", "two dots": "..",
		}) {
			a := h.Browser().Call("POST", "/auth/register", apptest.Members{"username": name, "email": "x@example.com", "password": apptest.GoodPassword}).Want(400, "invalid_fields")
			if got := apptest.FieldsOf(t, a); len(got) == 0 || got[0][0] != "username" || strings.Contains(string(a.Body), name) && len(name) > 2 {
				t.Errorf("%s: got %s, want an error for username without its value", kind, a.Body)
			}
		}
		if n := h.Count("SELECT count(*) FROM users"); n != 0 {
			t.Errorf("got %d accounts, want 0", n)
		}
	})
}
