package apptest

func (b *Browser) DeleteAccount(password string) *Answer {
	b.H.T.Helper()
	return b.Call("DELETE", "/auth/account", Members{"password": password})
}
