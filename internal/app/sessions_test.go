package app_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/token"
)

// sessions lists the caller's sessions as the server tells them.
func (b *browser) sessions() []map[string]any {
	b.h.t.Helper()
	var list []map[string]any
	for _, one := range b.call("GET", "/auth/sessions", nil).want(200, "").json()["sessions"].([]any) {
		list = append(list, one.(map[string]any))
	}
	return list
}

// sessionID is the number of the caller's own session.
func (b *browser) sessionID() int {
	b.h.t.Helper()
	for _, one := range b.sessions() {
		if one["current"] == true {
			return int(one["id"].(float64))
		}
	}
	b.h.t.Fatal("the list lacks the session that asks for it")
	return 0
}

func (b *browser) endSession(id any) *answer {
	b.h.t.Helper()
	return b.call("DELETE", fmt.Sprintf("/auth/sessions/%v", id), nil)
}

func TestSessionListSaysWhereOneIsLoggedIn(t *testing.T) {
	agents := []struct{ agent, browser, os string }{
		{"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox", "Linux"},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0", "Edge", "Windows"},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1", "Safari", "iOS"},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36", "Chrome", "macOS"},
		{"curl/8.14.1", "curl", ""},
		{"", "", ""},
		{"<script>alert(1)</script>", "<", ""},
	}
	each(t, func(t *testing.T, h *harness) {
		h.browser().register("alice")
		h.browser().register("bob")
		h.browser().login("bob")
		var last *browser
		for _, one := range agents {
			last = h.browser()
			last.call("POST", "/auth/login", members{"username": "alice", "password": goodPassword}, header("User-Agent", one.agent)).want(200, "")
			h.clock.advance(time.Second)
		}
		list := last.sessions()
		if len(list) != len(agents) {
			t.Fatalf("%d sessions, want %d", len(list), len(agents))
		}
		for i, one := range agents {
			got := list[len(list)-1-i] // the latest used first
			at := time.Date(2026, 3, 1, 9, 30, i, 0, time.UTC).Format(time.RFC3339)
			if got["user_agent"] != one.agent || !strings.HasPrefix(got["browser"].(string), one.browser) || got["os"] != one.os {
				t.Errorf("%q is shown as %q on %q", one.agent, got["browser"], got["os"])
			}
			if got["created_at"] != at || got["last_seen_at"] != at || got["ip"] != "127.0.0.1" || got["current"] != (i == len(agents)-1) {
				t.Errorf("%v", got)
			}
		}
		h.clock.advance(time.Hour)
		last = h.browser()
		last.login("alice")
		if list := last.sessions(); len(list) != 1 {
			t.Errorf("%d sessions, and all but one have ended by themselves", len(list))
		}
	})
}

// Whoever sees the list cannot use it to log in.
func TestSessionListHasNoToken(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		cookies := []string{h.browser().login("alice").cookie(), b.login("alice").cookie()}
		for _, path := range []string{"/auth/sessions", "/auth/export"} {
			body := b.call("GET", path, nil).want(200, "").body
			for _, cookie := range cookies {
				value, _, _ := strings.Cut(cookie, ".")
				hash := token.Hash(value)
				for _, secret := range []string{
					cookie, value, hex.EncodeToString(hash), strings.ToUpper(hex.EncodeToString(hash)), base64.StdEncoding.EncodeToString(hash),
					base64.RawURLEncoding.EncodeToString(hash), base64.RawStdEncoding.EncodeToString(hash),
				} {
					if bytes.Contains(body, []byte(secret)) {
						t.Errorf("%s tells %s", path, secret)
					}
				}
			}
		}
	})
}

// What a client calls itself is anything at all.
func TestOddClientsFitTheSessionList(t *testing.T) {
	agents := map[string]string{
		"a long word":         strings.Repeat("x", 5000),
		"many long words":     strings.Repeat(strings.Repeat("y", 200)+"/1 ", 20),
		"beyond ASCII":        strings.Repeat("\u00fc\u4e16", 300),
		"an emoji at the cut": "xx" + strings.Repeat("\U0001F600", 400),
		"half a character":    "Brows\xe4r/1.0 (\xff\xfe)",
		"brackets":            strings.Repeat("(", 300) + strings.Repeat(";", 100) + strings.Repeat(")", 99),
		"only slashes":        strings.Repeat("/", 400),
		"Android and no more": "Mozilla/5.0 (Linux; Android",
		"a version alone":     "Version/" + strings.Repeat("9", 400),
		"a very big version":  "Chrome/99999999999999999999.99999999999999999999 Safari/1",
		"a link":              "bot (+http://" + strings.Repeat("a", 300) + ")",
	}
	each(t, func(t *testing.T, h *harness) {
		h.browser().register("alice")
		for name, agent := range inOrder(agents) {
			b := h.browser()
			b.call("POST", "/auth/login", members{"username": "alice", "password": goodPassword}, header("User-Agent", agent)).want(200, "")
			if n := len(b.sessions()); n == 0 {
				t.Errorf("%s: the list is empty", name)
			}
			b.call("GET", "/auth/export", nil).want(200, "")
		}
	})
}

func TestEndedSessionIsOutAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b, other, third := h.browser(), h.browser(), h.browser()
		b.register("alice")
		for _, one := range []*browser{b, other, third} {
			one.login("alice")
		}
		id := other.sessionID()
		if a := b.endSession(id).want(200, ""); a.json()["msg"] != "Session ended" {
			t.Errorf("%s", a.body)
		}
		other.call("GET", "/auth/profile", nil).want(401, "login_required")
		b.endSession(id).want(404, "not_found")
		if !b.loggedIn() || !third.loggedIn() || len(b.sessions()) != 2 {
			t.Error("another session has ended with it")
		}
		b.endSession(b.sessionID()).want(200, "")
		b.call("GET", "/auth/sessions", nil).want(401, "login_required")
		if !third.loggedIn() {
			t.Error("a session has ended with the one that asked for its own end")
		}
	})
}

func TestSessionsOfOthersAreUnknown(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		alice, bob := h.browser(), h.browser()
		alice.register("alice")
		bob.register("bob")
		alice.login("alice")
		bob.login("bob")
		id := alice.sessionID()
		before := h.dump()
		theirs, none := bob.endSession(id).want(404, "not_found"), bob.endSession(1_000_000).want(404, "not_found")
		theirs, none = theirs.withoutID(), none.withoutID()
		if !bytes.Equal(theirs.body, none.body) {
			t.Errorf("another person's session is not answered like none:\n%s\n%s", theirs.body, none.body)
		}
		bob.endSession(9007199254740991).want(404, "not_found")
		for _, id := range []any{"0", "-1", "x", "1.5", "1e3", "0x1", "9007199254740992", "99999999999999999999", "%00", "1%20", "1;2", "%2e%2e"} {
			if a := bob.endSession(id); a.status != 400 {
				t.Errorf("%v: %d\n%s", id, a.status, a.body)
			}
		}
		if h.dump() != before {
			t.Error("the database has changed")
		}
		if !alice.loggedIn() {
			t.Error("somebody else has ended the session")
		}
		for _, one := range bob.sessions() {
			if int(one["id"].(float64)) == id {
				t.Error("the list has somebody else's session")
			}
		}
	})
}

// withoutID is the answer but for the number of the request in it.
func (a *answer) withoutID() *answer {
	a.t.Helper()
	id, _ := a.json()["request_id"].(string)
	copied := *a
	copied.body = bytes.ReplaceAll(a.body, []byte(id), nil)
	return &copied
}

func TestEndingAllOthersLeavesThisOne(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b, bob := h.browser(), h.browser()
		b.register("alice")
		bob.register("bob")
		bob.login("bob")
		var others []*browser
		for range 5 {
			other := h.browser()
			other.login("alice")
			others = append(others, other)
		}
		b.login("alice")
		for range 2 {
			if a := b.call("DELETE", "/auth/sessions", nil).want(200, ""); a.json()["msg"] != "Other sessions ended" {
				t.Errorf("%s", a.body)
			}
		}
		for i, other := range others {
			if other.call("GET", "/auth/profile", nil).status != 401 {
				t.Errorf("session %d goes on", i)
			}
		}
		if !b.loggedIn() || len(b.sessions()) != 1 || !bob.loggedIn() {
			t.Error("it has ended more than the others")
		}
	})
}

// The owner throws a thief out who is just about to throw out the owner.
func TestASessionThatEndsMeanwhileEndsNoOthers(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		owner, thief := h.browser(), h.browser()
		owner.register("alice")
		owner.login("alice")
		thief.login("alice")
		id := owner.sessionID()
		h.justBeforeHolding("alice", fmt.Sprintf("DELETE FROM sessions WHERE id = %d", thief.sessionID()))
		before := h.dump()
		thief.endSession(id).want(401, "login_required")
		thief.call("DELETE", "/auth/sessions", nil).want(401, "login_required")
		if h.dump() != before || !owner.loggedIn() {
			t.Error("something was done")
		}
	})
}
