package apptest

// Recorded are the rows of the trail, oldest first.
func (h *Harness) Recorded() []map[string]string {
	h.T.Helper()
	return h.Query("SELECT * FROM audit_events ORDER BY id")
}
