package sessions_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/token"
)

func TestListSessions_ShowsClientAddressAndTime(t *testing.T) {
	agents := []struct{ agent, browser, os string }{
		{"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox", "Linux"},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0", "Edge", "Windows"},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1", "Safari", "iOS"},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36", "Chrome", "macOS"},
		{"curl/8.14.1", "curl", ""},
		{"", "", ""},
		{"<script>alert(1)</script>", "<", ""},
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		h.Browser().Register("bob")
		h.Browser().Login("bob")
		var last *apptest.Browser
		for _, client := range agents {
			last = h.Browser()
			last.Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": apptest.GoodPassword}, apptest.Header("User-Agent", client.agent)).Want(200, "")
			h.Clock.Advance(time.Second)
		}
		list := last.Sessions()
		if len(list) != len(agents) {
			t.Fatalf("got %d sessions, want %d", len(list), len(agents))
		}
		for i, client := range agents {
			got := list[len(list)-1-i] // most recently used first
			at := time.Date(2026, 3, 1, 9, 30, i, 0, time.UTC).Format(time.RFC3339)
			if got["user_agent"] != client.agent || !strings.HasPrefix(got["browser"].(string), client.browser) || got["os"] != client.os {
				t.Errorf("%q is shown as %q on %q, want %q on %q", client.agent, got["browser"], got["os"], client.browser, client.os)
			}
			if got["created_at"] != at || got["last_seen_at"] != at || got["ip"] != "127.0.0.1" || got["current"] != (i == len(agents)-1) {
				t.Errorf("got %v, want the times %s, the address 127.0.0.1 and current %v", got, at, i == len(agents)-1)
			}
		}
		h.Clock.Advance(time.Hour)
		last = h.Browser()
		last.Login("alice")
		if list := last.Sessions(); len(list) != 1 {
			t.Errorf("got %d sessions after an hour, want 1: idle sessions are listed", len(list))
		}
	})
}

// A copy of the list opens no session.
func TestListSessions_ContainsNoToken(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		cookies := []string{h.Browser().Login("alice").Cookie(), b.Login("alice").Cookie()}
		for _, path := range []string{"/auth/sessions", "/auth/export"} {
			body := b.Call("GET", path, nil).Want(200, "").Body
			for _, cookie := range cookies {
				value, _, _ := strings.Cut(cookie, ".")
				hash := token.Hash(value)
				for _, secret := range []string{
					cookie, value, hex.EncodeToString(hash), strings.ToUpper(hex.EncodeToString(hash)), base64.StdEncoding.EncodeToString(hash),
					base64.RawURLEncoding.EncodeToString(hash), base64.RawStdEncoding.EncodeToString(hash),
				} {
					if bytes.Contains(body, []byte(secret)) {
						t.Errorf("%s contains %s", path, secret)
					}
				}
			}
		}
	})
}

// User agents are arbitrary bytes that the client chooses.
func TestListSessions_AcceptsAnyUserAgent(t *testing.T) {
	agents := map[string]string{
		"long word":            strings.Repeat("x", 5000),
		"many long words":      strings.Repeat(strings.Repeat("y", 200)+"/1 ", 20),
		"not ASCII":            strings.Repeat("\u00fc\u4e16", 300),
		"emoji at the cut":     "xx" + strings.Repeat("\U0001F600", 400),
		"incomplete character": "Brows\xe4r/1.0 (\xff\xfe)",
		"brackets":             strings.Repeat("(", 300) + strings.Repeat(";", 100) + strings.Repeat(")", 99),
		"only slashes":         strings.Repeat("/", 400),
		"only Android":         "Mozilla/5.0 (Linux; Android",
		"only a version":       "Version/" + strings.Repeat("9", 400),
		"very large version":   "Chrome/99999999999999999999.99999999999999999999 Safari/1",
		"link":                 "bot (+http://" + strings.Repeat("a", 300) + ")",
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		for name, agent := range apptest.InOrder(agents) {
			b := h.Browser()
			b.Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": apptest.GoodPassword}, apptest.Header("User-Agent", agent)).Want(200, "")
			if n := len(b.Sessions()); n == 0 {
				t.Errorf("%s: the list is empty", name)
			}
			b.Call("GET", "/auth/export", nil).Want(200, "")
		}
	})
}

