package apptest

// SetRole gives an account a role behind the server's back.
func (h *Harness) SetRole(username, role string) {
	h.T.Helper()
	h.Exec("UPDATE users SET role = $1 WHERE username = $2", role, username)
}

// Admin registers somebody, makes an administrator of them and logs them in.
func (h *Harness) Admin(username string) *Browser {
	h.T.Helper()
	return h.Member(username, "admin")
}

// Member is the same for any role.
func (h *Harness) Member(username, role string) *Browser {
	h.T.Helper()
	b := h.Browser()
	b.Register(username)
	h.SetRole(username, role)
	b.Login(username)
	return b
}

// Users lists accounts by a query such as "role=admin".
func (b *Browser) Users(query string) (names []string, next string) {
	b.H.T.Helper()
	m := b.Call("GET", "/auth/admin/users?"+query, nil).Want(200, "").JSON()
	for _, user := range m["users"].([]any) {
		names = append(names, user.(map[string]any)["username"].(string))
	}
	next, _ = m["next_cursor"].(string)
	return names, next
}
