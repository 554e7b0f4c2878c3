package apptest

import (
	"slices"
)

// LogInAs is logged in as one of everybody.
func (h *Harness) LogInAs(name, who string) *Browser {
	h.T.Helper()
	role := who
	if !slices.Contains([]string{"moderator", "admin"}, who) {
		role = "user"
	}
	b := h.Member(name, role)
	switch who {
	case "unverified":
		return b
	case "disabled":
		h.Exec("UPDATE users SET disabled_at = created_at WHERE username = $1", name)
	}
	h.Exec("UPDATE users SET email_verified_at = created_at WHERE username = $1", name)
	return b
}
