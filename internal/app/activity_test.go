package app_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/techtreks/auth/api"
	"github.com/techtreks/auth/internal/audit"
)

// events asks for a page, and returns its events as "event of user from ip".
func (b *browser) events(path string) (events []string, all []map[string]any, next string) {
	b.h.t.Helper()
	var page struct {
		Events     []map[string]any
		NextCursor *string `json:"next_cursor"`
	}
	if err := json.Unmarshal(b.call("GET", path, nil).want(200, "").body, &page); err != nil {
		b.h.t.Fatal(err)
	}
	for _, e := range page.Events {
		events = append(events, fmt.Sprint(e["event"]))
	}
	if page.NextCursor != nil {
		next = *page.NextCursor
	}
	return events, page.Events, next
}

func TestAdministratorsReadTheTrail(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		admin, alice := h.admin("root1"), h.browser()
		h.clock.advance(time.Hour / 2)
		alice.register("alice")
		alice.login("alice")
		id := h.count("SELECT id FROM users WHERE username = 'alice'")
		h.browser().call("POST", "/auth/login", members{"username": "alice", "password": "wrong"}).want(401, "invalid_credentials")
		h.clock.advance(time.Minute)
		alice.deleteAccount(goodPassword).want(200, "")
		of := func(query string) string {
			events, _, _ := admin.events("/auth/admin/audit?" + query)
			return strings.Join(events, " ")
		}
		since := url.QueryEscape(h.clock.Now().Format(time.RFC3339))
		all := "user_deleted authn_login_fail session_created authn_login_success user_created"
		for query, want := range inOrder(map[string]string{
			fmt.Sprintf("user=%d", id):         all, // the number finds them although the account is gone
			"event=authn_login_fail":           "authn_login_fail",
			"address=::ffff:127.0.0.1&limit=2": "user_deleted authn_login_fail",
			"address=192.0.2.1":                "",
			"since=" + since:                   "user_deleted",
			"until=" + since + "&limit=1":      "authn_login_fail",
			fmt.Sprintf("user=%d&event=user_deleted&address=127.0.0.1&since=%s", id, since): "user_deleted",
		}) {
			if got := of(query); got != want {
				t.Errorf("%s: %q, want %q", query, got, want)
			}
		}
		var paged []string
		for query := fmt.Sprintf("?user=%d&limit=2", id); ; {
			events, _, next := admin.events("/auth/admin/audit" + query)
			paged = append(paged, events...)
			if next == "" {
				break
			}
			admin.call("GET", "/auth/admin/audit?limit=2&cursor="+next, nil).want(400, "invalid_fields") // of other filters
			admin.call("GET", "/auth/activity?limit=2&cursor="+next, nil).want(400, "invalid_fields")
			query = fmt.Sprintf("?user=%d&limit=2&cursor=%s", id, next)
		}
		if strings.Join(paged, " ") != all {
			t.Errorf("page by page: %v", paged)
		}
		for _, query := range []string{
			"limit=0", "limit=201", "limit=x", "event=nothing", "user=0", "user=x", "address=x", "address=" + strings.Repeat("1", 65),
			"since=yesterday", "until=2026-13-01T00:00:00Z", "since=2026-02-30T00:00:00Z", "since=2026-03-01T24:00:00Z", "since=2026-03-01T00:00:00",
			"since=2026-06-30T23:59:60Z", "since=2026-03-01t00:00:00z", "since=2026-03-01T00:00:00%2B24:00", "since=2026-03-01T00:00:00.Z", "cursor=x", "cursor=", "since=" + strings.Repeat("0", 41),
		} {
			admin.call("GET", "/auth/admin/audit?"+query, nil).want(400, "invalid_fields")
		}
		for _, edge := range []string{"0000-01-01T00:00:00%2B23:59", "9999-12-31T23:59:59.999999999-23:59", "2026-03-01T00:00:00.123456789Z", "2024-02-29T00:00:00-00:00"} {
			admin.call("GET", "/auth/admin/audit?since="+edge, nil).want(200, "")
			admin.call("GET", "/auth/admin/audit?until="+edge, nil).want(200, "")
		}
		bob := h.browser()
		bob.register("bob")
		bob.login("bob")
		bob.call("GET", "/auth/admin/audit", nil).want(403, "forbidden")
		h.browser().call("GET", "/auth/admin/audit", nil).want(401, "login_required")
		if events, rows, _ := admin.events("/auth/admin/audit?event=authz_fail"); len(events) != 2 || rows[1]["reason"] != "forbidden" || rows[0]["actor_id"] != nil {
			t.Errorf("the refusals are recorded as %v", rows)
		}
	})
}

// People see what happened to their own accounts, and of an administrator only
// that there was one.
func TestPeopleSeeTheirOwnActivity(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		admin, alice := h.admin("root1"), h.browser()
		alice.register("alice")
		alice.login("alice")
		h.browser().call("POST", "/auth/login", members{"username": "alice", "password": "wrong"}, header("User-Agent", "thief")).want(401, "invalid_credentials")
		id := h.count("SELECT id FROM users WHERE username = 'alice'")
		admin.call("POST", fmt.Sprintf("/auth/admin/users/%d/verify_email", id), nil).want(200, "")
		events, rows, next := alice.events("/auth/activity")
		want := []string{"user_updated", "authn_login_fail", "session_created", "authn_login_success", "user_created"}
		if !slices.Equal(events, want) || next != "" {
			t.Fatalf("got %v %q, want %v", events, next, want)
		}
		for _, name := range []string{"actor_id", "ip", "user_agent", "request_id", "session_hash"} {
			if rows[0][name] != nil {
				t.Errorf("%s of the administrator is %v", name, rows[0][name])
			}
		}
		if rows[1]["ip"] != "127.0.0.1" || rows[1]["user_agent"] != "thief" {
			t.Errorf("the refused login is shown as %v", rows[1])
		}
		events, _, next = alice.events("/auth/activity?limit=3")
		if rest, _, end := alice.events("/auth/activity?limit=3&cursor=" + next); len(events) != 3 || len(rest) != 2 || end != "" {
			t.Errorf("pages of %d and %d, then %q", len(events), len(rest), end)
		}
		admin.call("GET", "/auth/activity?limit=3&cursor="+next, nil).want(400, "invalid_fields")
		h.browser().call("GET", "/auth/activity", nil).want(401, "login_required")
		// The mail about it does not tell either where the stranger is.
		h.Accounts.Registration = "verified"
		h.browser().call("POST", "/auth/register", members{"username": "other", "email": "alice@example.com", "password": goodPassword}).want(201, "")
		events, rows, _ = alice.events("/auth/activity?limit=1")
		if row := rows[0]; events[0] != "user_created" || row["reason"] != "email_taken" || row["ip"] != nil || row["user_agent"] != nil || row["request_id"] != nil {
			t.Errorf("a registration with the address is shown as %v", rows)
		}
	})
}

func TestTheContractHasTheEvents(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	var got []audit.Event
	for _, name := range doc.Components.Schemas["AuditEventName"].Value.Enum {
		got = append(got, audit.Event(name.(string)))
	}
	if !slices.Equal(got, audit.Events) {
		t.Errorf("the contract has\n%v\nwant\n%v", got, audit.Events)
	}
}
