package account_test

import (
	"testing"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/mail"
)

// X22: an attacker changes the email address to their own and to a victim's at the same
// time, and uses links during the next change. A link that was mailed to one address must
// never confirm the other.
func TestConfirmEmail_RaceConfirmsOnlyTheMailedAddress(t *testing.T) {
	const own, victim = "own@example.com", "victim@example.com"
	for mode, path := range map[string]string{"open": "/auth/verify", "verified": "/auth/confirm_email"} {
		t.Run(mode, func(t *testing.T) {
			apptest.EachRace(t, func(t *testing.T, h *apptest.Harness) {
				b := h.Browser()
				b.Register("alice")
				b.Login("alice")
				h.Accounts.Registration = mode
				confirmed := 0
				for range 200 {
					h.Exec("UPDATE users SET email = 'alice@example.com', email_key = 'alice@example.com', email_verified_at = created_at")
					h.Drain()
					h.Preview = &mail.Preview{Now: h.Now, Logger: h.Logger}
					h.MailWorker.Sender = h.Preview
					change := func(to string) { b.UpdateProfile(apptest.Members{"email": to}).Want(200, "") }
					apptest.Concurrently(2, func(i int) { change([]string{own, victim}[i]) })
					tokens := h.TokensTo(own)
					use := func() {
						for _, token := range tokens {
							switch a := b.Call("POST", path, apptest.Members{"token": token}); a.Status {
							case 200:
								confirmed++
							case 400:
								a.Want(400, "invalid_token")
							default:
								t.Errorf("got %d %s, want 200 or 400", a.Status, a.Body)
							}
						}
					}
					apptest.Concurrently(2, func(i int) {
						if i == 0 {
							use()
						} else {
							change(victim)
						}
					})
					use()
					row := h.Account("alice")
					if unconfirmed := row["email_verified_at"] == "<nil>"; row["email"] == victim && (mode == "verified" || !unconfirmed) {
						t.Fatalf("the account has the victim's address: %v", row)
					}
				}
				if confirmed == 0 {
					t.Error("no link confirmed an address, so the test proves nothing")
				}
			})
		})
	}
}
