package mail

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// A panic in the Failed function stops neither the program nor the delivery of other mails.
func TestWorker_PanicInFailedIsRecovered(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		b.server.Answer = func(stage, line string) string {
			if stage == "RCPT" && strings.Contains(line, "alice") {
				return "550 no such person"
			}
			return ""
		}
		b.Logger = slog.New(panicking{b.Logger.Handler()})
		start(t, b.Worker)
		alice, a := b.user(t, "alice", true)
		bob, c := b.user(t, "bob", true)
		b.add(t, Message{Kind: PasswordChanged, UserID: alice, Address: a})
		settle()
		b.add(t, Message{Kind: PasswordChanged, UserID: bob, Address: c})
		settle()
		if mails := b.server.Mails(); len(mails) != 1 || mails[0].To[0] != "bob@example.com" {
			t.Errorf("%d mails", len(mails))
		}
		if rows := b.rows(t); len(rows) != 1 || rows[0].DeadAt == nil {
			t.Errorf("got %+v", rows)
		}
		if !strings.Contains(b.logs.String(), "panic while sending mail") {
			t.Errorf("the log does not report it: %s", b.logs)
		}
	})
}

// After a panic in its own loop the worker pauses and continues.
func TestWorker_PanicInLoopIsRecovered(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		calls := 0
		b.Now = func() time.Time {
			if calls++; calls == 3 {
				panic("clock")
			}
			return time.Now()
		}
		id, a := b.user(t, "alice", true)
		b.add(t, Message{Kind: PasswordChanged, UserID: id, Address: a})
		start(t, b.Worker)
		pass(2 * lease)
		if n := len(b.server.Mails()); n != 1 {
			t.Errorf("%d mails\n%s", n, b.logs)
		}
	})
}

// panicking is a log handler that panics when a mail is given up.
type panicking struct{ slog.Handler }

func (p panicking) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "mail given up" {
		panic("the log failed")
	}
	return p.Handler.Handle(ctx, r)
}
