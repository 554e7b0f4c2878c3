package mail

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/mail/mailtest"
	"github.com/techtreks/auth/internal/token"
)

func TestMailIsSentAtOnceWhenWoken(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		start(t, b.Worker)
		settle()
		id, a := b.user(t, "alice", false)
		b.add(t, Message{Kind: VerifyEmail, UserID: id, Address: a, Locale: "de"})
		settle()
		mails := b.server.Mails()
		if len(mails) != 1 || len(b.rows(t)) != 0 || b.counted() != "1 0 0 0" {
			t.Fatalf("%v, %d rows, %s\n%s", mails, len(b.rows(t)), b.counted(), b.logs)
		}
		if m := mails[0]; m.From != "no-reply@techtreks.example" || !slices.Equal(m.To, []string{"alice@example.com"}) ||
			m.Subject(t) != "Bestätigen Sie Ihre E-Mail-Adresse" || m.Headers(t).Get("Auto-Submitted") != "auto-generated" {
			t.Errorf("got\n%s", m.Raw)
		}
		if strings.Contains(b.logs.String(), "alice@") {
			t.Errorf("the log has the address: %s", b.logs)
		}
	})
}

// What another instance has written needs nobody to wake this one.
func TestMailIsFoundByPolling(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		start(t, b.Worker)
		settle()
		id, a := b.user(t, "alice", true)
		err := b.DB.Tx(t.Context(), func(q *gendb.Queries) error {
			return b.Outbox.Add(t.Context(), q, Message{Kind: PasswordChanged, UserID: id, Address: a})
		})
		if err != nil {
			t.Fatal(err)
		}
		pass(poll)
		if n := len(b.server.Mails()); n != 1 {
			t.Errorf("%d mails", n)
		}
	})
}

// What no longer makes sense, or never did, is dropped without a word to anybody.
func TestMailsForNobodyAreDropped(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		start(t, b.Worker)
		_, confirmed := b.user(t, "confirmed", true)
		_, fresh := b.user(t, "fresh", false)
		disabled, gone := b.user(t, "disabled", false)
		if _, err := b.DB.ExecContext(t.Context(), "UPDATE users SET disabled_at = created_at WHERE id = $1", disabled); err != nil {
			t.Fatal(err)
		}
		nobody := address(t, "nobody@example.com")
		for _, m := range []Message{
			{Kind: VerifyEmail, Address: nobody}, {Kind: ResetPassword, Address: nobody}, {Kind: AlreadyRegistered, Address: nobody},
			{Kind: VerifyEmail, Address: gone}, {Kind: ResetPassword, Address: gone}, {Kind: AlreadyRegistered, Address: gone},
			{Kind: VerifyEmail, Address: confirmed},
			{Kind: VerifyEmail, UserID: disabled, Address: gone}, {Kind: ConfirmEmail, UserID: disabled, Address: nobody},
			// Asked for before the account's address changed.
			{Kind: ResetPassword, UserID: disabled, Address: nobody},
		} {
			b.add(t, m)
			settle()
		}
		if n := len(b.server.Mails()); n != 0 || len(b.rows(t)) != 0 || b.counted() != "0 0 0 10" {
			t.Errorf("%d mails, %d rows, %s", n, len(b.rows(t)), b.counted())
		}
		for _, m := range []Message{
			{Kind: VerifyEmail, Address: fresh}, {Kind: ResetPassword, Address: fresh}, {Kind: ResetPassword, Address: confirmed},
			{Kind: AlreadyRegistered, Address: confirmed}, {Kind: PasswordChanged, UserID: disabled, Address: gone},
		} {
			b.add(t, m)
			settle()
		}
		if n := len(b.server.Mails()); n != 5 {
			t.Errorf("%d mails of the 5 that make sense\n%s", n, b.logs)
		}
	})
}

// The language of a mail that a stranger asks for is the owner's.
func TestLanguageIsTheAccounts(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		start(t, b.Worker)
		id, a := b.user(t, "alice", true)
		if _, err := b.DB.ExecContext(t.Context(), "UPDATE users SET locale = 'de' WHERE id = $1", id); err != nil {
			t.Fatal(err)
		}
		b.add(t, Message{Kind: ResetPassword, Address: a, Locale: "en"})
		settle()
		if m := b.server.Mails(); len(m) != 1 || m[0].Subject(t) != "Neues Passwort setzen" {
			t.Errorf("got %v", m)
		}
	})
}

