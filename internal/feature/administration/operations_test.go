package administration_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/contract"
)

// Every administration operation on an account returns 404 for an unknown id and 400 for a
// malformed one.
func TestAdministration_RejectsUnknownAndMalformedIDs(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		admin := h.Admin("alice")
		for _, op := range h.Contract.Operations {
			if !slices.Contains(op.Roles, "admin") || !strings.Contains(op.Path, "{id}") {
				continue
			}
			_, body := h.Sample(op)
			for id, want := range apptest.InOrder(map[string]int{"4711": 404, "0": 400, "-1": 400, "9223372036854775808": 400, "one": 400, "%27": 400}) {
				path := strings.NewReplacer("{id}", id, "{session_id}", "7").Replace(op.Path)
				code := "not_found"
				if want == 400 {
					code = "invalid_fields"
				}
				admin.Call(op.Method, path, body).Want(want, code)
			}
		}
		admin.Call("DELETE", "/auth/admin/users/1/sessions/x", nil).Want(400, "invalid_fields")
	})
}

// A request with two session cookies is ambiguous: an attacker may have planted one of them
// (session fixation).
func TestAdministration_RejectsTwoSessionCookies(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		admin := h.Admin("alice")
		admin.Client.Jar = nil
		for _, op := range h.Contract.Operations {
			if op.Session == contract.SessionRequired {
				path, body := h.Sample(op)
				admin.Call(op.Method, path, body, apptest.Header("Cookie", "session=a; session=b")).Want(400, "ambiguous_session")
			}
		}
	})
}
