package app_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// setRole gives an account a role behind the server's back.
func (h *harness) setRole(username, role string) {
	h.t.Helper()
	h.exec("UPDATE users SET role = $1 WHERE username = $2", role, username)
}

// admin registers somebody, makes an administrator of them and logs them in.
func (h *harness) admin(username string) *browser {
	h.t.Helper()
	return h.member(username, "admin")
}

// member is the same for any role.
func (h *harness) member(username, role string) *browser {
	h.t.Helper()
	b := h.browser()
	b.register(username)
	h.setRole(username, role)
	b.login(username)
	return b
}

// users lists accounts by a query such as "role=admin".
func (b *browser) users(query string) (names []string, next string) {
	b.h.t.Helper()
	m := b.call("GET", "/auth/admin/users?"+query, nil).want(200, "").json()
	for _, user := range m["users"].([]any) {
		names = append(names, user.(map[string]any)["username"].(string))
	}
	next, _ = m["next_cursor"].(string)
	return names, next
}

func TestListShowsAccountsAPageAtATime(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.admin("alice")
		for _, name := range []string{"bob", "carol", "dave"} {
			h.browser().register(name)
		}
		h.exec("UPDATE users SET disabled_at = created_at WHERE username = 'carol'")
		h.exec("UPDATE users SET email_verified_at = created_at WHERE username IN ('bob', 'carol')")
		for query, want := range inOrder(map[string][]string{
			"": {"alice", "bob", "carol", "dave"}, "role=admin": {"alice"}, "role=user": {"bob", "carol", "dave"}, "role=moderator": nil,
			"state=disabled": {"carol"}, "state=active": {"alice", "bob", "dave"}, "verified=true": {"bob", "carol"}, "verified=false": {"alice", "dave"},
			"role=user&state=active&verified=true": {"bob"}, "search=CA": {"carol"}, "search=dave%40example": {"dave"}, "search=x": nil,
			"search=ca&state=active": nil, "search=b&verified=true": {"bob"},
		}) {
			for limit := 1; limit <= 4; limit++ {
				var got []string
				for page := fmt.Sprintf("%s&limit=%d", query, limit); page != ""; {
					names, next := b.users(page)
					got = append(got, names...)
					if page = ""; next != "" {
						page = fmt.Sprintf("%s&limit=%d&cursor=%s", query, limit, next)
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s by %d: got %v, want %v", query, limit, got, want)
				}
			}
		}
	})
}

func TestListHasFiftyAccountsUnlessAskedForMore(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.admin("alice")
		for i := range 210 {
			h.exec("INSERT INTO users (username, username_key, email, email_key, role, locale, created_at, updated_at) VALUES ($1, $1, $1, $1, 'user', 'en', $2, $2)",
				fmt.Sprintf("u%03d", i), h.clock.Now())
		}
		h.exec("UPDATE users SET email = 'x@example.com' WHERE email NOT LIKE '%@%'") // as the contract wants them
		for query, want := range inOrder(map[string]int{"": 50, "limit=1": 1, "limit=200": 200}) {
			if names, next := b.users(query); len(names) != want || next == "" {
				t.Errorf("%s: %d accounts, next %q", query, len(names), next)
			}
		}
	})
}

// What the list says of an account is the whole of what it says: no hash, no
// token, nothing of its sessions (ASVS 5.0.0-14.2.6).
func TestListHasNoSecrets(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.admin("alice")
		for _, path := range []string{"/auth/admin/users", "/auth/admin/users/1"} {
			a := b.call("GET", path, nil).want(200, "")
			for _, secret := range []string{"argon2", "hash", "key", "token", "seed"} {
				if strings.Contains(string(a.body), secret) {
					t.Errorf("%s has %q: %s", path, secret, a.body)
				}
			}
		}
		want := members{
			"id": 1.0, "username": "alice", "email": "alice@example.com", "role": "admin", "state": "active",
			"email_verified": false, "has_password": true, "created_at": "2026-03-01T09:30:00Z", "disabled_at": nil,
		}
		if got := b.call("GET", "/auth/admin/users/1", nil).json()["user"]; quoted(got) != quoted(want) {
			t.Errorf("got %s, want %s", quoted(got), quoted(want))
		}
		b.call("GET", "/auth/admin/users/4711", nil).want(404, "not_found")
	})
}

