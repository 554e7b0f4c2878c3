package mail

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	netmail "net/mail"
	"strings"
	"sync"
	"time"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/email"
	"github.com/techtreks/auth/internal/reqctx"
	"github.com/techtreks/auth/internal/token"
)

// An Outbox stores mails until a [Worker] sends them.
type Outbox struct {
	// From is the sender of every mail. Message-IDs have the same domain.
	From netmail.Address
	Now  func() time.Time
	// Off makes Add do nothing, on a server without mail, where no worker would empty the
	// table.
	Off bool
	// MaxPending bounds the mails that anonymous requests can queue during an outage of
	// the mail server; zero means 10,000. While so many mails are pending, Add silently
	// drops a Message without a UserID.
	MaxPending int64

	once sync.Once
	wake chan struct{}
}

const defaultMaxPending = 10_000

// Add stores a mail in the transaction that causes it. Call [Outbox.Wake] after the commit.
//
// An address has at most one pending mail of each kind with a link: a newer mail replaces
// older ones, because its token replaces theirs. The same applies to every kind that
// anonymous requests can cause, so that they cannot queue many mails to one address.
func (o *Outbox) Add(ctx context.Context, q *gendb.Queries, m Message) error {
	if m.Address.Key == "" || m.UserID == 0 && !m.Kind.anonymous() {
		return fmt.Errorf("mail: a message of kind %q lacks its address or user", m.Kind)
	}
	if o.Off {
		return nil
	}
	details, err := json.Marshal(m.Details.bounded())
	if err != nil {
		return err
	}
	owner := sql.NullInt64{Int64: m.UserID, Valid: m.UserID != 0}
	replaces := m.Address.Key // by address, because the owner is not resolved yet
	if !m.Kind.anonymous() {
		// Two accounts may request the same new address; neither cancels the mail of the other.
		replaces = ""
	}
	if !owner.Valid {
		m.Locale = "" // the language of the request is not that of the owner
		limit := o.MaxPending
		if limit == 0 {
			limit = defaultMaxPending
		}
		if n, err := q.OutboxPending(ctx); err != nil || n >= limit {
			return err
		}
	}
	if purpose, _ := m.Kind.purpose(); purpose != "" || !owner.Valid {
		if _, err := q.OutboxVoid(ctx, gendb.OutboxVoidParams{Kind: string(m.Kind), UserID: owner, RecipientKey: replaces}); err != nil {
			return err
		}
	}
	return q.OutboxAdd(ctx, gendb.OutboxAddParams{
		MessageID: o.messageID(), UserID: owner, Kind: string(m.Kind),
		Recipient: m.Address.Display, RecipientKey: m.Address.Key,
		Locale: m.Locale, Details: string(details), Now: o.Now(),
	})
}

// Notify queues a notice to the address of an account, with the origin of the request
// and the time. newAddress is for [EmailChanged].
func (o *Outbox) Notify(ctx context.Context, q *gendb.Queries, kind Kind, user gendb.User, newAddress string) error {
	address, err := email.Parse(user.Email)
	if err != nil {
		return err
	}
	details := Origin(ctx)
	details.NewAddress, details.Time, details.Confirmed = newAddress, o.Now(), user.EmailVerifiedAt != nil
	return o.Add(ctx, q, Message{Kind: kind, UserID: user.ID, Address: address, Locale: user.Locale, Details: details})
}

// Origin returns where the current request came from.
func Origin(ctx context.Context) Details {
	info := reqctx.From(ctx)
	return Details{IP: info.Address(), UserAgent: info.UserAgent, RequestID: info.RequestID}
}

// VoidMails deletes the waiting mails with links of an account, and those to its
// address that have no resolved owner. Call it before any change to a token. The worker
// locks the row of its mail while it issues the token, and two transactions with
// different lock orders would deadlock.
func (o *Outbox) VoidMails(ctx context.Context, q *gendb.Queries, user gendb.User) error {
	_, err := q.OutboxVoidLinks(ctx, gendb.OutboxVoidLinksParams{
		UserID: sql.NullInt64{Int64: user.ID, Valid: true}, RecipientKey: user.EmailKey,
	})
	return err
}

// VoidKind deletes the waiting mails of one kind of an account.
func (o *Outbox) VoidKind(ctx context.Context, q *gendb.Queries, kind Kind, userID int64) error {
	_, err := q.OutboxVoid(ctx, gendb.OutboxVoidParams{Kind: string(kind), UserID: sql.NullInt64{Int64: userID, Valid: true}})
	return err
}

// retention is the time until mails that were given up are deleted.
const retention = 30 * 24 * time.Hour

// Sweep deletes mails that were given up 30 days ago, and returns their number. On a server
// without mail it deletes mails of the same age that are left from earlier settings.
func (o *Outbox) Sweep(ctx context.Context, q *gendb.Queries) (int64, error) {
	before := o.Now().Add(-retention)
	if o.Off {
		return q.OutboxDeleteOld(ctx, before)
	}
	return q.OutboxDeleteDead(ctx, &before)
}

// Wake wakes the worker of this process after a mail was added. It never blocks.
func (o *Outbox) Wake() {
	signal(o.wakeChannel())
}

// Woken returns a channel that receives one value after one or more calls of Wake.
func (o *Outbox) Woken() <-chan struct{} { return o.wakeChannel() }

func (o *Outbox) wakeChannel() chan struct{} {
	o.once.Do(func() { o.wake = make(chan struct{}, 1) })
	return o.wake
}

func (o *Outbox) messageID() string {
	_, domain, _ := strings.Cut(o.From.Address, "@")
	return token.New() + "@" + domain
}
