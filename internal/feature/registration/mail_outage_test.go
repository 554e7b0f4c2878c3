package registration_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
)

// R12: registration works while the mail server is down. When the server is back, each new
// account gets exactly one mail.
func TestRegister_MailServerOutageDelaysMails(t *testing.T) {
	const n = 200
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		server := h.SMTP()
		server.SetDown(true)
		h.SendMails()
		b := h.Browser()
		for i := range n {
			b.Register(fmt.Sprintf("user%d", i))
		}
		if waiting := h.Count("SELECT count(*) FROM outbox WHERE dead_at IS NULL"); waiting != n || len(server.Mails()) != 0 {
			t.Fatalf("got %d queued and %d sent mails, want %d and 0", waiting, len(server.Mails()), n)
		}
		server.SetDown(false)
		h.Clock.Advance(2 * time.Minute)
		h.Mail.Wake()
		recipients, ids := map[string]bool{}, map[string]bool{}
		mails := server.WaitFor(t, n)
		apptest.Until(func() bool { return h.Count("SELECT count(*) FROM outbox") == 0 })
		for _, m := range mails {
			recipients[m.To[0]], ids[m.MessageID(t)] = true, true
		}
		if total := len(server.Mails()); total != n || len(recipients) != n || len(ids) != n {
			t.Errorf("got %d mails with %d ids to %d recipients, want %d each", total, len(ids), len(recipients), n)
		}
	})
}
