package apptest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/techtreks/auth/internal/config"
)

// LoggedIP logs alice in with the headers given and returns the address that
// the log and the row of her session have, which must be the same.
func (h *Harness) LoggedIP(b *Browser, edit ...func(*http.Request)) string {
	h.T.Helper()
	h.Exec("DELETE FROM sessions")
	b.Call("POST", "/auth/login", Members{"username": "alice", "password": GoodPassword}, edit...).Want(200, "")
	lines := h.Logs.Requests(h.T)
	logged, _ := lines[len(lines)-1]["ip"].(string)
	if stored := h.Query("SELECT ip FROM sessions")[0]["ip"]; stored != logged {
		h.T.Errorf("the session has %q, the log has %q", stored, logged)
	}
	return logged
}

func TrustLoopback(c *config.Config) { c.TrustedProxies = []string{"127.0.0.1/32", "10.0.0.0/8"} }

// StableParts is what of an answer must not depend on the request's headers.
func StableParts(a *Answer) string {
	lines := strings.Split(Snapshot(a.Header), "\n")
	for i, line := range lines {
		if cookie, attributes, ok := strings.Cut(line, ";"); ok && strings.HasPrefix(line, "Set-Cookie: ") {
			name, _, _ := strings.Cut(cookie, "=")
			lines[i] = name + attributes
		}
	}
	body := string(a.Body)
	if id := a.Header.Get("X-Request-Id"); id != "" {
		body = strings.ReplaceAll(body, id, "")
	}
	return strings.Join(slices.Concat(lines, []string{body}), "\n")
}