// To the server that takes the mail, another case before the @ may be another person:
// what a stranger types does not decide who gets the link.
func TestAddressIsSpelledAsItsOwnerDoes(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		start(t, b.Worker)
		id, _ := b.user(t, "alice", true)
		for _, kind := range []Kind{ResetPassword, AlreadyRegistered} {
			b.add(t, Message{Kind: kind, Address: address(t, "ALICE@EXAMPLE.com")})
			settle()
		}
		mails := b.server.Mails()
		if len(mails) != 2 || mails[0].To[0] != "alice@example.com" || mails[1].To[0] != "alice@example.com" || b.tokens(t, id)[0].Email != "alice@example.com" {
			t.Errorf("%v, %+v", mails, b.tokens(t, id))
		}
	})
}

// The server is away for ten minutes; the mails of 200 registrations wait, and are all
// out two minutes after it is back.
func TestServerAway(t *testing.T) {
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
		// The queue was not tried one by one.
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

// Mails that an instance has left waiting for the server go out when another starts.
func TestStartTriesWhatWaits(t *testing.T) {
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

// A server that answers a byte a second holds up four sends for half a minute, and
// nobody else.
func TestTarpit(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		b.server.PerByte = time.Second
		start(t, b.Worker)
		id, a := b.user(t, "alice", true)
		for range 20 {
			b.add(t, Message{Kind: PasswordChanged, UserID: id, Address: a})
		}
		before := time.Now()
		pass(sendTimeout - time.Second)
		if b.server.Open() != atOnce {
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
		if most := b.server.MostAtOnce(); most != atOnce || len(b.server.Mails()) != 0 {
			t.Errorf("%d connections at once, %d mails", most, len(b.server.Mails()))
		}
	})
}

// A server that connects and then says nothing.
func TestSilentServer(t *testing.T) {
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

func TestGreylisting(t *testing.T) {
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

// near allows for the jitter, and for the clock of the database, which has microseconds.
func near(got, want time.Duration) bool {
	return got >= want-want/5-time.Millisecond && got <= want+want/5+time.Millisecond
}

func TestBackoffUntilGivenUp(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		var tries []time.Time
		var failed []string
		b.Failed = func(kind string) { failed = append(failed, kind) }
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
		last := tries[len(tries)-1].Sub(tries[0])
		if last < giveUp || last > giveUp+20*time.Minute || !slices.Equal(failed, []string{"password_changed"}) || b.Counters.Failed.Load() != 1 {
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

func TestRefusedForGood(t *testing.T) {
	for _, stage := range []string{mailtest.From, mailtest.To, mailtest.Data, mailtest.Dot} {
		t.Run(stage, func(t *testing.T) {
			run(t, func(t *testing.T, b *bundle) {
				var failed []string
				b.Failed = func(kind string) { failed = append(failed, kind) }
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
				if rows := b.rows(t); tries != 1 || len(rows) != 1 || rows[0].DeadAt == nil || len(failed) != 1 || b.counted() != "0 0 1 0" {
					t.Errorf("%d tries, %+v, %v, %s", tries, rows, failed, b.counted())
				}
				if n, err := b.Sweep(t.Context()); n != 0 || err != nil {
					t.Errorf("swept %d, %v", n, err)
				}
				pass(24 * time.Hour)
				if n, err := b.Sweep(t.Context()); n != 1 || err != nil || len(b.rows(t)) != 0 {
					t.Errorf("swept %d, %v", n, err)
				}
			})
		})
	}
}

// What the server says about us is no reason to give anybody's mail up.
func TestRefusalsOfOurselves(t *testing.T) {
	for name, tc := range map[string]struct{ stage, answer string }{
		"Busy": {mailtest.Connect, "421 too many"}, "Blocked": {mailtest.Connect, "554 go away"}, "BadName": {mailtest.Ehlo, "550 who?"},
		"BadLogin": {mailtest.Auth, "535 wrong password"}, "LoginWanted": {mailtest.From, "530 log in first"}, "HangsUp": {mailtest.Connect, mailtest.Hangup},
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

// The connection breaks after the message and before the answer: nobody knows whether
// it was taken, so it is sent again, as the same mail.
func TestConnectionLostBeforeTheAnswer(t *testing.T) {
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

// same checks that a mail was sent twice.
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

// A worker is killed while it sends; its lease runs out, and the next one sends.
func TestKilledWhileSending(t *testing.T) {
	for name, sent := range map[string]bool{"BeforeTheServerHasIt": false, "AfterTheServerHasIt": true} {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, b *bundle) {
				_, a := b.user(t, "alice", true)
				b.add(t, Message{Kind: ResetPassword, Address: a})
				row, err := b.claim(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				m, err := b.write(t.Context(), row)
				if err == nil && sent {
					err = b.smtp.Send(t.Context(), m)
				}
				if err != nil {
					t.Fatal(err)
				}
				start(t, b.another(b.DB))
				before := 0
				if sent {
					before = 1
				}
				pass(lease - 1)
				if n := len(b.server.Mails()); n != before {
					t.Errorf("%d mails while the lease runs", n)
				}
				pass(poll + 1)
				if sent {
					same(t, b.server.Mails())
				} else if n := len(b.server.Mails()); n != 1 {
					t.Errorf("%d mails", n)
				}
				if len(b.rows(t)) != 0 {
					t.Error("the row is still there")
				}
			})
		})
	}
}

// A worker that was thought dead and was not must not touch the mail of its successor.
func TestLostLease(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		_, a := b.user(t, "alice", true)
		b.add(t, Message{Kind: ResetPassword, Address: a})
		stale, _ := b.claim(t.Context())
		time.Sleep(lease)
		current, err := b.claim(t.Context())
		if err != nil {
			t.Fatalf("the lease does not run out: %v", err)
		}
		b.handle(t.Context(), stale)
		if len(b.server.Mails()) != 0 {
			t.Error("sent without a lease")
		}
		b.handle(t.Context(), current)
		if len(b.server.Mails()) != 1 || len(b.rows(t)) != 0 {
			t.Errorf("%d mails, %+v", len(b.server.Mails()), b.rows(t))
		}
	})
}

// Two instances empty one outbox.
func TestTwoInstances(t *testing.T) {
	const n = 1000
	for _, kind := range dbtest.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			url := dbtest.URL(t, kind)
			synctest.Test(t, func(t *testing.T) {
				open := func() *db.DB {
					d, err := db.Open(t.Context(), url)
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { _ = d.Close() })
					return d
				}
				b := newBundle(t, open())
				var sending, most atomic.Int64
				b.Sender = senderFunc(func(ctx context.Context, m Rendered) error {
					defer sending.Add(-1)
					if n := sending.Add(1); n > most.Load() {
						most.Store(n)
					}
					return b.smtp.Send(ctx, m)
				})
				second := b.another(open())
				id, _ := b.user(t, "alice", true)
				err := b.DB.Tx(t.Context(), func(q *gendb.Queries) error {
					for i := range n {
						m := Message{Kind: PasswordChanged, UserID: id, Address: address(t, fmt.Sprintf("u%d@example.com", i))}
						if err := b.Outbox.Add(t.Context(), q, m); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				start(t, b.Worker)
				start(t, second)
				for deadline := time.Now().Add(time.Hour); len(b.rows(t)) > 0 && time.Now().Before(deadline); {
					pass(time.Second)
				}
				times := make(map[string]int)
				for _, m := range b.server.Mails() {
					times[m.To[0]]++
				}
				first, other := b.Counters.Sent.Load(), second.Counters.Sent.Load()
				if len(times) != n || len(b.server.Mails()) != n || first+other != n || first == 0 || other == 0 {
					t.Errorf("%d mails to %d people, by %d and %d", len(b.server.Mails()), len(times), first, other)
				}
				if most.Load() > 2*atOnce {
					t.Errorf("%d sends at once", most.Load())
				}
			})
		})
	}
}

// tokens are the purposes and hashes of those that a user has.
func (b *bundle) tokens(t *testing.T, user int64) []gendb.Token {
	t.Helper()
	tokens, err := b.DB.TokensOfUser(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func (b *bundle) use(t *testing.T, purpose, value string) error {
	t.Helper()
	now := time.Now()
	_, err := b.DB.TokenUse(t.Context(), gendb.TokenUseParams{TokenHash: token.Hash(value), Purpose: purpose, Now: &now})
	return err
}

func TestTokens(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		start(t, b.Worker)
		id, a := b.user(t, "alice", false)
		other := address(t, "alice@new.example")
		for _, tc := range []struct {
			kind    Kind
			to      string
			purpose string
			link    string
			ttl     time.Duration
		}{
			{VerifyEmail, a.Display, "verify_email", "https://app.example.com/verify#token=", 24 * time.Hour},
			{ResetPassword, a.Display, "reset_password", "https://app.example.com/reset-password#token=", time.Hour},
			{ConfirmEmail, other.Display, "change_email", "https://app.example.com/confirm-email#token=", 24 * time.Hour},
		} {
			asked := time.Now()
			b.add(t, Message{Kind: tc.kind, UserID: id, Address: address(t, tc.to)})
			settle()
			mails := b.server.Mails()
			m := mails[len(mails)-1]
			value := m.Token(t)
			if len(value) != token.Length || m.To[0] != tc.to || !strings.Contains(m.Text(t), tc.link+value+"\n") || !strings.Contains(m.HTML(t), tc.link+value) {
				t.Errorf("%s: to %s\n%s", tc.kind, m.To, m.Text(t))
			}
			tokens := b.tokens(t, id)
			got := tokens[len(tokens)-1]
			if got.Purpose != tc.purpose || string(got.TokenHash) != string(token.Hash(value)) || len(got.Seed) != 32 || got.Email != tc.to {
				t.Errorf("%s: %+v", tc.kind, got)
			}
			if d := got.ExpiresAt.Sub(asked); d < tc.ttl-time.Millisecond || d > tc.ttl {
				t.Errorf("%s: expires after %s", tc.kind, d)
			}
			if err := b.use(t, tc.purpose, value); err != nil {
				t.Errorf("%s: %v", tc.kind, err)
			}
		}
	})
}

// A copy of the database, whatever the state of the mail, has no working link in it.
func TestDatabaseHoldsNoToken(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		answers := make(chan string, 1)
		b.server.Answer = func(stage, _ string) string {
			if stage != mailtest.Dot {
				return ""
			}
			// As spam filters do: they quote what they do not like.
			return "451 suspicious: " + <-answers
		}
		start(t, b.Worker)
		id, a := b.user(t, "alice", true)
		b.add(t, Message{Kind: ResetPassword, Address: a})
		settle()
		hash := b.tokens(t, id)[0].TokenHash
		values := b.Signer.Derive("reset_password", b.tokens(t, id)[0].Seed)
		value := values[slices.IndexFunc(values, func(v string) bool { return string(token.Hash(v)) == string(hash) })]
		holdsNowhere(t, b, value) // while it is being sent
		answers <- "https://app.example.com/reset-password#token=" + value + " and " + value
		settle()
		holdsNowhere(t, b, value) // while it waits for the next try
		if rows := b.rows(t); len(rows) != 1 || rows[0].LastError == nil || !strings.Contains(*rows[0].LastError, "suspicious") {
			t.Errorf("got %+v", rows)
		}
		if strings.Contains(b.logs.String(), value) {
			t.Errorf("the log has the token: %s", b.logs)
		}
	})
}

