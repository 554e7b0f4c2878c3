package apptest

// Queued lists the mails that wait to be sent, each as its kind and its
// recipient, in the order in which they were caused.
func (h *Harness) Queued() []string {
	h.T.Helper()
	list := []string{}
	for _, row := range h.Query("SELECT kind, recipient FROM outbox ORDER BY id") {
		list = append(list, row["kind"]+" to "+row["recipient"])
	}
	return list
}

// Drain forgets the mails that wait, such as those of the registration.
func (h *Harness) Drain() { h.Exec("DELETE FROM outbox") }

func (b *Browser) ChangePassword(from, to string) *Answer {
	b.H.T.Helper()
	return b.Call("PUT", "/auth/change_password", Members{"current_password": from, "new_password": to})
}

// LoginWith reports whether a password logs in.
func (h *Harness) LoginWith(username, password string) bool {
	h.T.Helper()
	return h.Browser().Call("POST", "/auth/login", Members{"username": username, "password": password}).Status == 200
}
