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

// An Outbox takes mails that are to be sent.
type Outbox struct {
	// From is the sender of every mail; its domain is that of the Message-IDs.
	From netmail.Address
	Now  func() time.Time
	// Off is for a server without mail: Add then does nothing, instead of filling
	// a table that nobody empties.
	Off bool
	// MaxPending bounds what strangers can pile up while the mail server is away;
	// zero means 10,000. With so many mails waiting, another that nobody is known
	// to own (a Message without a UserID) is dropped in silence.
	MaxPending int64

	once sync.Once
	wake chan struct{}
}

const defaultMaxPending = 10_000

// Add writes the mail down in the transaction that causes it. Call [Outbox.Wake] once
// that has been committed.
//
// Of the mails of one kind with a link, an address has the newest waiting and no
// other: those before carry tokens that the newest replaces. The same goes for every
// kind that strangers can cause, so that they can pile nothing up at one address.
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
	replaces := m.Address.Key // by address, as nobody has looked yet whose it is
	if !m.Kind.anonymous() {
		// Two accounts may ask for one new address, and neither may stop the other.
		replaces = ""
	}
	if !owner.Valid {
		m.Locale = "" // what a stranger's browser speaks says nothing about the owner
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
// address that have no resolved owner. It runs before anything is done to a token: the
// worker locks the row of its mail while it issues the token, and two transactions that
// take the two in different orders would deadlock.
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

// keep is how long a mail is kept that was given up.
const keep = 30 * 24 * time.Hour

// Sweep deletes mails that were given up 30 days ago, and returns their number. On a
// server without mail, which gives nothing up, that goes for all that an earlier
// setting has left waiting.
func (o *Outbox) Sweep(ctx context.Context, q *gendb.Queries) (int64, error) {
	before := o.Now().Add(-keep)
	if o.Off {
		return q.OutboxDeleteOld(ctx, before)
	}
	return q.OutboxDeleteDead(ctx, &before)
}

// Wake tells the worker of this process that there may be something to send. It never
// waits.
func (o *Outbox) Wake() {
	signal(o.signalled())
}

// Woken carries one value when Wake has been called since the last one was taken.
func (o *Outbox) Woken() <-chan struct{} { return o.signalled() }

func (o *Outbox) signalled() chan struct{} {
	o.once.Do(func() { o.wake = make(chan struct{}, 1) })
	return o.wake
}

func (o *Outbox) messageID() string {
	_, domain, _ := strings.Cut(o.From.Address, "@")
	return token.New() + "@" + domain
}
