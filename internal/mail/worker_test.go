package mail

import (
	"slices"
	"strings"
	"testing"

	gendb "github.com/techtreks/auth/gen/db"
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
		if m := b.server.Mails(); len(m) != 1 || m[0].Subject(t) != "Setzen Sie Ihr Passwort zurück" {
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
