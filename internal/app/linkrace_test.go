package app_test

import (
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/mail"
)

// X22: two changes at once, to an address of one's own and to somebody else's, and
// links that are used while the next change is on its way: a link that went to the one
// address never confirms the other.
func TestALinkConfirmsOnlyTheAddressItWentTo(t *testing.T) {
	const own, victim = "own@example.com", "victim@example.com"
	for mode, path := range map[string]string{"open": "/auth/verify", "verified": "/auth/confirm_email"} {
		t.Run(mode, func(t *testing.T) {
			eachByChance(t, func(t *testing.T, h *harness) {
				b := h.browser()
				b.register("alice")
				b.login("alice")
				h.Accounts.Registration = mode
				confirmed := 0
				for range 200 {
					h.exec("UPDATE users SET email = 'alice@example.com', email_key = 'alice@example.com', email_verified_at = created_at")
					h.drain()
					h.Preview = &mail.Preview{Now: h.Now, Logger: h.Logger}
					h.MailWorker.Sender = h.Preview
					change := func(to string) { b.updateProfile(members{"email": to}).want(200, "") }
					atOnce(2, func(i int) { change([]string{own, victim}[i]) })
					tokens := h.tokensTo(own)
					use := func() {
						for _, token := range tokens {
							switch a := b.call("POST", path, members{"token": token}); a.status {
							case 200:
								confirmed++
							case 400:
								a.want(400, "invalid_token")
							default:
								t.Errorf("%d %s", a.status, a.body)
							}
						}
					}
					atOnce(2, func(i int) {
						if i == 0 {
							use()
						} else {
							change(victim)
						}
					})
					use()
					row := h.account("alice")
					if unconfirmed := row["email_verified_at"] == "<nil>"; row["email"] == victim && (mode == "verified" || !unconfirmed) {
						t.Fatalf("somebody else's address is the account's: %v", row)
					}
				}
				if confirmed == 0 {
					t.Error("no link has confirmed anything: the test has proved nothing")
				}
			})
		})
	}
}

// tokensTo delivers, and returns what was mailed to an address.
func (h *harness) tokensTo(address string) (tokens []string) {
	h.t.Helper()
	for _, m := range h.mails() {
		if _, token, ok := strings.Cut(m.Link, "#token="); ok && m.To == address {
			tokens = append(tokens, token)
		}
	}
	return tokens
}
