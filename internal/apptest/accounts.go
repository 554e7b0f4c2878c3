package apptest

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
