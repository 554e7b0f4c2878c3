package apptest

import "slices"

// Member registers an account, gives it a role and logs it in.
func (h *Harness) Member(username, role string) *Browser {
	h.T.Helper()
	b := h.Browser()
	b.Register(username)
	h.SetRole(username, role)
	b.Login(username)
	return b
}

// Admin registers an administrator and logs them in.
func (h *Harness) Admin(username string) *Browser {
	h.T.Helper()
	return h.Member(username, "admin")
}

// LogInAs registers an account of one kind and logs it in. The kinds are the roles,
// "unverified" and "disabled"; all but the unverified account have a verified email.
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

// WithPassword gives an account the usual password and a verified email, and logs it in.
func (h *Harness) WithPassword(username string) *Browser {
	h.T.Helper()
	hash, err := h.Passwords().Hash(h.T.Context(), GoodPassword)
	if err != nil {
		h.T.Fatal(err)
	}
	h.Exec("UPDATE users SET password_hash = $1, email_verified_at = created_at WHERE username = $2", hash, username)
	b := h.Browser()
	b.Login(username)
	return b
}

// SetRole changes the role of an account directly in the database.
func (h *Harness) SetRole(username, role string) {
	h.T.Helper()
	h.Exec("UPDATE users SET role = $1 WHERE username = $2", role, username)
}

// ConfirmAll verifies the email of every account, as if all links had been used.
func (h *Harness) ConfirmAll() {
	h.T.Helper()
	h.Exec("UPDATE users SET email_verified_at = $1", h.Clock.Now())
	h.Drain()
}

// IDOf returns the ID of an account.
func (h *Harness) IDOf(username string) int {
	h.T.Helper()
	return h.Count("SELECT id FROM users WHERE username = $1", username)
}

// Account returns the row of an account as text, without the time of its last change.
func (h *Harness) Account(username string) map[string]string {
	h.T.Helper()
	for _, row := range h.Query("SELECT * FROM users") {
		if row["username_key"] == username {
			delete(row, "0")
			delete(row, "updated_at")
			return row
		}
	}
	h.T.Fatalf("no account %s", username)
	return nil
}

// ExampleState creates the accounts and sessions in the examples of the contract, and
// returns the browser of alice, an administrator. Her session has ID 1; bob has account 2
// and session 7.
func (h *Harness) ExampleState(operation string) *Browser {
	h.T.Helper()
	h.Exec("DELETE FROM users")
	if operation == "register" {
		return h.Browser() // as alice
	}
	h.Admin("keeper")
	alice := h.Admin("alice")
	h.Exec("UPDATE sessions SET id = 1 WHERE id = $1", alice.SessionID())
	h.Browser().Register("bob")
	h.Drain() // emails refer to the ID of their account
	h.Exec("UPDATE users SET id = 2 WHERE username = 'bob'")
	bob := h.Browser()
	bob.Login("bob")
	h.Exec("UPDATE sessions SET id = 7 WHERE id = $1", bob.SessionID())
	return alice
}
