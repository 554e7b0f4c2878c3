package mail

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/mail/mailtest"
	"github.com/techtreks/auth/internal/token"
)

// tokens returns the stored tokens of a user.
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

func TestWorker_MailsLinkWithToken(t *testing.T) {
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

// A copy of the database contains no working link, whatever the state of the mail.
func TestWorker_DatabaseContainsNoToken(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		answers := make(chan string, 1)
		b.server.Answer = func(stage, _ string) string {
			if stage != mailtest.Dot {
				return ""
			}
			// Spam filters quote suspicious links.
			return "451 suspicious: " + <-answers
		}
		start(t, b.Worker)
		id, a := b.user(t, "alice", true)
		b.add(t, Message{Kind: ResetPassword, Address: a})
		settle()
		hash := b.tokens(t, id)[0].TokenHash
		values := b.Tokens.Signer.Derive("reset_password", b.tokens(t, id)[0].Seed)
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

// holdsNowhere fails the test if the value is anywhere in the database.
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

func TestWorker_DropsMailWithStaleToken(t *testing.T) {
	for name, tc := range map[string]struct {
		meanwhile func(t *testing.T, b *bundle, id int64)
		mails     int
		dropped   int64
	}{
		"expired before the first attempt": {func(_ *testing.T, b *bundle, _ int64) { pass(time.Hour) }, 0, 1},
		"used": {func(t *testing.T, b *bundle, id int64) {
			if _, err := b.DB.ExecContext(t.Context(), "UPDATE tokens SET used_at = created_at"); err != nil {
				t.Fatal(err)
			}
		}, 0, 1},
		"token deleted": {func(t *testing.T, b *bundle, id int64) {
			if _, err := b.DB.TokensVoid(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}, 0, 1},
		"requested again": {func(t *testing.T, b *bundle, id int64) {
			b.add(t, Message{Kind: ResetPassword, Address: address(t, "alice@example.com")})
		}, 1, 0},
		"all links voided": {func(t *testing.T, b *bundle, id int64) {
			err := b.DB.Tx(t.Context(), func(q *gendb.Queries) error {
				if err := b.Outbox.VoidMails(t.Context(), q, gendb.User{ID: id, EmailKey: address(t, "alice@example.com").Key}); err != nil {
					return err
				}
				return b.Tokens.Void(t.Context(), q, id)
			})
			if err != nil || len(b.rows(t)) != 0 || len(b.tokens(t, id)) != 0 {
				t.Errorf("%v, %d rows, %d tokens", err, len(b.rows(t)), len(b.tokens(t, id)))
			}
		}, 0, 0},
		"unchanged": {func(*testing.T, *bundle, int64) {}, 1, 0},
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

// If two mails are rendered in the wrong order, the later request has the working token.
func TestWorker_NewestMailHasWorkingToken(t *testing.T) {
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

func TestWorker_KeyRotationBetweenAttempts(t *testing.T) {
	for name, tc := range map[string]struct {
		keys []string
		same bool
	}{"old key kept": {[]string{"new", "key"}, true}, "old key removed": {[]string{"new"}, false}} {
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
				signer := &token.Signer{}
				tokens := *second.Tokens
				second.Tokens, tokens.Signer = &tokens, signer
				for _, key := range tc.keys {
					signer.Keys = append(signer.Keys, []byte(key))
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
