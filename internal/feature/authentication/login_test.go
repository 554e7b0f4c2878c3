package authentication_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/password"
)

func TestGetCurrentUser_ReturnsExactlyFiveMembers(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		want := `{"ok":true,"user":{"email":"alice@example.com","email_verified":false,"id":1,"role":"user","username":"alice"}}` + "\n"
		if got := string(b.Call("GET", "/auth/current_user", nil).Body); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

// Case folding maps some letters (Kelvin sign, long s, dotless i) to ASCII letters. They
// must not match the account of another person (Django CVE-2019-19844).
func TestLogin_LookalikesMatchNoAccount(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("mike")
		b.Register("kiss")
		for _, login := range []string{
			"m\u0131ke", "mi\u212Ae", "\u212Aiss", "ki\u017Fs", "m\uFF49ke", "mike\u200B", "mike ", " mike", "mike\x00",
			"m\u0131ke@example.com", "mi\u212Ae@example.com", "mike@example\uFF0Ecom", "mike\uFF20example.com", "mike@exampl\u0435.com",
			"mike@example.com ", "mike@example.com,kiss@example.com", "<mike@example.com>",
		} {
			h.Browser().Call("POST", "/auth/login", apptest.Members{"username": login, "password": apptest.GoodPassword}).Want(401, "invalid_credentials")
		}
	})
}

func TestLogin_ComparesPasswordExactlyAsTyped(t *testing.T) {
	long := strings.Repeat("Tr4vel-l", 16)
	passwords := map[string][]string{
		" Tr4vel light ":                         {"Tr4vel light", " Tr4vel light", "Tr4vel light "},
		"Tr4vel\x00light-one":                    {"Tr4vel", "Tr4vel\x00light-two", "Tr4vellight-one"},
		long:                                     {long[:72], long[:127], long + "x", strings.ToLower(long)},
		"Aa1" + strings.Repeat("\U0001F511", 61): {"Aa1" + strings.Repeat("\U0001F511", 60)},
		"Aa1" + strings.Repeat("é", 1021):        {"Aa1" + strings.Repeat("é", 1020), "Aa1" + strings.Repeat("e\u0301", 500)},
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		i := 0
		for right, wrongs := range apptest.InOrder(passwords) {
			i++
			username := fmt.Sprintf("user%d", i)
			b := h.Browser()
			b.Call("POST", "/auth/register", apptest.Members{"username": username, "email": username + "@example.com", "password": right}).Want(201, "")
			for _, wrong := range wrongs {
				b.Call("POST", "/auth/login", apptest.Members{"username": username, "password": wrong}).Want(401, "invalid_credentials")
			}
			b.Call("POST", "/auth/login", apptest.Members{"username": username, "password": right}).Want(200, "")
		}
	})
}

func TestLogin_UnknownUserCostsOneHash(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Register("disabled")
		b.Register("passwordless")
		for _, change := range []string{
			"UPDATE users SET disabled_at = created_at WHERE username = 'disabled'",
			"UPDATE users SET password_hash = NULL WHERE username = 'passwordless'",
		} {
			if _, err := h.DB.ExecContext(t.Context(), change); err != nil {
				t.Fatal(err)
			}
		}
		var first *apptest.Answer
		for _, login := range []string{
			"alice", "alice@example.com", "nobody", "nobody@example.com", "not an address@", "\u212A", "disabled", "passwordless",
		} {
			before := h.Passwords().Hashes()
			a := b.Call("POST", "/auth/login", apptest.Members{"username": login, "password": "Wrong-passw0rd"})
			if n := h.Passwords().Hashes() - before; n != 1 {
				t.Errorf("%q: %d hashes, want 1", login, n)
			}
			if first == nil {
				first = a
			}
			if got, want := apptest.WithoutID(a), apptest.WithoutID(first); got != want {
				t.Errorf("the answer for %q differs:\ngot  %s\nwant %s", login, got, want)
			}
		}
	})
}

func TestLogin_RenewsOutdatedHash(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		stored := func() string {
			user, err := h.DB.UserByUsernameKey(t.Context(), "alice")
			if err != nil {
				t.Fatal(err)
			}
			return *user.PasswordHash
		}
		outdated := stored()
		h.SetPasswords(&password.Hasher{}) // as in production
		b.Login("alice")
		renewed := stored()
		if renewed == outdated || !strings.HasPrefix(renewed, "$argon2id$v=19$m=19456,t=2,p=1$") {
			t.Errorf("the hash after the login is %s, want one with the parameters of production", renewed)
		}
		b.Login("alice")
		if stored() != renewed {
			t.Error("the login has replaced a current hash")
		}
	})
}

func TestLogin_CorruptHashIsRefusedAndLogged(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		if _, err := h.DB.ExecContext(t.Context(), "UPDATE users SET password_hash = '$argon2id$v=19$m=4194304,t=2,p=1$AAAA$AAAA'"); err != nil {
			t.Fatal(err)
		}
		b.Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": apptest.GoodPassword}).Want(401, "invalid_credentials")
		if !strings.Contains(h.Logs.String(), "stored password hash is unusable") {
			t.Error("the log has no line about the hash")
		}
	})
}