func TestEndSession_TakesEffectImmediately(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b, other, third := h.Browser(), h.Browser(), h.Browser()
		b.Register("alice")
		for _, client := range []*apptest.Browser{b, other, third} {
			client.Login("alice")
		}
		id := other.SessionID()
		if a := b.EndSession(id).Want(200, ""); a.JSON()["msg"] != "Session ended" {
			t.Errorf("got %s, want the message Session ended", a.Body)
		}
		other.Call("GET", "/auth/profile", nil).Want(401, "login_required")
		b.EndSession(id).Want(404, "not_found")
		if !b.LoggedIn() || !third.LoggedIn() || len(b.Sessions()) != 2 {
			t.Error("another session has ended too")
		}
		b.EndSession(b.SessionID()).Want(200, "")
		b.Call("GET", "/auth/sessions", nil).Want(401, "login_required")
		if !third.LoggedIn() {
			t.Error("another session has ended with the current one")
		}
	})
}

func TestEndSession_SessionOfAnotherAccountIsNotFound(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		alice, bob := h.Browser(), h.Browser()
		alice.Register("alice")
		bob.Register("bob")
		alice.Login("alice")
		bob.Login("bob")
		id := alice.SessionID()
		before := h.Dump()
		foreign, unknown := bob.EndSession(id).Want(404, "not_found"), bob.EndSession(1_000_000).Want(404, "not_found")
		foreign, unknown = foreign.WithoutID(), unknown.WithoutID()
		if !bytes.Equal(foreign.Body, unknown.Body) {
			t.Errorf("the answers for a session of another account and for an unknown one differ:\n%s\n%s", foreign.Body, unknown.Body)
		}
		bob.EndSession(9007199254740991).Want(404, "not_found")
		for _, id := range []any{"0", "-1", "x", "1.5", "1e3", "0x1", "9007199254740992", "99999999999999999999", "%00", "1%20", "1;2", "%2e%2e"} {
			if a := bob.EndSession(id); a.Status != 400 {
				t.Errorf("%v: got %d, want 400\n%s", id, a.Status, a.Body)
			}
		}
		if h.Dump() != before {
			t.Error("a refused request has changed the database")
		}
		if !alice.LoggedIn() {
			t.Error("another account has ended the session")
		}
		for _, listed := range bob.Sessions() {
			if int(listed["id"].(float64)) == id {
				t.Error("the list contains a session of another account")
			}
		}
	})
}

func TestEndOtherSessions_KeepsCurrentSession(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b, bob := h.Browser(), h.Browser()
		b.Register("alice")
		bob.Register("bob")
		bob.Login("bob")
		var others []*apptest.Browser
		for range 5 {
			other := h.Browser()
			other.Login("alice")
			others = append(others, other)
		}
		b.Login("alice")
		for range 2 {
			if a := b.Call("DELETE", "/auth/sessions", nil).Want(200, ""); a.JSON()["msg"] != "Other sessions ended" {
				t.Errorf("got %s, want the message Other sessions ended", a.Body)
			}
		}
		for i, other := range others {
			if other.Call("GET", "/auth/profile", nil).Status != 401 {
				t.Errorf("session %d has not ended", i)
			}
		}
		if !b.LoggedIn() || len(b.Sessions()) != 1 || !bob.LoggedIn() {
			t.Error("the current session or one of another account has ended")
		}
	})
}

// The owner ends the session of an attacker who is about to end the session of the owner.
func TestEndSession_EndedSessionEndsNoOthers(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		owner, attacker := h.Browser(), h.Browser()
		owner.Register("alice")
		owner.Login("alice")
		attacker.Login("alice")
		id := owner.SessionID()
		h.BeforeLock("alice", fmt.Sprintf("DELETE FROM sessions WHERE id = %d", attacker.SessionID()))
		before := h.Dump()
		attacker.EndSession(id).Want(401, "login_required")
		attacker.Call("DELETE", "/auth/sessions", nil).Want(401, "login_required")
		if h.Dump() != before || !owner.LoggedIn() {
			t.Error("a request of the ended session has taken effect")
		}
	})
}