// holdsNowhere fails if the value is anywhere in the database.
func holdsNowhere(t *testing.T, b *bundle, value string) {
	t.Helper()
	for _, table := range []string{"users", "sessions", "tokens", "outbox"} {
		result, err := b.DB.QueryContext(t.Context(), "SELECT * FROM "+table)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := result.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for result.Next() {
			cells := make([]any, len(columns))
			for i := range cells {
				cells[i] = new(any)
			}
			if err := result.Scan(cells...); err != nil {
				t.Fatal(err)
			}
			for i, cell := range cells {
				if text := fmt.Sprintf("%s", *cell.(*any)); strings.Contains(text, value) {
					t.Errorf("%s.%s holds the token", table, columns[i])
				}
			}
		}
		if err := errors.Join(result.Err(), result.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStaleMailIsNotSent(t *testing.T) {
	for name, tc := range map[string]struct {
		meanwhile func(t *testing.T, b *bundle, id int64)
		mails     int
		dropped   int64
	}{
		"ExpiredBeforeTheFirstTry": {func(_ *testing.T, b *bundle, _ int64) { pass(time.Hour) }, 0, 1},
		"Used": {func(t *testing.T, b *bundle, id int64) {
			if _, err := b.DB.ExecContext(t.Context(), "UPDATE tokens SET used_at = created_at"); err != nil {
				t.Fatal(err)
			}
		}, 0, 1},
		"TokenGone": {func(t *testing.T, b *bundle, id int64) {
			if _, err := b.DB.TokensVoid(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}, 0, 1},
		"AskedForAgain": {func(t *testing.T, b *bundle, id int64) {
			b.add(t, Message{Kind: ResetPassword, Address: address(t, "alice@example.com")})
		}, 1, 0},
		"AllLinksVoided": {func(t *testing.T, b *bundle, id int64) {
			err := b.DB.Tx(t.Context(), func(q *gendb.Queries) error {
				return b.Outbox.VoidLinks(t.Context(), q, id, address(t, "alice@example.com"))
			})
			if err != nil || len(b.rows(t)) != 0 || len(b.tokens(t, id)) != 0 {
				t.Errorf("%v, %d rows, %d tokens", err, len(b.rows(t)), len(b.tokens(t, id)))
			}
		}, 0, 0},
		"Nothing": {func(*testing.T, *bundle, int64) {}, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, b *bundle) {
				b.server.SetDown(true)
				start(t, b.Worker)
				id, a := b.user(t, "alice", true)
				b.add(t, Message{Kind: ResetPassword, Address: a})
				settle()
				tc.meanwhile(t, b, id)
				b.server.SetDown(false)
				pass(2 * time.Minute)
				mails := b.server.Mails()
				if len(mails) != tc.mails || b.Counters.Dropped.Load() != tc.dropped || len(b.rows(t)) != 0 {
					t.Fatalf("%d mails, %s, %d rows\n%s", len(mails), b.counted(), len(b.rows(t)), b.logs)
				}
				for _, m := range mails {
					if err := b.use(t, "reset_password", m.Token(t)); err != nil {
						t.Errorf("the token that was sent does not work: %v", err)
					}
				}
			})
		})
	}
}

// Of two mails that are written in the wrong order the later one has the token.
func TestTheLaterMailHasTheToken(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		id, a := b.user(t, "alice", true)
		b.add(t, Message{Kind: ResetPassword, UserID: id, Address: a})
		first, _ := b.claim(t.Context())
		time.Sleep(time.Millisecond)
		second := first // as two instances may hold them
		if err := b.DB.OutboxAdd(t.Context(), gendb.OutboxAddParams{
			MessageID: "second@example.com", Kind: string(ResetPassword), Recipient: a.Display, RecipientKey: a.Key, Details: "{}", Now: time.Now(),
		}); err != nil {
			t.Fatal(err)
		}
		second, _ = b.claim(t.Context())
		b.handle(t.Context(), second)
		b.handle(t.Context(), first)
		mails := b.server.Mails()
		if len(mails) != 1 || mails[0].MessageID(t) != "<second@example.com>" || b.counted() != "1 0 0 1" {
			t.Fatalf("%v, %s", mails, b.counted())
		}
		if err := b.use(t, "reset_password", mails[0].Token(t)); err != nil {
			t.Error(err)
		}
	})
}

