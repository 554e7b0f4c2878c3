package mail

import (
	"slices"
	"strings"
	"testing"
	"time"

	gendb "github.com/techtreks/auth/gen/db"
)

func TestWorker_SendsWhenWoken(t *testing.T) {
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

// Mails queued by another instance are found without a wake-up.
func TestWorker_PollsForMailsOfOtherInstances(t *testing.T) {
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

// Mails to addresses without a suitable account are dropped silently.
func TestWorker_DropsMailsWithoutAccount(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		start(t, b.Worker)
		_, confirmed := b.user(t, "confirmed", true)
		_, fresh := b.user(t, "fresh", false)
		disabled, gone := b.user(t, "disabled", false)
		if _, err := b.DB.ExecContext(t.Context(), "UPDATE users SET disabled_at = created_at WHERE id = $1", disabled); err != nil {
			t.Fatal(err)
		}
		unknown := address(t, "unknown@example.com")
		for _, m := range []Message{
			{Kind: VerifyEmail, Address: unknown}, {Kind: ResetPassword, Address: unknown}, {Kind: AlreadyRegistered, Address: unknown},
			{Kind: VerifyEmail, Address: gone}, {Kind: ResetPassword, Address: gone}, {Kind: AlreadyRegistered, Address: gone},
			{Kind: VerifyEmail, Address: confirmed},
			{Kind: VerifyEmail, UserID: disabled, Address: gone}, {Kind: ConfirmEmail, UserID: disabled, Address: unknown},
			// Requested before the account's address changed.
			{Kind: ResetPassword, UserID: disabled, Address: unknown},
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
			t.Errorf("got %d mails, want 5\n%s", n, b.logs)
		}
	})
}

// An anonymous mail is written in the account owner's language, not the requester's.
func TestWorker_UsesLanguageOfAccount(t *testing.T) {
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

// A different case before the @ can be a different mailbox. The mail goes to the spelling that
// the account has stored, not to the one in the request.
func TestWorker_SendsToStoredSpelling(t *testing.T) {
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

// The button of a notice leads to the page where its reader can act, without a token.
func TestWorker_NoticeButtonLeadsToPage(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		start(t, b.Worker)
		id, a := b.user(t, "alice", true)
		for kind, link := range map[Kind]string{
			AlreadyRegistered: "https://app.example.com/login", PasswordChanged: "https://app.example.com/request-reset",
			PasswordReset: "https://app.example.com/request-reset", UsernameChanged: "https://app.example.com/request-reset",
			LoginAfterFailures: "https://app.example.com/request-reset", EmailChanged: "mailto:help@techtreks.example",
		} {
			b.add(t, Message{Kind: kind, UserID: id, Address: a})
			settle()
			mails := b.server.Mails()
			m := mails[len(mails)-1]
			if !strings.Contains(m.HTML(t), `<a href="`+link+`" class="button"`) || !strings.Contains(m.Text(t), ":\n"+strings.TrimPrefix(link, "mailto:")+"\n") || m.Token(t) != "" {
				t.Errorf("%s: got\n%s\n%s", kind, m.Text(t), m.HTML(t))
			}
		}
	})
}

// The mail states how long its link works, counted from the request.
func TestWorker_MailStatesExpiry(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		b.Links.VerifyTTL, b.Links.ResetTTL, b.Links.InviteTTL = 3*24*time.Hour, 90*time.Minute, 7*24*time.Hour
		b.server.SetDown(true) // the mail is sent later than it was requested
		start(t, b.Worker)
		id, a := b.user(t, "alice", true)
		requested := time.Now()
		b.add(t, Message{Kind: ResetPassword, Address: a})
		b.add(t, Message{Kind: ConfirmEmail, UserID: id, Address: address(t, "new@example.com"), Locale: "de"})
		b.add(t, Message{Kind: Invitation, UserID: id, Address: a})
		pass(10 * time.Minute)
		b.server.SetDown(false)
		pass(2 * time.Minute)
		var all string
		for _, m := range b.server.Mails() {
			all += oneLine(m.Text(t)) + "\n"
		}
		for _, want := range []string{
			"expires after 90 minutes, on " + formatTime("en", requested.Add(b.Links.ResetTTL)) + ".",
			"gilt 3 Tage, bis zum " + formatTime("de", requested.Add(b.Links.VerifyTTL)) + ".",
			"expires after 7 days, on " + formatTime("en", requested.Add(b.Links.InviteTTL)) + ".",
		} {
			if !strings.Contains(all, want) {
				t.Errorf("no mail contains %q:\n%s", want, all)
			}
		}
	})
}