// Nothing that is made up gets near a query (ASVS 5.0.0-1.2.4, 1.4.2).
func TestListRefusesRubbish(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.admin("alice")
		for _, query := range []string{
			"limit=0", "limit=-1", "limit=201", "limit=1000000000", "limit=9223372036854775808", "limit=1.5", "limit=1e2", "limit=x", "limit=0x10",
			"role=root", "role=", "role=Admin", "state=deleted", "state=", "verified=1x", "verified=", "verified=maybe",
			"search=", "search=%00", "search=a%00b", "search=a%20b", "search=" + strings.Repeat("a", 255), "search=%0a",
			"limit=", "limit=+5", "limit=05x", "verified=TRUE%20", "search", "limit",
			// Of what net/url drops, the filter would be gone; of two values, one.
			"role=admin;x", "role=%zz", "role=admin&%", "role=admin" + strings.Repeat("&", 10_001), "role=user&role=admin", "limit=1&limit=1", "role=user&%72ole=admin",
			"cursor=", "cursor=1", "cursor=%00", "cursor=" + strings.Repeat("A", 601), "cursor=..", "cursor=a.b",
		} {
			a := b.call("GET", "/auth/admin/users?"+query, nil)
			if a.want(400, "invalid_fields"); len(a.json()["fields"].([]any)) == 0 {
				t.Errorf("%s: %s", query, a.body)
			}
		}
		for query, want := range inOrder(map[string]string{"limit=0": "limit must be at least 1", "limit=201": "limit must be at most 200", "role=root": "role is not valid", "cursor=a.b": "cursor is not valid"}) {
			if got := b.call("GET", "/auth/admin/users?"+query, nil).json()["error"]; got != want {
				t.Errorf("%s: %q, want %q", query, got, want)
			}
		}
		for _, search := range []string{"' OR 1=1 --", "';DROP TABLE users;--", "%", "_", "*", "\\", "a' UNION SELECT", "\"", "$1", "@p", "\xff\xfe", "\U0010ffff", "admin'/*", "1;SELECT pg_sleep(9)"} {
			search = strings.ReplaceAll(search, " ", "/**/")
			if names, _ := b.users("search=" + url.QueryEscape(search)); len(names) != 0 {
				t.Errorf("%s finds %v", search, names)
			}
		}
		for _, id := range []string{"0", "-1", "9007199254740992", "9223372036854775808", "1.0", "1e0", "x", "%00", "1%20", "0x1", "'"} {
			b.call("GET", "/auth/admin/users/"+id, nil).want(400, "invalid_fields")
		}
	})
}

// A cursor works as it was given and with the filters that it was given for
// (Kratos CVE-2026-33503: a forged one was SQL).
func TestCursorsCannotBeMadeUp(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.admin("alice")
		h.browser().register("bob")
		h.browser().register("carol")
		_, cursor := b.users("role=user&limit=1")
		if names, next := b.users("role=user&limit=1&cursor=" + cursor); !slices.Equal(names, []string{"carol"}) || next != "" {
			t.Fatalf("the second page has %v and leads to %q", names, next)
		}
		encoded, mac, _ := strings.Cut(cursor, ".")
		forged := base64.RawURLEncoding.EncodeToString([]byte("1 OR 1=1"))
		for name, query := range inOrder(map[string]string{
			"another role": "role=admin&cursor=" + cursor, "no role": "cursor=" + cursor, "another filter": "role=user&verified=false&cursor=" + cursor,
			"a search": "role=user&search=c&cursor=" + cursor, "changed": "role=user&cursor=A" + cursor[1:], "SQL": "role=user&cursor=" + forged + "." + mac,
			"no MAC": "role=user&cursor=" + encoded, "another MAC": "role=user&cursor=" + encoded + "." + strings.Repeat("A", 43),
			"cut short": "role=user&cursor=" + cursor[:len(cursor)-1], "of a session": "role=user&cursor=" + url.QueryEscape(b.login("alice").cookie()),
			"signed for something else": "role=user&cursor=" + h.Signer.Sign("cursor/events", encoded),
		}) {
			t.Run(name, func(t *testing.T) {
				b.call("GET", "/auth/admin/users?"+query, nil).want(400, "invalid_fields")
			})
		}
		if names, _ := b.users("role=user&limit=200&cursor=" + cursor); !slices.Equal(names, []string{"carol"}) {
			t.Errorf("the size of a page is no filter, and gives %v", names)
		}
	})
}

// Neither the list nor how many there are is for everybody (Zitadel
// CVE-2025-67717), and a header makes nobody an administrator (ASVS 5.0.0-8.3.1).
func TestListIsForThoseWhoLookAfterAccounts(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		for role, status := range inOrder(map[string]int{"user": 403, "moderator": 200, "admin": 200}) {
			b := h.member(role+"name", role)
			for _, edit := range []func(*http.Request){func(*http.Request) {}, header("X-User-Role", "admin"), header("X-Role", "admin"), header("Authorization", "Bearer admin")} {
				a := b.call("GET", "/auth/admin/users", nil, edit)
				if a.status != status || status == 403 && (a.json()["error"] != "Admin access required" || strings.Contains(string(a.body), "users")) {
					t.Errorf("%s: %d %s", role, a.status, a.body)
				}
			}
		}
		a := h.browser().call("GET", "/auth/admin/users", nil)
		if a.want(401, "login_required").json()["error"] != "Login required" {
			t.Errorf("%s", a.body)
		}
	})
}
