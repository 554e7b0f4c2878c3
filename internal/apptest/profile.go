package apptest

import (
	"sync"
)

// Concurrently does something n times at the same time.
func Concurrently(n int, do func(i int)) {
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() { do(i) })
	}
	wait.Wait()
}

func (b *Browser) UpdateProfile(change Members) *Answer {
	b.H.T.Helper()
	return b.Call("PUT", "/auth/update_profile", change)
}

// Account is the row of somebody as text, but for the time of its last change.
func (h *Harness) Account(username string) map[string]string {
	h.T.Helper()
	for _, row := range h.Query("SELECT * FROM users") {
		if row["username_key"] == username {
			delete(row, "0")
			delete(row, "updated_at")
			return row
		}
	}
	h.T.Fatalf("there is no %s", username)
	return nil
}
