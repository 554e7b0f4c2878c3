package mail

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/onetime"
)

// A dropError is the reason why a mail is no longer needed.
type dropError struct{ reason string }

func (e *dropError) Error() string { return "dropped: " + e.reason }

var errLeaseLost = errors.New("the lease has expired and another worker may have claimed the mail")

// write renders the mail of a row, with a token if the mail has a link.
func (w *Worker) write(ctx context.Context, row gendb.Outbox) (Rendered, error) {
	var details Details
	if err := json.Unmarshal([]byte(row.Details), &details); err != nil {
		return Rendered{}, fmt.Errorf("details of the mail: %w", err)
	}
	user, value, err := w.prepare(ctx, row, details)
	if err != nil {
		return Rendered{}, err
	}
	if row.Kind == string(ConfirmEmail) {
		if row, user, value, err = w.redirect(ctx, row, user, value); err != nil {
			return Rendered{}, err
		}
	}
	if row.Kind == string(AddressInUse) {
		details = Details{} // they contain the IP address of another person
	}
	if kind := Kind(row.Kind); kind.anonymous() || kind == AddressInUse {
		// The account has this address now, and had it when the mail was requested.
		details.Confirmed = user.EmailVerifiedAt != nil
	}
	row.Recipient = recipient(row, user)
	return w.render(row, user, details, value)
}

// prepare returns the account and, for a mail with a link, the token: the token that an
// earlier attempt has bound to the row, or a new one.
func (w *Worker) prepare(ctx context.Context, row gendb.Outbox, details Details) (user gendb.User, value string, err error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	purpose, _ := Kind(row.Kind).purpose()
	if purpose == "" {
		user, err = w.account(ctx, w.DB.Queries, row)
		return user, "", err
	}
	if row.TokenHash != nil {
		value, err = w.boundToken(ctx, row, purpose)
		if err != nil {
			return user, "", err
		}
		if value != "" {
			user, err = w.account(ctx, w.DB.Queries, row)
			return user, value, err
		}
	}
	err = w.DB.Tx(ctx, func(q *gendb.Queries) error {
		user, err = w.account(ctx, q, row)
		if err != nil {
			return err
		}
		issued, err := w.issue(ctx, q, row, user, purpose)
		if err != nil {
			return err
		}
		value = issued.Text
		return w.Audit.Record(ctx, q, audit.Entry{
			Event: audit.TokenCreated, Reason: string(purpose), Subject: user.ID, Token: issued.Hash(),
			Origin: audit.Origin{Address: details.IP, UserAgent: details.UserAgent, RequestID: details.RequestID},
		})
	})
	return user, value, err
}

// account returns the account that a mail belongs to. A mail that anyone can request is
// dropped unless the account can use it. The request gets the same response either way, so
// that it does not reveal whether the address has an account.
func (w *Worker) account(ctx context.Context, q *gendb.Queries, row gendb.Outbox) (user gendb.User, err error) {
	if row.UserID.Valid {
		user, err = q.UserByID(ctx, row.UserID.Int64)
	} else {
		user, err = q.UserByEmailKey(ctx, row.RecipientKey)
	}
	kind := Kind(row.Kind)
	purpose, _ := kind.purpose()
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return user, &dropError{"no account"}
	case err != nil:
		return user, err
	case !kind.anonymous() && purpose == "":
		return user, nil // a notice is sent whatever the state of the account is now
	case user.DisabledAt != nil:
		return user, &dropError{"account disabled"}
	case kind != ConfirmEmail && user.EmailKey != row.RecipientKey:
		return user, &dropError{"address no longer the account's"}
	case kind == VerifyEmail && user.EmailVerifiedAt != nil:
		return user, &dropError{"address already confirmed"}
	}
	return user, nil
}

// redirect replaces a mail to the address of another account by a notice to its owner. The
// worker checks this, not the request. So the requester sees the same token and the same
// pending mail as for a free address.
func (w *Worker) redirect(ctx context.Context, row gendb.Outbox, user gendb.User, value string) (gendb.Outbox, gendb.User, string, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	owner, err := w.DB.UserByEmailKey(ctx, row.RecipientKey)
	switch {
	case errors.Is(err, sql.ErrNoRows) || err == nil && owner.ID == user.ID:
		return row, user, value, nil
	case err != nil:
		return row, user, "", err
	case owner.DisabledAt != nil:
		return row, user, "", &dropError{"account disabled"}
	}
	row.Kind, row.Locale = string(AddressInUse), ""
	return row, owner, "", nil
}

// recipient returns the address to send to. A mail that anyone can request goes to the
// address as its owner spelled it: for the receiving mail server, another case before the @
// may be another person.
func recipient(row gendb.Outbox, user gendb.User) string {
	if kind := Kind(row.Kind); kind.anonymous() || kind == AddressInUse {
		return user.Email
	}
	return row.Recipient
}

// boundToken derives the token of an earlier attempt again. It is empty if the key of that
// token is no longer configured.
func (w *Worker) boundToken(ctx context.Context, row gendb.Outbox, purpose onetime.Purpose) (string, error) {
	value, err := w.Tokens.Rederive(ctx, purpose, row.TokenHash)
	return value, dropped(err)
}

// dropped returns the reason to drop the mail of a token that cannot be used.
func dropped(err error) error {
	for cause, reason := range map[error]string{
		onetime.ErrReplaced: "token replaced", onetime.ErrUsed: "token used", onetime.ErrExpired: "token expired",
	} {
		if errors.Is(err, cause) {
			return &dropError{reason}
		}
	}
	return err
}

// issue stores the token of a mail that is rendered for the first time. Its time is the time
// of the request for the mail. So of two mails, the one requested later has the valid token,
// whichever is rendered first.
func (w *Worker) issue(ctx context.Context, q *gendb.Queries, row gendb.Outbox, user gendb.User, purpose onetime.Purpose) (onetime.Value, error) {
	expires := row.CreatedAt.Add(w.Links.TTL(Kind(row.Kind)))
	if !expires.After(w.Now()) {
		return onetime.Value{}, &dropError{"token expired"}
	}
	value := w.Tokens.Derive(purpose)
	owner := sql.NullInt64{Int64: user.ID, Valid: true}
	// First, because it locks the row until the end: a transaction that voids mails and
	// then tokens finds either both or neither.
	n, err := q.OutboxBindToken(ctx, gendb.OutboxBindTokenParams{ID: row.ID, Lease: row.Lease, UserID: owner, TokenHash: value.Hash()})
	if err != nil {
		return value, err
	}
	if n == 0 {
		return value, errLeaseLost
	}
	return value, dropped(w.Tokens.Issue(ctx, q, value, onetime.Token{
		UserID: user.ID, Purpose: purpose, Email: recipient(row, user), EmailKey: row.RecipientKey,
		RequestedAt: row.CreatedAt, ExpiresAt: expires,
	}))
}

// IssueLink stores a token without a mail and returns its link, for the command line.
func IssueLink(ctx context.Context, q *gendb.Queries, tokens *onetime.Tokens, links Links, kind Kind, user gendb.User) (string, error) {
	purpose, _ := kind.purpose()
	value, now := onetime.Random(), tokens.Now()
	err := tokens.Issue(ctx, q, value, onetime.Token{
		UserID: user.ID, Purpose: purpose, Email: user.Email, EmailKey: user.EmailKey,
		RequestedAt: now, ExpiresAt: now.Add(links.TTL(kind)),
	})
	if errors.Is(err, onetime.ErrReplaced) {
		err = errors.New("a newer link exists; check the clocks of the machines")
	}
	return links.URL(kind, value.Text), err
}
