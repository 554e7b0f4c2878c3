package mail

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/email"
)

func TestOutboxAdd_RejectsIncompleteMessages(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBundle(t, d)
		a := address(t, "alice@example.com")
		for name, m := range map[string]Message{
			"no address": {Kind: VerifyEmail}, "notice without a user": {Kind: PasswordChanged, Address: a}, "confirmation without a user": {Kind: ConfirmEmail, Address: a},
			"no kind": {Address: a}, "address not parsed": {Kind: VerifyEmail, Address: email.Address{Display: "x@y"}},
		} {
			if err := b.Outbox.Add(t.Context(), d.Queries, m); err == nil {
				t.Errorf("%s is accepted", name)
			}
		}
		if len(b.rows(t)) != 0 {
			t.Error("rows are left")
		}
	})
}

// The mail exists if and only if the transaction that causes it is committed.
func TestOutboxAdd_RollsBackWithTransaction(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBundle(t, d)
		failed := errors.New("failed")
		err := d.Tx(t.Context(), func(q *gendb.Queries) error {
			if err := b.Outbox.Add(t.Context(), q, Message{Kind: ResetPassword, Address: address(t, "alice@example.com")}); err != nil {
				return err
			}
			return failed
		})
		if !errors.Is(err, failed) || len(b.rows(t)) != 0 {
			t.Errorf("%v, %d rows", err, len(b.rows(t)))
		}
	})
}

func TestOutboxAdd_OffWritesNothing(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBundle(t, d)
		b.Outbox.Off = true
		b.add(t, Message{Kind: ResetPassword, Address: address(t, "alice@example.com")})
		if len(b.rows(t)) != 0 {
			t.Error("a row is written")
		}
	})
}

// Repeated requests leave one queued mail per kind and address. Mails of other kinds or to
// other addresses stay.
func TestOutboxAdd_KeepsNewestMailPerKindAndAddress(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBundle(t, d)
		id, a := b.user(t, "alice", true)
		b.add(t, Message{Kind: VerifyEmail, Address: a})
		b.add(t, Message{Kind: ResetPassword, Address: address(t, "bob@example.com")})
		b.add(t, Message{Kind: PasswordChanged, UserID: id, Address: a})
		b.add(t, Message{Kind: PasswordChanged, UserID: id, Address: a})
		for range 20 {
			b.add(t, Message{Kind: ResetPassword, Address: a})
		}
		b.add(t, Message{Kind: ConfirmEmail, UserID: id, Address: address(t, "one@example.com")})
		b.add(t, Message{Kind: ConfirmEmail, UserID: id, Address: address(t, "two@example.com")})
		var got []string
		for _, r := range b.rows(t) {
			got = append(got, r.Kind+" "+r.Recipient)
		}
		want := []string{
			"verify_email alice@example.com", "reset_password bob@example.com", "password_changed alice@example.com",
			"password_changed alice@example.com", "reset_password alice@example.com", "confirm_email two@example.com",
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %q", got)
		}
	})
}

// During an outage anonymous requests can fill the table up to a limit (X38). Mails about known
// accounts are queued regardless.
func TestOutboxAdd_BoundsAnonymousMails(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBundle(t, d)
		b.Outbox.MaxPending = 10
		for i := range 30 {
			b.add(t, Message{Kind: ResetPassword, Address: address(t, fmt.Sprintf("u%d@example.com", i))})
		}
		if n := len(b.rows(t)); n != 10 {
			t.Errorf("%d rows", n)
		}
		id, a := b.user(t, "alice", false)
		b.add(t, Message{Kind: VerifyEmail, UserID: id, Address: a})
		if n := len(b.rows(t)); n != 11 {
			t.Errorf("%d rows", n)
		}
	})
}

func TestOutboxAdd_BoundsDetails(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBundle(t, d)
		id, a := b.user(t, "alice", true)
		long := "\x00\xff" + strings.Repeat("ü", 100_000)
		b.add(t, Message{Kind: PasswordChanged, UserID: id, Address: a, Details: Details{Confirmed: true, NewAddress: long, IP: long, UserAgent: long, Time: time.Now()}})
		var details string
		if err := d.QueryRowContext(t.Context(), "SELECT details FROM outbox").Scan(&details); err != nil || len(details) > 1000 {
			t.Errorf("%d bytes, %v", len(details), err)
		}
	})
}

func TestOutbox_MessageIDsAreUnique(t *testing.T) {
	o := newBundleForIDs()
	seen := make(map[string]bool)
	for range 1000 {
		id := o.messageID()
		if seen[id] || !strings.HasSuffix(id, "@techtreks.example") || len(id) < 40 {
			t.Fatalf("got %q", id)
		}
		seen[id] = true
	}
}

func newBundleForIDs() *Outbox {
	o := &Outbox{}
	o.From.Address = "no-reply@techtreks.example"
	return o
}

func TestPreview_KeepsLast100Mails(t *testing.T) {
	var logs lockedBuffer
	p := &Preview{Now: time.Now, Logger: slog.New(slog.NewTextHandler(&logs, nil))}
	if len(p.List()) != 0 {
		t.Error("not empty")
	}
	for i := range 105 {
		if err := p.Send(t.Context(), Rendered{Kind: VerifyEmail, To: "alice@example.com", Subject: fmt.Sprint(i), Link: fmt.Sprintf("https://app.example.com/verify#token=%d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	list := p.List()
	if len(list) != 100 || list[0].Subject != "104" || list[99].Subject != "5" || list[0].SentAt.IsZero() {
		t.Fatalf("%d mails, first %q, last %q", len(list), list[0].Subject, list[len(list)-1].Subject)
	}
	if m, ok := p.Get(list[3].ID); !ok || m.Subject != "101" {
		t.Errorf("got %+v, %v", m, ok)
	}
	for _, id := range []int64{0, 1, 106, -1} {
		if _, ok := p.Get(id); ok {
			t.Errorf("a mail with id %d", id)
		}
	}
	if n := strings.Count(logs.String(), "verify#token="); n != 105 {
		t.Errorf("%d links in the log", n)
	}
}
