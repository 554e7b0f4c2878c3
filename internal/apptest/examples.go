package apptest

// ExampleState makes the world that the examples are about, and returns the
// browser of alice, an administrator: bob has account 2 and session 7, and for her
// own sessions she has session 1.
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
	h.Drain() // a mail keeps the number of its account
	h.Exec("UPDATE users SET id = 2 WHERE username = 'bob'")
	bob := h.Browser()
	bob.Login("bob")
	h.Exec("UPDATE sessions SET id = 7 WHERE id = $1", bob.SessionID())
	return alice
}
