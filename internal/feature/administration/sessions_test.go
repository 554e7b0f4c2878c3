package administration_test

import (
	"fmt"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
)

// ASVS 5.0.0-7.4.5: an administrator can end the sessions of a user.
func TestEndUserSessions_EndsOneOrAll(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		admin := h.Admin("alice")
		h.Browser().Register("bob")
		var sessions []*apptest.Browser
		for range 3 {
			b := h.Browser()
			b.Login("bob")
			sessions = append(sessions, b)
		}
		list := admin.Manage("GET", "bob", "/sessions", nil).Want(200, "").JSON()["sessions"].([]any)
		if len(list) != 3 {
			t.Fatalf("got %d sessions, want 3", len(list))
		}
		for _, one := range list {
			if info := one.(map[string]any); info["current"] != false || info["ip"] != "127.0.0.1" {
				t.Errorf("got %v, want another session from 127.0.0.1", info)
			}
		}
		id := sessions[0].SessionID()
		admin.Manage("DELETE", "alice", fmt.Sprintf("/sessions/%d", id), nil).Want(404, "not_found") // bob's session
		admin.Manage("DELETE", "bob", fmt.Sprintf("/sessions/%d", id), nil).Want(200, "")
		admin.Manage("DELETE", "bob", fmt.Sprintf("/sessions/%d", id), nil).Want(404, "not_found")
		if sessions[0].LoggedIn() || !sessions[1].LoggedIn() || !sessions[2].LoggedIn() {
			t.Error("ending one session did not end exactly that one")
		}
		admin.Manage("DELETE", "bob", "/sessions", nil).Want(200, "")
		if sessions[1].LoggedIn() || sessions[2].LoggedIn() || !admin.LoggedIn() {
			t.Error("ending all sessions did not end exactly those of the user")
		}
		revoked := 0
		for _, event := range h.EventsAbout(h.IDOf("bob")) {
			if event == "authn_token_revoked sessions_ended by 1" {
				revoked++
			}
		}
		if revoked != 2 {
			t.Errorf("got %d recorded revocations, want 2", revoked)
		}
		h.Browser().Login("bob")
	})
}
