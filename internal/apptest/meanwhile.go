package apptest

// DuringHash runs a request that hashes a password, and something else after the
// request has read the account and before its hash is made. The something else
// gets a second server on the same database, whose gate is free.
func (h *Harness) DuringHash(request func() *Answer, happens func(other *Harness)) *Answer {
	h.T.Helper()
	other := h.StartAnother()
	other.Accounts.Registration = h.Accounts.Registration
	release := h.OccupyGate()
	var a *Answer
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		a = request()
	}()
	Until(func() bool { return h.Passwords().Gate.Waiting() == 1 })
	happens(other)
	release()
	<-answered
	return a
}
