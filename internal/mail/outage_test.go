package mail

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/mail/mailtest"
)

// Attempts without a server do not count: the first refusal after an outage is the mail's first
// attempt, and the second follows after a minute.
func TestWorker_OutageDoesNotCountAsAttempts(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		var tries []time.Time
		b.server.Answer = func(stage, _ string) string {
			if stage != mailtest.To {
				return ""
			}
			if tries = append(tries, time.Now()); len(tries) <= 2 {
				return "451 later"
			}
			return ""
		}
		b.server.SetDown(true)
		start(t, b.Worker)
		id, a := b.user(t, "alice", true)
		b.add(t, Message{Kind: PasswordChanged, UserID: id, Address: a})
		pass(time.Hour)
		if rows := b.rows(t); b.Counters.Retried.Load() < 40 || len(rows) != 1 || rows[0].Attempts != 0 {
			t.Errorf("%s, %+v", b.counted(), rows)
		}
		b.server.SetDown(false)
		pass(10 * time.Minute)
		if len(tries) != 3 || len(b.server.Mails()) != 1 {
			t.Fatalf("%d tries, %d mails", len(tries), len(b.server.Mails()))
		}
		for i, want := range backoff[:2] {
			if got := tries[i+1].Sub(tries[i]); !near(got, want) {
				t.Errorf("try %d after %s, want about %s", i+2, got, want)
			}
		}
	})
}

// A worker that saw no outage sends one of the mails that a stopped instance left waiting for
// the server. Its success makes the others due.
func TestWorker_SuccessReleasesMailsOfStoppedInstance(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		b.server.SetDown(true)
		stop := start(t, b.another(b.DB))
		id, a := b.user(t, "alice", true)
		for range 5 {
			b.add(t, Message{Kind: PasswordChanged, UserID: id, Address: a})
		}
		pass(poll)
		stop()
		b.server.SetDown(false)
		if _, err := b.DB.ExecContext(t.Context(), "UPDATE outbox SET next_attempt_at = $1, unreachable = FALSE", time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		start(t, b.Worker) // the start makes waiting mails due; there are none
		settle()
		if _, err := b.DB.ExecContext(t.Context(), "UPDATE outbox SET unreachable = TRUE"); err != nil {
			t.Fatal(err)
		}
		if _, err := b.DB.ExecContext(t.Context(), "UPDATE outbox SET next_attempt_at = $1 WHERE id = (SELECT min(id) FROM outbox)", time.Now()); err != nil {
			t.Fatal(err)
		}
		pass(2 * poll)
		if n := len(b.server.Mails()); n != 5 {
			t.Errorf("%d mails\n%s", n, b.logs)
		}
	})
}

// A host that does not answer at all delays a send for ten seconds (R13).
func TestSMTP_ConnectTimesOut(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		b.smtp.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		start(t, b.Worker)
		id, a := b.user(t, "alice", true)
		b.add(t, Message{Kind: PasswordChanged, UserID: id, Address: a})
		pass(10*time.Second - 1)
		if b.counted() != "0 0 0 0" {
			t.Errorf("given up early: %s", b.counted())
		}
		pass(1)
		if b.counted() != "0 1 0 0" {
			t.Errorf("not given up: %s", b.counted())
		}
	})
}

// The worker looks up the account of an anonymous mail while it renders it. The log has the
// user id from the first attempt, even if the mail is given up then.
func TestWorker_LogsUserIDOfAnonymousMail(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		b.server.Answer = func(stage, argument string) string {
			if stage == mailtest.To && strings.Contains(argument, "bob@") {
				return "550 no such thing"
			}
			return ""
		}
		start(t, b.Worker)
		sent, a := b.user(t, "alice", true)
		refused, c := b.user(t, "bob", true)
		b.add(t, Message{Kind: ResetPassword, Address: a})
		b.add(t, Message{Kind: ResetPassword, Address: c})
		settle()
		for what, id := range map[string]int64{"mail sent": sent, "mail given up": refused} {
			found := false
			for line := range strings.Lines(b.logs.String()) {
				found = found || strings.Contains(line, what) && strings.Contains(line, fmt.Sprintf("user_id=%d ", id))
			}
			if !found {
				t.Errorf("%s of %d is not in the log:\n%s", what, id, b.logs)
			}
		}
	})
}

// A server without mail neither sends nor gives up the mails that an earlier setting left
// queued. It deletes them after 30 days, like mails that were given up.
func TestOutboxSweep_OffDeletesOldMails(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		id, a := b.user(t, "alice", true)
		b.add(t, Message{Kind: PasswordChanged, UserID: id, Address: a})
		pass(30*24*time.Hour - time.Minute)
		b.add(t, Message{Kind: PasswordChanged, UserID: id, Address: a})
		sweep := func(off bool) int {
			b.Outbox.Off = off
			if _, err := b.Outbox.Sweep(t.Context(), b.DB.Queries); err != nil {
				t.Fatal(err)
			}
			return len(b.rows(t))
		}
		if n := sweep(true); n != 2 {
			t.Errorf("%d are left, but none is old enough", n)
		}
		pass(time.Minute)
		if n := sweep(false); n != 2 {
			t.Errorf("%d are left, but all are pending", n)
		}
		if n := sweep(true); n != 1 {
			t.Errorf("%d are left, want only the newest", n)
		}
	})
}
