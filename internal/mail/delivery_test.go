package mail

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/mail/mailtest"
)

// The mail server is down for ten minutes. The mails of 200 registrations stay queued, and all
// are sent within two minutes after it is back (R12).
func TestWorker_OutageDelaysMailsUntilServerReturns(t *testing.T) {
	const n = 200
	run(t, func(t *testing.T, b *bundle) {
		b.server.SetDown(true)
		start(t, b.Worker)
		for i := range n {
			id, a := b.user(t, fmt.Sprintf("u%d", i), false)
			b.add(t, Message{Kind: VerifyEmail, UserID: id, Address: a})
		}
		pass(10 * time.Minute)
		if rows := b.rows(t); len(rows) != n || len(b.server.Mails()) != 0 {
			t.Fatalf("%d rows, %d mails", len(rows), len(b.server.Mails()))
		}
		// Only about one mail a minute was attempted.
		if tries := b.Counters.Retried.Load(); tries < 8 || tries > 20 {
			t.Errorf("%d tries in ten minutes", tries)
		}
		b.server.SetDown(false)
		pass(2 * time.Minute)
		to, ids := make(map[string]bool), make(map[string]bool)
		for _, m := range b.server.Mails() {
			to[m.To[0]], ids[m.MessageID(t)] = true, true
		}
		if len(b.server.Mails()) != n || len(to) != n || len(ids) != n || len(b.rows(t)) != 0 {
			t.Errorf("%d mails to %d people with %d ids, %d rows", len(b.server.Mails()), len(to), len(ids), len(b.rows(t)))
		}
	})
}

// A new instance sends the mails that a stopped one left waiting for the server.
func TestWorker_StartRetriesMailsOfStoppedInstance(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		b.server.SetDown(true)
		stop := start(t, b.Worker)
		id, a := b.user(t, "alice", true)
		b.add(t, Message{Kind: PasswordChanged, UserID: id, Address: a})
		settle()
		stop()
		if rows := b.rows(t); len(rows) != 1 || !rows[0].Unreachable || !rows[0].NextAttemptAt.After(time.Now()) {
			t.Fatalf("got %+v", rows)
		}
		b.server.SetDown(false)
		start(t, b.another(b.DB))
		settle()
		if n := len(b.server.Mails()); n != 1 {
			t.Errorf("%d mails", n)
		}
	})
}

// A server that sends one byte a second delays four sends for half a minute, and no request.
func TestWorker_SlowServerIsBoundedInConnectionsAndTime(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		b.server.PerByte = time.Second
		start(t, b.Worker)
		id, a := b.user(t, "alice", true)
		for range 20 {
			b.add(t, Message{Kind: PasswordChanged, UserID: id, Address: a})
		}
		before := time.Now()
		pass(sendTimeout - time.Second)
		if b.server.Open() != maxSends {
			t.Errorf("%d connections", b.server.Open())
		}
		b.add(t, Message{Kind: PasswordChanged, UserID: id, Address: a})
		if waited := time.Since(before); waited > sendTimeout {
			t.Errorf("adding a mail waited: %s", waited)
		}
		pass(2 * time.Second) // the server notices with its next byte
		if b.server.Open() != 0 {
			t.Errorf("%d connections after %s", b.server.Open(), sendTimeout)
		}
		pass(10 * time.Minute)
		if most := b.server.MostAtOnce(); most != maxSends || len(b.server.Mails()) != 0 {
			t.Errorf("%d connections at once, %d mails", most, len(b.server.Mails()))
		}
	})
}

// The server accepts the connection and never answers the message.
func TestWorker_SilentServerTimesOut(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		release := make(chan struct{})
		b.server.Answer = func(stage, _ string) string {
			if stage == mailtest.Dot {
				<-release
			}
			return ""
		}
		start(t, b.Worker)
		id, a := b.user(t, "alice", true)
		b.add(t, Message{Kind: PasswordChanged, UserID: id, Address: a})
		pass(sendTimeout - 1)
		if b.counted() != "0 0 0 0" {
			t.Errorf("given up early: %s", b.counted())
		}
		pass(1)
		if b.counted() != "0 1 0 0" {
			t.Errorf("not given up: %s", b.counted())
		}
		close(release)
	})
}

