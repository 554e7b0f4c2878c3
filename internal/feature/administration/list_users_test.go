package administration_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
)

func TestListUsers_FiltersAndPages(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Admin("alice")
		for _, name := range []string{"bob", "carol", "dave"} {
			h.Browser().Register(name)
		}
		h.Exec("UPDATE users SET disabled_at = created_at WHERE username = 'carol'")
		h.Exec("UPDATE users SET email_verified_at = created_at WHERE username IN ('bob', 'carol')")
		for query, want := range apptest.InOrder(map[string][]string{
			"": {"alice", "bob", "carol", "dave"}, "role=admin": {"alice"}, "role=user": {"bob", "carol", "dave"}, "role=moderator": nil,
			"state=disabled": {"carol"}, "state=active": {"alice", "bob", "dave"}, "verified=true": {"bob", "carol"}, "verified=false": {"alice", "dave"},
			"role=user&state=active&verified=true": {"bob"}, "search=CA": {"carol"}, "search=dave%40example": {"dave"}, "search=x": nil,
			"search=ca&state=active": nil, "search=b&verified=true": {"bob"},
		}) {
			for limit := 1; limit <= 4; limit++ {
				var got []string
				for page := fmt.Sprintf("%s&limit=%d", query, limit); page != ""; {
					names, next := b.Users(page)
					got = append(got, names...)
					if page = ""; next != "" {
						page = fmt.Sprintf("%s&limit=%d&cursor=%s", query, limit, next)
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s in pages of %d: got %v, want %v", query, limit, got, want)
				}
			}
		}
	})
}

func TestListUsers_DefaultLimitIsFifty(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Admin("alice")
		for i := range 210 {
			h.Exec("INSERT INTO users (username, username_key, email, email_key, role, locale, created_at, updated_at) VALUES ($1, $1, $1, $1, 'user', 'en', $2, $2)",
				fmt.Sprintf("u%03d", i), h.Clock.Now())
		}
		h.Exec("UPDATE users SET email = 'x@example.com' WHERE email NOT LIKE '%@%'") // the contract requires an @
		for query, want := range apptest.InOrder(map[string]int{"": 50, "limit=1": 1, "limit=200": 200}) {
			if names, next := b.Users(query); len(names) != want || next == "" {
				t.Errorf("%s: got %d accounts and the cursor %q, want %d and a cursor", query, len(names), next, want)
			}
		}
	})
}

// An account in a response has these members and no others: no hash, no token, nothing
// about its sessions (ASVS 5.0.0-14.2.6).
func TestListUsers_ReturnsNoSecrets(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Admin("alice")
		for _, path := range []string{"/auth/admin/users", "/auth/admin/users/1"} {
			a := b.Call("GET", path, nil).Want(200, "")
			for _, secret := range []string{"argon2", "hash", "key", "token", "seed"} {
				if strings.Contains(string(a.Body), secret) {
					t.Errorf("%s returns %q: %s", path, secret, a.Body)
				}
			}
		}
		want := apptest.Members{
			"id": 1.0, "username": "alice", "email": "alice@example.com", "role": "admin", "state": "active",
			"email_verified": false, "has_password": true, "created_at": "2026-03-01T09:30:00Z", "disabled_at": nil,
		}
		if got := b.Call("GET", "/auth/admin/users/1", nil).JSON()["user"]; apptest.Quoted(got) != apptest.Quoted(want) {
			t.Errorf("got %s, want %s", apptest.Quoted(got), apptest.Quoted(want))
		}
		b.Call("GET", "/auth/admin/users/4711", nil).Want(404, "not_found")
	})
}

