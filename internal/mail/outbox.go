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

// VoidLinks makes every link useless that was mailed to the account or is about to be:
// for when its password or address changes, or it is disabled. address is the
// account's own, for the mails of which nobody knows yet whose they are.
func (o *Outbox) VoidLinks(ctx context.Context, q *gendb.Queries, userID int64, address email.Address) error {
	if err := o.VoidMails(ctx, q, userID, address); err != nil {
		return err
	}
	_, err := q.TokensVoid(ctx, userID)
	return err
}

// VoidMails drops the mails with links that still wait. It comes before anything is
// done to a token: the worker holds the row of its mail while it mints the token, and
// two who take the two in different orders would wait for each other.
func (o *Outbox) VoidMails(ctx context.Context, q *gendb.Queries, userID int64, address email.Address) error {
	_, err := q.OutboxVoidLinks(ctx, gendb.OutboxVoidLinksParams{
		UserID: sql.NullInt64{Int64: userID, Valid: true}, RecipientKey: address.Key,
	})
	return err
}

// VoidChange makes the link useless that would give the account another address.
func (o *Outbox) VoidChange(ctx context.Context, q *gendb.Queries, userID int64) error {
	_, err := q.OutboxVoid(ctx, gendb.OutboxVoidParams{
		Kind: string(ConfirmEmail), UserID: sql.NullInt64{Int64: userID, Valid: true},
	})
	if err == nil {
		_, err = q.TokenVoid(ctx, gendb.TokenVoidParams{UserID: userID, Purpose: PurposeChangeEmail})
	}
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
