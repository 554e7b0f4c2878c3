// Package onetime issues, looks up, uses and voids the one-time tokens in mailed links.
//
// The database stores the SHA-256 of a token. An account has one live token per
// purpose: a newer one replaces it. A token that a mail carries is derived from a
// random seed and a key of the server. So a retry of the mail carries the same token,
// while a copy of the database contains no usable link.
package onetime

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/techtreks/auth/db"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/token"
)

// A Purpose is what a token may be used for, as the table tokens stores it.
type Purpose string

// The purposes.
const (
	VerifyEmail   Purpose = "verify_email"
	ResetPassword Purpose = "reset_password"
	ChangeEmail   Purpose = "change_email"
	Invitation    Purpose = "invitation"
)

// The errors of a token that cannot be used.
var (
	// ErrInvalid covers every reason; the client must not learn which.
	ErrInvalid  = errors.New("onetime: invalid token")
	ErrReplaced = errors.New("onetime: token replaced")
	ErrUsed     = errors.New("onetime: token used")
	ErrExpired  = errors.New("onetime: token expired")
)

// Tokens is the table of one-time tokens. All fields are required.
type Tokens struct {
	DB     *db.DB
	Signer *token.Signer
	Audit  *audit.Trail
	Now    func() time.Time
	Logger *slog.Logger
}

// A Token describes a token for [Tokens.Issue].
type Token struct {
	UserID  int64
	Purpose Purpose
	// Email and EmailKey are the address that the token confirms.
	Email, EmailKey string
	// RequestedAt decides which of two tokens replaces the other: the one requested
	// later, whichever is stored later.
	RequestedAt, ExpiresAt time.Time
}

// A Value is a new token that is not stored yet.
type Value struct {
	Text string // for the link
	seed []byte
}

// Hash returns the SHA-256 of the token.
func (v Value) Hash() []byte { return token.Hash(v.Text) }

// Derive returns a new token that [Tokens.Rederive] can make again.
func (t *Tokens) Derive(purpose Purpose) Value {
	seed := newSeed()
	return Value{t.Signer.Derive(string(purpose), seed)[0], seed}
}

// Random returns a new token that cannot be made again: the seed that is stored with
// it is unrelated.
func Random() Value { return Value{token.New(), newSeed()} }

func newSeed() []byte {
	seed := make([]byte, 32)
	_, _ = rand.Read(seed) // never fails
	return seed
}

// Issue stores a token in the transaction q. It returns [ErrReplaced] if a token that
// was requested later exists.
func (t *Tokens) Issue(ctx context.Context, q *gendb.Queries, value Value, about Token) error {
	n, err := q.TokenIssue(ctx, gendb.TokenIssueParams{
		UserID: about.UserID, Purpose: string(about.Purpose), TokenHash: value.Hash(), Seed: value.seed,
		Email: about.Email, EmailKey: about.EmailKey, Now: about.RequestedAt, ExpiresAt: about.ExpiresAt,
	})
	if err == nil && n == 0 {
		err = ErrReplaced
	}
	return err
}

// Rederive returns the token with the hash, for another try of its mail. The text is
// empty if the key that it was derived from is no longer configured. The errors are
// [ErrReplaced], [ErrUsed] and [ErrExpired].
func (t *Tokens) Rederive(ctx context.Context, purpose Purpose, hash []byte) (string, error) {
	stored, err := t.DB.TokenByHash(ctx, hash)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", ErrReplaced
	case err != nil:
		return "", err
	case stored.UsedAt != nil:
		return "", ErrUsed
	case !stored.ExpiresAt.After(t.Now()):
		return "", ErrExpired
	}
	for _, text := range t.Signer.Derive(string(purpose), stored.Seed) {
		if string(token.Hash(text)) == string(hash) {
			return text, nil
		}
	}
	return "", nil
}

// Find returns a live token of one of the purposes without using it, or [ErrInvalid].
func (t *Tokens) Find(ctx context.Context, text string, purposes ...Purpose) (gendb.Token, error) {
	found, err := t.DB.TokenByHash(ctx, token.Hash(text))
	if errors.Is(err, sql.ErrNoRows) {
		return found, ErrInvalid
	}
	if err == nil && (!slices.Contains(purposes, Purpose(found.Purpose)) || found.UsedAt != nil || !found.ExpiresAt.After(t.Now())) {
		return found, ErrInvalid
	}
	return found, err
}

// Use marks a token as used in the transaction q, or returns [ErrInvalid]. One UPDATE
// decides, so that exactly one of several concurrent requests succeeds.
func (t *Tokens) Use(ctx context.Context, q *gendb.Queries, purpose Purpose, text string) (gendb.TokenUseRow, error) {
	now := t.Now()
	used, err := q.TokenUse(ctx, gendb.TokenUseParams{TokenHash: token.Hash(text), Purpose: string(purpose), Now: &now})
	if errors.Is(err, sql.ErrNoRows) {
		return used, ErrInvalid
	}
	return used, err
}

// Void deletes every token of an account.
func (t *Tokens) Void(ctx context.Context, q *gendb.Queries, userID int64) error {
	_, err := q.TokensVoid(ctx, userID)
	return err
}

// VoidPurpose deletes the token of one purpose of an account.
func (t *Tokens) VoidPurpose(ctx context.Context, q *gendb.Queries, userID int64, purpose Purpose) error {
	_, err := q.TokenVoid(ctx, gendb.TokenVoidParams{UserID: userID, Purpose: string(purpose)})
	return err
}

// Sweep deletes expired tokens and returns their number.
func (t *Tokens) Sweep(ctx context.Context) (int64, error) {
	return t.DB.TokensDeleteExpired(ctx, t.Now())
}

// Invalid turns [ErrInvalid] into refusal, the problem for the client, and returns any
// other error as it is.
func Invalid(err error, refusal *problem.Error) error {
	if errors.Is(err, ErrInvalid) {
		return refusal.Because(err)
	}
	return err
}

// Refused is [Invalid] and records the refusal as event. The record distinguishes a used
// or replaced token, which suggests that the link was copied, from one that was never
// issued.
func (t *Tokens) Refused(ctx context.Context, event audit.Event, text string, err error, refusal *problem.Error) error {
	if !errors.Is(err, ErrInvalid) {
		return err
	}
	e, lookupErr := t.refusal(ctx, event, text)
	if lookupErr != nil {
		t.Logger.WarnContext(ctx, "refused token not looked up", "error", lookupErr)
	}
	t.Audit.Note(ctx, e)
	return Invalid(err, refusal)
}

func (t *Tokens) refusal(ctx context.Context, event audit.Event, text string) (audit.Entry, error) {
	e := audit.Entry{Event: event, Reason: "unknown_token"}
	hash := token.Hash(text)
	found, err := t.DB.TokenByHash(ctx, hash)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		var last audit.Event
		last, e.Subject, err = t.Audit.LastOfToken(ctx, hash)
		if last == audit.TokenCreated {
			e.Event, e.Reason = audit.TokenReuse, "replaced_token"
		}
		return e, err
	case err != nil:
		return e, err
	case found.UsedAt != nil:
		e.Event, e.Reason = audit.TokenReuse, "used_token"
	case !found.ExpiresAt.After(t.Now()):
		e.Reason = "expired_token"
	default:
		e.Reason = "unfit_token" // of another purpose, or the account is disabled
	}
	e.Subject = found.UserID
	return e, nil
}