// Invalid parameters never reach a query, and SQL in a search finds nothing
// (ASVS 5.0.0-1.2.4, 1.4.2).
func TestListUsers_RejectsInvalidParameters(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Admin("alice")
		for _, query := range []string{
			"limit=0", "limit=-1", "limit=201", "limit=1000000000", "limit=9223372036854775808", "limit=1.5", "limit=1e2", "limit=x", "limit=0x10",
			"role=root", "role=", "role=Admin", "state=deleted", "state=", "verified=1x", "verified=", "verified=maybe",
			"search=", "search=%00", "search=a%00b", "search=a%20b", "search=" + strings.Repeat("a", 255), "search=%0a",
			"limit=", "limit=+5", "limit=05x", "verified=TRUE%20", "search", "limit",
			// net/url drops these pairs, so the filter would be lost; it reads one of two values.
			"role=admin;x", "role=%zz", "role=admin&%", "role=admin" + strings.Repeat("&", 10_001), "role=user&role=admin", "limit=1&limit=1", "role=user&%72ole=admin",
			"cursor=", "cursor=1", "cursor=%00", "cursor=" + strings.Repeat("A", 601), "cursor=..", "cursor=a.b",
		} {
			a := b.Call("GET", "/auth/admin/users?"+query, nil)
			if a.Want(400, "invalid_fields"); len(a.JSON()["fields"].([]any)) == 0 {
				t.Errorf("%s: got %s, want fields", query, a.Body)
			}
		}
		for query, want := range apptest.InOrder(map[string]string{"limit=0": "limit must be at least 1", "limit=201": "limit must be at most 200", "role=root": "role is not valid", "cursor=a.b": "cursor is not valid"}) {
			if got := b.Call("GET", "/auth/admin/users?"+query, nil).JSON()["error"]; got != want {
				t.Errorf("%s: got %q, want %q", query, got, want)
			}
		}
		for _, search := range []string{"' OR 1=1 --", "';DROP TABLE users;--", "%", "_", "*", "\\", "a' UNION SELECT", "\"", "$1", "@p", "\xff\xfe", "\U0010ffff", "admin'/*", "1;SELECT pg_sleep(9)"} {
			search = strings.ReplaceAll(search, " ", "/**/")
			if names, _ := b.Users("search=" + url.QueryEscape(search)); len(names) != 0 {
				t.Errorf("search %s: got %v, want nothing", search, names)
			}
		}
		for _, id := range []string{"0", "-1", "9007199254740992", "9223372036854775808", "1.0", "1e0", "x", "%00", "1%20", "0x1", "'"} {
			b.Call("GET", "/auth/admin/users/"+id, nil).Want(400, "invalid_fields")
		}
	})
}

// A cursor is valid only unchanged and with the filters that it was issued for (Kratos
// CVE-2026-33503: a forged cursor injected SQL).
func TestListUsers_RejectsForgedCursors(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Admin("alice")
		h.Browser().Register("bob")
		h.Browser().Register("carol")
		_, cursor := b.Users("role=user&limit=1")
		if names, next := b.Users("role=user&limit=1&cursor=" + cursor); !slices.Equal(names, []string{"carol"}) || next != "" {
			t.Fatalf("second page: got %v and the cursor %q, want carol and none", names, next)
		}
		encoded, mac, _ := strings.Cut(cursor, ".")
		forged := base64.RawURLEncoding.EncodeToString([]byte("1 OR 1=1"))
		for name, query := range apptest.InOrder(map[string]string{
			"another role": "role=admin&cursor=" + cursor, "no role": "cursor=" + cursor, "another filter": "role=user&verified=false&cursor=" + cursor,
			"search": "role=user&search=c&cursor=" + cursor, "changed": "role=user&cursor=A" + cursor[1:], "SQL": "role=user&cursor=" + forged + "." + mac,
			"no MAC": "role=user&cursor=" + encoded, "another MAC": "role=user&cursor=" + encoded + "." + strings.Repeat("A", 43),
			"cut short": "role=user&cursor=" + cursor[:len(cursor)-1], "session cookie": "role=user&cursor=" + url.QueryEscape(b.Login("alice").Cookie()),
			"signed for another purpose": "role=user&cursor=" + h.Signer.Sign("cursor/events", encoded),
		}) {
			t.Run(name, func(t *testing.T) {
				b.Call("GET", "/auth/admin/users?"+query, nil).Want(400, "invalid_fields")
			})
		}
		if names, _ := b.Users("role=user&limit=200&cursor=" + cursor); !slices.Equal(names, []string{"carol"}) {
			t.Errorf("another limit: got %v, want carol", names)
		}
	})
}

// Only moderators and administrators get the list or the number of accounts (Zitadel
// CVE-2025-67717). A header does not change the role (ASVS 5.0.0-8.3.1).
func TestListUsers_RequiresModeratorOrAdmin(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for role, status := range apptest.InOrder(map[string]int{"user": 403, "moderator": 200, "admin": 200}) {
			b := h.Member(role+"name", role)
			for _, edit := range []func(*http.Request){func(*http.Request) {}, apptest.Header("X-User-Role", "admin"), apptest.Header("X-Role", "admin"), apptest.Header("Authorization", "Bearer admin")} {
				a := b.Call("GET", "/auth/admin/users", nil, edit)
				if a.Status != status || status == 403 && (a.JSON()["error"] != "Admin access required" || strings.Contains(string(a.Body), "users")) {
					t.Errorf("%s: got %d %s, want %d", role, a.Status, a.Body, status)
				}
			}
		}
		a := h.Browser().Call("GET", "/auth/admin/users", nil)
		if a.Want(401, "login_required").JSON()["error"] != "Login required" {
			t.Errorf("got %s, want Login required", a.Body)
		}
	})
}
