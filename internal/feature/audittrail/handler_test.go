package audittrail_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
)

func TestListAuditEvents_FiltersAndPages(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		admin, alice := h.Admin("root1"), h.Browser()
		h.Clock.Advance(time.Hour / 2)
		alice.Register("alice")
		alice.Login("alice")
		id := h.Count("SELECT id FROM users WHERE username = 'alice'")
		h.Browser().Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": "wrong"}).Want(401, "invalid_credentials")
		h.Clock.Advance(time.Minute)
		alice.DeleteAccount(apptest.GoodPassword).Want(200, "")
		list := func(query string) string {
			events, _, _ := admin.Events("/auth/admin/audit?" + query)
			return strings.Join(events, " ")
		}
		since := url.QueryEscape(h.Clock.Now().Format(time.RFC3339))
		all := "user_deleted authn_login_fail session_created authn_login_success user_created"
		for query, want := range apptest.InOrder(map[string]string{
			fmt.Sprintf("user=%d", id):         all, // the id finds events of a deleted account
			"event=authn_login_fail":           "authn_login_fail",
			"address=::ffff:127.0.0.1&limit=2": "user_deleted authn_login_fail",
			"address=192.0.2.1":                "",
			"since=" + since:                   "user_deleted",
			"until=" + since + "&limit=1":      "authn_login_fail",
			fmt.Sprintf("user=%d&event=user_deleted&address=127.0.0.1&since=%s", id, since): "user_deleted",
		}) {
			if got := list(query); got != want {
				t.Errorf("%s: got %q, want %q", query, got, want)
			}
		}
		var paged []string
		for query := fmt.Sprintf("?user=%d&limit=2", id); ; {
			events, _, next := admin.Events("/auth/admin/audit" + query)
			paged = append(paged, events...)
			if next == "" {
				break
			}
			admin.Call("GET", "/auth/admin/audit?limit=2&cursor="+next, nil).Want(400, "invalid_fields") // a cursor for other filters
			admin.Call("GET", "/auth/activity?limit=2&cursor="+next, nil).Want(400, "invalid_fields")
			query = fmt.Sprintf("?user=%d&limit=2&cursor=%s", id, next)
		}
		if strings.Join(paged, " ") != all {
			t.Errorf("page by page: got %v, want %s", paged, all)
		}
		for _, query := range []string{
			"limit=0", "limit=201", "limit=x", "event=nothing", "user=0", "user=x", "address=x", "address=" + strings.Repeat("1", 65),
			"since=yesterday", "until=2026-13-01T00:00:00Z", "since=2026-02-30T00:00:00Z", "since=2026-03-01T24:00:00Z", "since=2026-03-01T00:00:00",
			"since=2026-06-30T23:59:60Z", "since=2026-03-01t00:00:00z", "since=2026-03-01T00:00:00%2B24:00", "since=2026-03-01T00:00:00.Z", "cursor=x", "cursor=", "since=" + strings.Repeat("0", 41),
		} {
			admin.Call("GET", "/auth/admin/audit?"+query, nil).Want(400, "invalid_fields")
		}
		for _, limit := range []string{"0000-01-01T00:00:00%2B23:59", "9999-12-31T23:59:59.999999999-23:59", "2026-03-01T00:00:00.123456789Z", "2024-02-29T00:00:00-00:00"} {
			admin.Call("GET", "/auth/admin/audit?since="+limit, nil).Want(200, "")
			admin.Call("GET", "/auth/admin/audit?until="+limit, nil).Want(200, "")
		}
		bob := h.Browser()
		bob.Register("bob")
		bob.Login("bob")
		bob.Call("GET", "/auth/admin/audit", nil).Want(403, "forbidden")
		h.Browser().Call("GET", "/auth/admin/audit", nil).Want(401, "login_required")
		if events, rows, _ := admin.Events("/auth/admin/audit?event=authz_fail"); len(events) != 2 || rows[1]["reason"] != "forbidden" || rows[0]["actor_id"] != nil {
			t.Errorf("authz_fail: got %v, want forbidden for bob and one without actor", rows)
		}
	})
}

// The activity of an account does not identify administrators, nor clients that registered
// with its address.
func TestGetActivity_HidesAdministratorsAndForeignClients(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		admin, alice := h.Admin("root1"), h.Browser()
		alice.Register("alice")
		alice.Login("alice")
		h.Browser().Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": "wrong"}, apptest.Header("User-Agent", "attacker")).Want(401, "invalid_credentials")
		id := h.Count("SELECT id FROM users WHERE username = 'alice'")
		admin.Call("POST", fmt.Sprintf("/auth/admin/users/%d/verify_email", id), nil).Want(200, "")
		events, rows, next := alice.Events("/auth/activity")
		want := []string{"user_updated", "authn_login_fail", "session_created", "authn_login_success", "user_created"}
		if !slices.Equal(events, want) || next != "" {
			t.Fatalf("got %v %q, want %v", events, next, want)
		}
		for _, name := range []string{"actor_id", "ip", "user_agent", "request_id", "session_hash"} {
			if rows[0][name] != nil {
				t.Errorf("%s of the administrator: got %v, want null", name, rows[0][name])
			}
		}
		if rows[1]["ip"] != "127.0.0.1" || rows[1]["user_agent"] != "attacker" {
			t.Errorf("failed login: got %v, want 127.0.0.1 and attacker", rows[1])
		}
		events, _, next = alice.Events("/auth/activity?limit=3")
		if rest, _, end := alice.Events("/auth/activity?limit=3&cursor=" + next); len(events) != 3 || len(rest) != 2 || end != "" {
			t.Errorf("got pages of %d and %d and the cursor %q, want 3, 2 and none", len(events), len(rest), end)
		}
		admin.Call("GET", "/auth/activity?limit=3&cursor="+next, nil).Want(400, "invalid_fields")
		h.Browser().Call("GET", "/auth/activity", nil).Want(401, "login_required")
		// The mail about such a registration does not identify the client either.
		h.Accounts.Registration = "verified"
		h.Browser().Call("POST", "/auth/register", apptest.Members{"username": "other", "email": "alice@example.com", "password": apptest.GoodPassword}).Want(201, "")
		events, rows, _ = alice.Events("/auth/activity?limit=1")
		if row := rows[0]; events[0] != "user_created" || row["reason"] != "email_taken" || row["ip"] != nil || row["user_agent"] != nil || row["request_id"] != nil {
			t.Errorf("registration with the address: got %v, want email_taken without client", rows)
		}
	})
}
