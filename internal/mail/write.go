package mail

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/token"
)

// A dropError says why a mail is not to be sent any more.
type dropError struct{ reason string }

func (e *dropError) Error() string { return "dropped: " + e.reason }

var errLeaseLost = errors.New("the lease is somebody else's now")

// write makes the mail of a row, and its token where it has one.
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
		details = Details{} // they say where somebody else is
	}
	if kind := Kind(row.Kind); kind.anonymous() || kind == AddressInUse {
		// To the address that the account has, and had when the mail was asked for.
		details.Confirmed = user.EmailVerifiedAt != nil
	}
	row.Recipient = recipient(row, user)
	return w.render(row, user, details, value)
}

// prepare finds the account and, for a mail with a link, the token: the one that an
// earlier try has bound to the row, or a new one.
func (w *Worker) prepare(ctx context.Context, row gendb.Outbox, details Details) (user gendb.User, value string, err error) {
	ctx, cancel := context.WithTimeout(ctx, queryLimit)
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
		if value, err = w.mint(ctx, q, row, user, purpose); err != nil {
			return err
		}
		return w.Audit.Record(ctx, q, audit.Entry{
			Event: audit.TokenCreated, Reason: purpose, Subject: user.ID, Token: token.Hash(value),
			Address: details.IP, UserAgent: details.UserAgent, RequestID: details.RequestID,
		})
	})
	return user, value, err
}

// account is whose mail this is. A mail that a stranger may have asked for needs an
// account that it makes sense for; anything else about the address stays between the
// stranger and nobody.
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
		return user, nil // a notice goes to whom it may concern, whatever has become of the account
	case user.DisabledAt != nil:
		return user, &dropError{"account disabled"}
	case kind != ConfirmEmail && user.EmailKey != row.RecipientKey:
		return user, &dropError{"address no longer the account's"}
	case kind == VerifyEmail && user.EmailVerifiedAt != nil:
		return user, &dropError{"address already confirmed"}
	}
	return user, nil
}

// redirect makes of a mail to an address that somebody else has a notice to that
// person. It is found out here, so that all that the one who has asked can see, the
// token and the mail that waits, is the same for an address that is free.
func (w *Worker) redirect(ctx context.Context, row gendb.Outbox, user gendb.User, value string) (gendb.Outbox, gendb.User, string, error) {
	ctx, cancel := context.WithTimeout(ctx, queryLimit)
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

// recipient is where the mail goes. One that a stranger may have asked for goes to the
// address as its owner has spelled it: to the server that takes the mail, another case
// before the @ may be another person.
func recipient(row gendb.Outbox, user gendb.User) string {
	if kind := Kind(row.Kind); kind.anonymous() || kind == AddressInUse {
		return user.Email
	}
	return row.Recipient
}

// boundToken is the token of an earlier try, made again. It is empty if the key that
// it was made with is gone.
func (w *Worker) boundToken(ctx context.Context, row gendb.Outbox, purpose string) (string, error) {
	stored, err := w.DB.TokenByHash(ctx, row.TokenHash)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", &dropError{"token replaced"}
	case err != nil:
		return "", err
	case stored.UsedAt != nil:
		return "", &dropError{"token used"}
	case !stored.ExpiresAt.After(w.Now()):
		return "", &dropError{"token expired"}
	}
	for _, value := range w.Signer.Derive(purpose, stored.Seed) {
		if string(token.Hash(value)) == string(row.TokenHash) {
			return value, nil
		}
	}
	return "", nil
}

// mint makes the token of a mail that is written for the first time. A token dates
// from when its mail was asked for, so that of two mails the later one has the token
// that works, whichever is written first.
func (w *Worker) mint(ctx context.Context, q *gendb.Queries, row gendb.Outbox, user gendb.User, purpose string) (string, error) {
	expires := row.CreatedAt.Add(w.ttl(Kind(row.Kind)))
	if !expires.After(w.Now()) {
		return "", &dropError{"token expired"}
	}
	seed := make([]byte, 32)
	_, _ = rand.Read(seed) // never fails
	value := w.Signer.Derive(purpose, seed)[0]
	owner := sql.NullInt64{Int64: user.ID, Valid: true}
	// First of all, as it holds the row until the end: whoever voids mails and then
	// tokens either finds both or makes us find nothing.
	n, err := q.OutboxBindToken(ctx, gendb.OutboxBindTokenParams{ID: row.ID, Lease: row.Lease, UserID: owner, TokenHash: token.Hash(value)})
	if err != nil {
		return "", err
	}
	if n == 0 {
		return "", errLeaseLost
	}
	n, err = q.TokenIssue(ctx, gendb.TokenIssueParams{
		UserID: user.ID, Purpose: purpose, TokenHash: token.Hash(value), Seed: seed,
		Email: recipient(row, user), EmailKey: row.RecipientKey, Now: row.CreatedAt, ExpiresAt: expires,
	})
	if err == nil && n == 0 {
		err = &dropError{"token replaced"}
	}
	return value, err
}

// IssueLink makes a token of the purpose that a mail of this kind has, without the
// mail, and returns the link from the path on. Nobody can make it again: its seed has
// nothing to do with it.
func IssueLink(ctx context.Context, q *gendb.Queries, kind Kind, user gendb.User, now time.Time, life time.Duration) (string, error) {
	purpose, page := kind.purpose()
	seed := make([]byte, 32)
	_, _ = rand.Read(seed) // never fails
	value := token.New()
	n, err := q.TokenIssue(ctx, gendb.TokenIssueParams{
		UserID: user.ID, Purpose: purpose, TokenHash: token.Hash(value), Seed: seed,
		Email: user.Email, EmailKey: user.EmailKey, Now: now, ExpiresAt: now.Add(life),
	})
	if err == nil && n == 0 {
		err = errors.New("a link was made that is newer than this one: is the clock of a machine wrong?")
	}
	return page + "#token=" + value, err
}

func (w *Worker) ttl(kind Kind) time.Duration {
	switch kind {
	case ResetPassword:
		return w.ResetTTL
	case Invitation:
		return w.InviteTTL
	}
	return w.VerifyTTL
}
