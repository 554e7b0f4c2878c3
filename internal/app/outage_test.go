package app_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/contract"
)

// R12: nobody who registers notices that there is no mail server, and when there is
// one again, everybody gets one mail.
func TestRegistrationsDoNotNeedTheMailServer(t *testing.T) {
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
			t.Fatalf("%d mails wait, %d are out", waiting, len(server.Mails()))
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
			t.Errorf("%d mails with %d ids to %d people", total, len(ids), len(recipients))
		}
	})
}

func TestClosedDatabaseLetsNobodyIn(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		cookie := b.Login("alice").Cookie()
		if err := h.DB.Close(); err != nil {
			t.Fatal(err)
		}
		h.CallAll(h.Browser(), cookie, func(op *contract.Operation, a *apptest.Answer) {
			switch {
			case apptest.UsesDatabase(op):
				if a.Want(503, "unavailable").JSON()["ok"] != false || a.Header.Get("Set-Cookie") != "" {
					t.Errorf("%s: %d %s", op.ID, a.Status, a.Body)
				}
			case a.Status >= 500:
				t.Errorf("%s: %d", op.ID, a.Status)
			}
		})
	})
}
