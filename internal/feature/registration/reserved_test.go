package registration_test

import (
	"strings"
	"testing"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/apptest"
)

// Nobody makes an account that speaks for the service, or that nobody can read
// aloud.
func TestReservedNamesAreRefused(t *testing.T) {
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
			for what, a := range apptest.InOrder(map[string]*apptest.Answer{
				"register": h.Browser().Call("POST", "/auth/register", apptest.Members{"username": name, "email": "x@example.com", "password": apptest.GoodPassword}),
				"profile":  b.Call("PUT", "/auth/update_profile", apptest.Members{"username": name}),
			}) {
				a.Want(400, "invalid_fields")
				if got := apptest.FieldsOf(t, a); len(got) != 1 || got[0] != (apptest.Field{"username", "username_reserved", "Username is reserved"}) {
					t.Errorf("%s of %s: %s", what, name, a.Body)
				}
			}
		}
		if h.Dump() != before {
			t.Error("a refusal has changed the database")
		}
		for _, name := range []string{"admiral", "badmin", "rooty", "supporter", "helpful", "infos", "modern", "a.b"} {
			b.Call("PUT", "/auth/update_profile", apptest.Members{"username": name}).Want(200, "")
		}
		// The name and the password are both told.
		a := h.Browser().Call("POST", "/auth/register", apptest.Members{"username": "root", "email": "x@example.com", "password": "Password1!"}).Want(400, "invalid_fields")
		if got := apptest.FieldsOf(t, a); len(got) != 2 || got[0][0] != "username" || got[1][0] != "password" || a.JSON()["error"] != got[0][2] {
			t.Errorf("%s", a.Body)
		}
	})
}

// Whoever was given such a name may keep it, and spell it otherwise.
func TestReservedNamesCanBeGiven(t *testing.T) {
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

// What looks like a name that it is not is refused by the contract: names are
// ASCII.
func TestNamesThatLookLikeOthersAreRefused(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for what, name := range apptest.InOrder(map[string]string{
			"Cyrillic a": "\u0430lice", "zero width": "ali\u200bce", "right to left": "\u202eecila", "soft hyphen": "ali\u00adce", "combining": "alice\u0301",
			"full width": "ａlice", "Kelvin sign": "\u212aelly", "dotless i": "al\u0131ce", "long s": "\u017fupport", "space behind": "alice ", "one dot": ".", "two dots": "..",
		}) {
			a := h.Browser().Call("POST", "/auth/register", apptest.Members{"username": name, "email": "x@example.com", "password": apptest.GoodPassword}).Want(400, "invalid_fields")
			if got := apptest.FieldsOf(t, a); len(got) == 0 || got[0][0] != "username" || strings.Contains(string(a.Body), name) && len(name) > 2 {
				t.Errorf("%s: %s", what, a.Body)
			}
		}
		if n := h.Count("SELECT count(*) FROM users"); n != 0 {
			t.Errorf("%d accounts", n)
		}
	})
}
