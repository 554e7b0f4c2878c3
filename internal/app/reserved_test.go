package app_test

import (
	"strings"
	"testing"

	gendb "github.com/techtreks/auth/gen/db"
)

// Nobody makes an account that speaks for the service, or that nobody can read
// aloud.
func TestReservedNamesAreRefused(t *testing.T) {
	reserved := []string{
		"admin", "Admin", "ADMIN", "adm1n", "a.d.m.i.n", "-admin-", "4dmin", "root", "r00t", "support", "Supp0rt_", "moderator", "system",
		"postmaster", "security", "no-reply", "TechTreks", "help-desk", "...", "---", "_._",
	}
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.login("alice")
		before := h.dump()
		for _, name := range reserved {
			for what, a := range inOrder(map[string]*answer{
				"register": h.browser().call("POST", "/auth/register", members{"username": name, "email": "x@example.com", "password": goodPassword}),
				"profile":  b.call("PUT", "/auth/update_profile", members{"username": name}),
			}) {
				a.want(400, "invalid_fields")
				if got := fieldsOf(t, a); len(got) != 1 || got[0] != (field{"username", "username_reserved", "Username is reserved"}) {
					t.Errorf("%s of %s: %s", what, name, a.body)
				}
			}
		}
		if h.dump() != before {
			t.Error("a refusal has changed the database")
		}
		for _, name := range []string{"admiral", "badmin", "rooty", "supporter", "helpful", "infos", "modern", "a.b"} {
			b.call("PUT", "/auth/update_profile", members{"username": name}).want(200, "")
		}
		// The name and the password are both told.
		a := h.browser().call("POST", "/auth/register", members{"username": "root", "email": "x@example.com", "password": "Password1!"}).want(400, "invalid_fields")
		if got := fieldsOf(t, a); len(got) != 2 || got[0].Field != "username" || got[1].Field != "password" || a.json()["error"] != got[0].Message {
			t.Errorf("%s", a.body)
		}
	})
}

// Whoever was given such a name may keep it, and spell it otherwise.
func TestReservedNamesCanBeGiven(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.login("alice")
		if err := h.DB.UserSetUsername(t.Context(), gendb.UserSetUsernameParams{ID: 1, Username: "support", UsernameKey: "support", Now: h.Now()}); err != nil {
			t.Fatal(err)
		}
		b.call("PUT", "/auth/update_profile", members{"username": "Support"}).want(200, "")
		b.call("PUT", "/auth/update_profile", members{"username": "Support", "email": "support@example.com"}).want(200, "")
		b.call("PUT", "/auth/update_profile", members{"username": "security"}).want(400, "invalid_fields")
	})
}

// What looks like a name that it is not is refused by the contract: names are
// ASCII.
func TestNamesThatLookLikeOthersAreRefused(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		for what, name := range inOrder(map[string]string{
			"Cyrillic a": "\u0430lice", "zero width": "ali\u200bce", "right to left": "\u202eecila", "soft hyphen": "ali\u00adce", "combining": "alice\u0301",
			"full width": "ａlice", "Kelvin sign": "\u212aelly", "dotless i": "al\u0131ce", "long s": "\u017fupport", "space behind": "alice ", "one dot": ".", "two dots": "..",
		}) {
			a := h.browser().call("POST", "/auth/register", members{"username": name, "email": "x@example.com", "password": goodPassword}).want(400, "invalid_fields")
			if got := fieldsOf(t, a); len(got) == 0 || got[0].Field != "username" || strings.Contains(string(a.body), name) && len(name) > 2 {
				t.Errorf("%s: %s", what, a.body)
			}
		}
		if n := h.count("SELECT count(*) FROM users"); n != 0 {
			t.Errorf("%d accounts", n)
		}
	})
}