func TestWorker_GreylistingIsRetriedWithBackoff(t *testing.T) {
	for _, stage := range []string{mailtest.To, mailtest.Dot} {
		t.Run(stage, func(t *testing.T) {
			run(t, func(t *testing.T, b *bundle) {
				var tries []time.Time
				b.server.Answer = func(at, _ string) string {
					if at != stage {
						return ""
					}
					if tries = append(tries, time.Now()); len(tries) <= 2 {
						return "451 later"
					}
					return ""
				}
				start(t, b.Worker)
				id, a := b.user(t, "alice", true)
				b.add(t, Message{Kind: PasswordChanged, UserID: id, Address: a})
				pass(time.Hour)
				if len(b.server.Mails()) != 1 || len(tries) != 3 || b.counted() != "1 2 0 0" {
					t.Fatalf("%d mails, %d tries, %s", len(b.server.Mails()), len(tries), b.counted())
				}
				for i, want := range backoff[:2] {
					if got := tries[i+1].Sub(tries[i]); !near(got, want) {
						t.Errorf("try %d after %s, want about %s", i+2, got, want)
					}
				}
			})
		})
	}
}

// near allows for the jitter, and for the microsecond timestamps of the database.
func near(got, want time.Duration) bool {
	return got >= want-want/5-time.Millisecond && got <= want+want/5+time.Millisecond
}

func TestWorker_GivesUpAfter24Hours(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		var tries []time.Time
		b.server.Answer = func(stage, _ string) string {
			if stage != mailtest.To {
				return ""
			}
			tries = append(tries, time.Now())
			return "450 not now, says alice@example.com"
		}
		start(t, b.Worker)
		id, a := b.user(t, "alice", true)
		b.add(t, Message{Kind: PasswordChanged, UserID: id, Address: a})
		pass(26 * time.Hour)
		want := slices.Concat(backoff, slices.Repeat(backoff[4:], len(tries)))
		exact := 0
		for i := range len(tries) - 1 {
			got := tries[i+1].Sub(tries[i])
			if !near(got, want[i]) {
				t.Errorf("try %d after %s, want about %s", i+2, got, want[i])
			}
			if got.Round(time.Second) == want[i] {
				exact++
			}
		}
		if exact > 10 {
			t.Errorf("%d of %d waits without jitter", exact, len(tries)-1)
		}
		failed := b.givenUp()
		last := tries[len(tries)-1].Sub(tries[0])
		if last < giveUpAfter || last > giveUpAfter+20*time.Minute || !slices.Equal(failed, []string{"password_changed"}) || b.Counters.Failed.Load() != 1 {
			t.Errorf("last try after %s, %v, %s", last, failed, b.counted())
		}
		rows := b.rows(t)
		if len(rows) != 1 || rows[0].DeadAt == nil || rows[0].LastError == nil || !strings.Contains(*rows[0].LastError, "450") || strings.Contains(*rows[0].LastError, "alice") {
			t.Errorf("got %+v", rows)
		}
		if log := b.logs.String(); !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "event=mail_failed") || strings.Contains(log, "alice@") {
			t.Errorf("log %s", log)
		}
	})
}

func TestWorker_PermanentRefusalIsNotRetried(t *testing.T) {
	for _, stage := range []string{mailtest.To, mailtest.Data, mailtest.Dot} {
		t.Run(stage, func(t *testing.T) {
			run(t, func(t *testing.T, b *bundle) {
				tries := 0
				b.server.Answer = func(at, _ string) string {
					if at != stage {
						return ""
					}
					tries++
					return "550 no such thing"
				}
				stop := start(t, b.Worker)
				id, a := b.user(t, "alice", true)
				b.add(t, Message{Kind: PasswordChanged, UserID: id, Address: a})
				pass(20 * time.Minute)
				stop()
				pass(29 * 24 * time.Hour)
				failed := b.givenUp()
				if rows := b.rows(t); tries != 1 || len(rows) != 1 || rows[0].DeadAt == nil || len(failed) != 1 || b.counted() != "0 0 1 0" {
					t.Errorf("%d tries, %+v, %v, %s", tries, rows, failed, b.counted())
				}
				var event, why string
				var owner int64
				err := b.DB.QueryRowContext(t.Context(), "SELECT event, reason, user_id FROM audit_events").Scan(&event, &why, &owner)
				if err != nil || event != string(audit.MailFailed) || why != "mail_refused" || owner != id {
					t.Errorf("the trail has %s %s of %d, %v", event, why, owner, err)
				}
				if n, err := b.Outbox.Sweep(t.Context(), b.DB.Queries); n != 0 || err != nil {
					t.Errorf("swept %d, %v", n, err)
				}
				pass(24 * time.Hour)
				if n, err := b.Outbox.Sweep(t.Context(), b.DB.Queries); n != 1 || err != nil || len(b.rows(t)) != 0 {
					t.Errorf("swept %d, %v", n, err)
				}
			})
		})
	}
}

