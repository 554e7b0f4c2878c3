package apptest

// ConfirmAll stands for the links that they have all used.
func (h *Harness) ConfirmAll() {
	h.T.Helper()
	h.Exec("UPDATE users SET email_verified_at = $1", h.Clock.Now())
	h.Drain()
}
