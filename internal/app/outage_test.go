package app_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/mail/mailtest"
)

// smtp has the server's mails sent to a mail server.
func (h *harness) smtp() *mailtest.Server {
	h.t.Helper()
	server := &mailtest.Server{Domain: "mail.example.com"}
	h.t.Cleanup(server.Close)
	h.MailWorker.Sender = &mail.SMTP{Host: "mail.example.com", Port: 587, Dial: server.Dial}
	return server
}

// deliver sends mail until the test ends.
func (h *harness) deliver() {
	h.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.MailWorker.Run(ctx)
	}()
	h.t.Cleanup(func() {
		stop()
		<-ended
	})
}

// R12: nobody who registers notices that there is no mail server, and when there is
// one again, everybody gets one mail.
func TestRegistrationsDoNotNeedTheMailServer(t *testing.T) {
	const n = 200
	each(t, func(t *testing.T, h *harness) {
		server := h.smtp()
		server.SetDown(true)
		h.deliver()
		b := h.browser()
		for i := range n {
			b.register(fmt.Sprintf("user%d", i))
		}
		if waiting := h.count("SELECT count(*) FROM outbox WHERE dead_at IS NULL"); waiting != n || len(server.Mails()) != 0 {
			t.Fatalf("%d mails wait, %d are out", waiting, len(server.Mails()))
		}
		server.SetDown(false)
		h.clock.advance(2 * time.Minute)
		h.Mail.Wake()
		recipients, ids := map[string]bool{}, map[string]bool{}
		mails := server.WaitFor(t, n)
		until(func() bool { return h.count("SELECT count(*) FROM outbox") == 0 })
		for _, m := range mails {
			recipients[m.To[0]], ids[m.MessageID(t)] = true, true
		}
		if total := len(server.Mails()); total != n || len(recipients) != n || len(ids) != n {
			t.Errorf("%d mails with %d ids to %d people", total, len(ids), len(recipients))
		}
	})
}

func TestClosedDatabaseLetsNobodyIn(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		cookie := b.login("alice").cookie()
		if err := h.DB.Close(); err != nil {
			t.Fatal(err)
		}
		h.everything(h.browser(), cookie, func(op *contract.Operation, a *answer) {
			switch {
			case usesDatabase(op):
				if a.want(503, "unavailable").json()["ok"] != false || a.header.Get("Set-Cookie") != "" {
					t.Errorf("%s: %d %s", op.ID, a.status, a.body)
				}
			case a.status >= 500:
				t.Errorf("%s: %d", op.ID, a.status)
			}
		})
	})
}