// An error about this service, not about the mail, keeps the mails queued.
func TestWorker_RefusalOfServiceKeepsMailsQueued(t *testing.T) {
	for name, tc := range map[string]struct{ stage, answer, level string }{
		"busy":               {mailtest.Connect, "421 too many", "WARN"},
		"blocked":            {mailtest.Connect, "554 go away", "ERROR"},
		"host name rejected": {mailtest.Ehlo, "550 who?", "ERROR"},
		"login rejected":     {mailtest.Auth, "535 wrong password", "ERROR"},
		"login required":     {mailtest.From, "530 log in first", "ERROR"},
		"sender rejected":    {mailtest.From, "550 no such sender here", "ERROR"},
		"connection closed":  {mailtest.Connect, mailtest.Hangup, "WARN"},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, b *bundle) {
				var wrong sync.Map
				wrong.Store("on", true)
				b.smtp.User, b.smtp.Password, b.smtp.RequireTLS = "user", "hunter2", false
				b.server.Answer = func(stage, _ string) string {
					if on, _ := wrong.Load("on"); stage == tc.stage && on.(bool) {
						return tc.answer
					}
					return ""
				}
				start(t, b.Worker)
				id, a := b.user(t, "alice", true)
				for range 10 {
					b.add(t, Message{Kind: PasswordChanged, UserID: id, Address: a})
				}
				pass(5 * time.Minute)
				if rows := b.rows(t); len(rows) != 10 || rows[0].DeadAt != nil || b.server.Open() != 0 {
					t.Fatalf("%+v, %d connections", rows, b.server.Open())
				}
				if log := b.logs.String(); !strings.Contains(log, "level="+tc.level+" msg=\"mail not sent") {
					t.Errorf("no line of level %s:\n%s", tc.level, log)
				}
				wrong.Store("on", false)
				pass(2 * time.Minute)
				if n := len(b.server.Mails()); n != 10 {
					t.Errorf("%d mails\n%s", n, b.logs)
				}
				if strings.Contains(b.logs.String(), "hunter2") {
					t.Error("the password is in the log")
				}
			})
		})
	}
}

// If the operator does not fix MAIL_FROM, mails are given up after 24 hours as usual.
func TestWorker_RejectedSenderGivesUpAfter24Hours(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		b.server.Answer = func(stage, _ string) string {
			if stage == mailtest.From {
				return "553 5.1.8 sender rejected"
			}
			return ""
		}
		start(t, b.Worker)
		id, a := b.user(t, "alice", true)
		for range 3 {
			b.add(t, Message{Kind: PasswordChanged, UserID: id, Address: a})
		}
		pass(giveUpAfter - time.Minute)
		if b.Counters.Failed.Load() != 0 {
			t.Errorf("given up early: %s", b.counted())
		}
		pass(time.Hour)
		if tries := b.Counters.Retried.Load(); b.Counters.Failed.Load() != 3 || tries < 1000 || tries > 2000 {
			t.Errorf("%s", b.counted()) // about one try a minute
		}
	})
}

// The connection breaks between the message and the answer. The server may have accepted the
// mail, so it is sent again with the same Message-ID.
func TestWorker_LostConnectionResendsSameMail(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		lost := false
		b.server.Answer = func(stage, _ string) string {
			if stage == mailtest.Dot && !lost {
				lost = true
				return mailtest.Hangup
			}
			return ""
		}
		start(t, b.Worker)
		_, a := b.user(t, "alice", true)
		b.add(t, Message{Kind: ResetPassword, Address: a})
		pass(time.Hour)
		same(t, b.server.Mails())
		if len(b.rows(t)) != 0 {
			t.Error("the row is still there")
		}
	})
}

// same checks that the same mail was sent twice.
func same(t *testing.T, mails []mailtest.Mail) {
	t.Helper()
	if len(mails) != 2 {
		t.Fatalf("%d mails", len(mails))
	}
	first, second := mails[0], mails[1]
	if first.MessageID(t) == "" || first.MessageID(t) != second.MessageID(t) || first.Token(t) == "" || first.Token(t) != second.Token(t) ||
		first.Headers(t).Get("Date") != second.Headers(t).Get("Date") {
		t.Errorf("got\n%s\n%s", first.Raw, second.Raw)
	}
}
