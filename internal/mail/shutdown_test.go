package mail

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/mail/mailtest"
)

type senderFunc func(ctx context.Context, m Rendered) error

func (f senderFunc) Send(ctx context.Context, m Rendered) error { return f(ctx, m) }

func TestWorker_PanicInSenderAffectsOneMail(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		panicked := false
		b.Sender = senderFunc(func(ctx context.Context, m Rendered) error {
			if m.To == "alice@example.com" && !panicked {
				panicked = true
				panic("no")
			}
			return b.smtp.Send(ctx, m)
		})
		start(t, b.Worker)
		for _, name := range []string{"alice", "bob"} {
			id, a := b.user(t, name, true)
			b.add(t, Message{Kind: PasswordChanged, UserID: id, Address: a})
		}
		settle()
		if n := len(b.server.Mails()); n != 1 || !strings.Contains(b.logs.String(), "level=ERROR msg=panic") {
			t.Errorf("%d mails\n%s", n, b.logs)
		}
		pass(2 * time.Minute)
		if n := len(b.server.Mails()); n != 2 {
			t.Errorf("%d mails", n)
		}
	})
}

// On shutdown a send that is nearly done may finish. One that hangs returns to the queue, so
// that the next instance does not have to wait for the lease.
func TestWorkerRun_ShutdownFinishesOrReturnsMails(t *testing.T) {
	for name, tc := range map[string]struct {
		takes time.Duration
		mails int
	}{"send finishes": {time.Second, 1}, "send hangs": {time.Hour, 0}} {
		for _, stage := range []string{mailtest.Connect, mailtest.Dot} {
			t.Run(name+"/"+stage, func(t *testing.T) {
				run(t, func(t *testing.T, b *bundle) {
					slow, over := true, make(chan struct{})
					b.server.Answer = func(at, _ string) string {
						if at == stage && slow {
							slow = false
							select {
							case <-time.After(tc.takes):
							case <-over:
								return mailtest.Hangup
							}
						}
						return ""
					}
					stop := start(t, b.Worker)
					_, a := b.user(t, "alice", true)
					b.add(t, Message{Kind: ResetPassword, Address: a})
					settle()
					before := time.Now()
					stop()
					if d := time.Since(before); d > 5*time.Second {
						t.Errorf("ended after %s", d)
					}
					close(over)
					settle()
					// After the final dot the server has the message, even without its answer.
					if rows := b.rows(t); len(rows) != 1-tc.mails || len(rows) == 1 && rows[0].Lease != nil {
						t.Errorf("%d mails, %+v", len(b.server.Mails()), rows)
					}
					start(t, b.another(b.DB))
					settle()
					to := make(map[string]bool)
					for _, m := range b.server.Mails() {
						to[m.MessageID(t)] = true
					}
					if len(to) != 1 || len(b.rows(t)) != 0 {
						t.Errorf("%d mails, %+v", len(to), b.rows(t))
					}
				})
			})
		}
	}
}

// A database outage neither counts as an outage of the mail server nor ends the worker.
func TestWorker_RecoversFromDatabaseOutage(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		start(t, b.Worker)
		settle()
		if _, err := b.DB.ExecContext(t.Context(), "ALTER TABLE outbox RENAME TO outbox_away"); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		if _, err := b.DB.ExecContext(t.Context(), "ALTER TABLE outbox_away RENAME TO outbox"); err != nil {
			t.Fatal(err)
		}
		id, a := b.user(t, "alice", true)
		b.add(t, Message{Kind: PasswordChanged, UserID: id, Address: a})
		pass(poll)
		if n := len(b.server.Mails()); n != 1 {
			t.Errorf("%d mails\n%s", n, b.logs)
		}
	})
}
