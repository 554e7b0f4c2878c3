package authentication_test

import (
	"reflect"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
)

// Front ends of the Flask system rely on these paths, statuses and members.
func TestFlaskSystem_WireIsUnchanged(t *testing.T) {
	user := map[string]any{"id": 1.0, "username": "alice", "email": "alice@example.com", "role": "user", "email_verified": false}
	steps := []struct {
		method, path string
		body         any
		status       int
		members      map[string]any
	}{
		{"GET", "/auth/current_user", nil, 200, apptest.Members{"ok": false, "user": nil}},
		{"GET", "/auth/profile", nil, 401, apptest.Members{"error": "Login required"}},
		{"POST", "/auth/register", apptest.Members{"username": "alice", "email": "alice@example.com", "password": apptest.GoodPassword}, 201, apptest.Members{"ok": true, "msg": "User registered"}},
		{"GET", "/auth/current_user", nil, 200, apptest.Members{"ok": false, "user": nil}},
		{"POST", "/auth/register", apptest.Members{"username": "alice", "email": "alice2@example.com", "password": apptest.GoodPassword}, 409, apptest.Members{"ok": false, "error": "Username already taken"}},
		{"POST", "/auth/register", apptest.Members{"username": "alice", "email": "alice@example.com", "password": apptest.GoodPassword}, 409, apptest.Members{"ok": false, "error": "Username already taken"}},
		{"POST", "/auth/register", apptest.Members{"username": "alice2", "email": "alice@example.com", "password": apptest.GoodPassword}, 409, apptest.Members{"ok": false, "error": "Email already registered"}},
		{"POST", "/auth/register", apptest.Members{"username": "bob", "email": "bob@example.com"}, 400, apptest.Members{"ok": false, "error": "All fields required"}},
		{"POST", "/auth/login", apptest.Members{"username": "alice"}, 400, apptest.Members{"error": "missing credentials"}},
		{"POST", "/auth/login", apptest.Members{"username": "alice", "password": "wrong"}, 401, apptest.Members{"error": "invalid credentials"}},
		{"POST", "/auth/login", apptest.Members{"username": "nobody", "password": apptest.GoodPassword}, 401, apptest.Members{"error": "invalid credentials"}},
		{"POST", "/auth/login", apptest.Members{"username": "alice", "password": apptest.GoodPassword}, 200, apptest.Members{"ok": true, "msg": "login successful", "user": user}},
		{"GET", "/auth/current_user", nil, 200, apptest.Members{"ok": true, "user": user}},
		{"GET", "/auth/profile", nil, 200, apptest.Members{"username": "alice", "email": "alice@example.com"}},
		{"POST", "/auth/logout", nil, 200, apptest.Members{"ok": true, "msg": "logged out"}},
		{"GET", "/auth/current_user", nil, 200, apptest.Members{"ok": false, "user": nil}},
		{"GET", "/auth/profile", nil, 401, apptest.Members{"error": "Login required"}},
		{"POST", "/auth/logout", nil, 200, apptest.Members{"ok": true, "msg": "logged out"}},
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		for i, step := range steps {
			a := b.Call(step.method, step.path, step.body, apptest.Header("Origin", "http://localhost:3000"), apptest.Header("Sec-Fetch-Site", "same-site"))
			if a.Status != step.status {
				t.Fatalf("step %d, %s: got %d, want %d\n%s", i, a.What, a.Status, step.status, a.Body)
			}
			got := a.JSON()
			for name, want := range step.members {
				if value, ok := got[name]; !ok || !reflect.DeepEqual(value, want) {
					t.Errorf("step %d, %s: %s is %v, want %v", i, a.What, name, value, want)
				}
			}
		}
	})
}