func TestKeyRotationBetweenTries(t *testing.T) {
	for name, tc := range map[string]struct {
		keys []string
		same bool
	}{"OldKeyKept": {[]string{"new", "key"}, true}, "OldKeyGone": {[]string{"new"}, false}} {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, b *bundle) {
				lost := false
				b.server.Answer = func(stage, _ string) string {
					if stage == mailtest.Dot && !lost {
						lost = true
						return mailtest.Hangup
					}
					return ""
				}
				stop := start(t, b.Worker)
				_, a := b.user(t, "alice", true)
				b.add(t, Message{Kind: ResetPassword, Address: a})
				settle()
				stop()
				second := b.another(b.DB)
				second.Signer = &token.Signer{}
				for _, key := range tc.keys {
					second.Signer.Keys = append(second.Signer.Keys, []byte(key))
				}
				start(t, second)
				pass(2 * time.Minute)
				mails := b.server.Mails()
				if len(mails) != 2 || (mails[0].Token(t) == mails[1].Token(t)) != tc.same {
					t.Fatalf("%d mails", len(mails))
				}
				if err := b.use(t, "reset_password", mails[1].Token(t)); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

type senderFunc func(ctx context.Context, m Rendered) error

func (f senderFunc) Send(ctx context.Context, m Rendered) error { return f(ctx, m) }

func TestPanicIsOneMailsAlone(t *testing.T) {
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

// The program ends: a send that is nearly done may end, one that hangs is given back,
// and the next instance need not wait for a lease.
func TestShutdown(t *testing.T) {
	for name, tc := range map[string]struct {
		takes time.Duration
		mails int
	}{"SendEnds": {time.Second, 1}, "SendHangs": {time.Hour, 0}} {
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
					// At the dot the message is with the server, whether or not we learn of it.
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

// A database that does not answer is not a mail server that does not, nor the end of
// the worker.
func TestDatabaseAway(t *testing.T) {
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
