package ratelimit

import (
	"context"
	"fmt"
	"strconv"
	"time"

	gendb "github.com/techtreks/auth/gen/db"
)

// Delays of authentication attempts.
const (
	// FreeFailures is the number of failures without a delay.
	FreeFailures = 5
	// FirstDelay is the first delay after them. It doubles with each further failure.
	FirstDelay = time.Second
	// MaxDelay is the longest delay.
	MaxDelay = time.Minute
	// ForgetAfter is the time from the last failure until the count is reset.
	ForgetAfter = time.Hour
	// KnownFor is the time from the last success from a network until the network no
	// longer counts as known.
	KnownFor = 30 * 24 * time.Hour
)

// Attempts slows down password guessing against an account, by a delay that doubles.
//
// It counts by account and not by client, because guesses can come from many
// addresses. An attacker must not be able to lock the owner out that way. So each
// network that the owner has logged in from (a known network) has its own counter. All
// other networks share one: guesses from there delay only logins from unknown networks.
//
// The account may be a username that does not exist. It is counted in the same way and
// with the same statements.
type Attempts struct {
	DB  AttemptStore
	Now func() time.Time
	// Signer hashes accounts and networks, as in [Limiter].
	Signer Hasher
}

// UserKey is the account of an attempt at an existing account.
func UserKey(userID int64) string { return "user " + strconv.FormatInt(userID, 10) }

// An AttemptStore is the database that all instances share.
type AttemptStore interface {
	LoginAttempts(context.Context, gendb.LoginAttemptsParams) ([]gendb.LoginAttempt, error)
	LoginAttemptTakeBack(context.Context, gendb.LoginAttemptTakeBackParams) error
	Tx(context.Context, func(*gendb.Queries) error) error
}

// An Attempt is an authentication attempt that may proceed. It is counted as a failure
// in advance, so that concurrent attempts cannot exceed the allowed failures.
type Attempt struct {
	// Failures is the number of failures, including this attempt.
	Failures int64

	subject, network string // hashed
	shared           bool   // whether the shared counter of unknown networks applies
}

// A DelayError refuses an attempt that is too early.
type DelayError struct{ Wait time.Duration }

func (e *DelayError) Error() string { return fmt.Sprintf("too many failures; wait %s", e.Wait) }

// Delay returns the delay after a number of consecutive failures.
func Delay(failures int64) time.Duration {
	switch n := failures - FreeFailures; {
	case n < 0:
		return 0
	case n > 6:
		return MaxDelay
	default:
		return min(FirstDelay<<n, MaxDelay)
	}
}

// Begin counts an attempt at an account from a network, or returns a [DelayError].
// known means that a live session of the account was opened from the network.
func (a *Attempts) Begin(ctx context.Context, account, network string, known bool) (*Attempt, error) {
	attempt := &Attempt{subject: a.Signer.Keyed("login attempt", account), network: a.hashNetwork(account, network), shared: !known}
	rows, err := a.DB.LoginAttempts(ctx, gendb.LoginAttemptsParams{Subject: attempt.subject, Network: attempt.network})
	if err != nil {
		return nil, err
	}
	now := a.Now()
	for _, row := range rows {
		if row.Network != "" && row.ExpiresAt.After(now) {
			attempt.shared = false
		}
	}
	for _, row := range rows {
		// A refusal does not write, so that a flood does not occupy the writer.
		if row.Network == attempt.bucket() && wait(row, now) > 0 {
			return nil, &DelayError{wait(row, now)}
		}
	}
	return attempt, a.DB.Tx(ctx, func(q *gendb.Queries) error { return attempt.count(ctx, q, now) })
}

func (at *Attempt) count(ctx context.Context, q *gendb.Queries, now time.Time) error {
	lasts := KnownFor
	if at.shared {
		lasts = ForgetAfter
	}
	row, err := q.LoginAttemptLock(ctx, gendb.LoginAttemptLockParams{
		Subject: at.subject, Network: at.bucket(), Now: now, ExpiresAt: now.Add(lasts),
	})
	if err != nil {
		return err
	}
	if w := wait(row, now); w > 0 {
		return &DelayError{w}
	}
	if row.NextAt.Add(ForgetAfter).Before(now) || row.NextAt.After(now.Add(MaxDelay)) {
		row.Failures = 0 // too old, or from before the clock was set back
	}
	if at.shared {
		row.ExpiresAt = now.Add(ForgetAfter)
	}
	at.Failures = row.Failures + 1
	return q.LoginAttemptCount(ctx, gendb.LoginAttemptCountParams{
		Subject: at.subject, Network: at.bucket(), Failures: at.Failures,
		NextAt: now.Add(Delay(at.Failures)), ExpiresAt: row.ExpiresAt,
	})
}

// wait returns how long a counter still refuses attempts. It returns 0 for a wait
// longer than MaxDelay, which is from before the clock was set back. It also returns 0
// below FreeFailures: of two concurrent attempts, the one that locks the row second may
// have read its clock first.
func wait(row gendb.LoginAttempt, now time.Time) time.Duration {
	left := row.NextAt.Sub(now)
	if row.Failures < FreeFailures || left <= 0 || left > MaxDelay {
		return 0
	}
	return left
}

// bucket returns the network of the counter for this attempt, "" for the shared one.
func (at *Attempt) bucket() string {
	if at.shared {
		return ""
	}
	return at.network
}

// TakeBack uncounts an attempt that was not made, because no password was compared.
func (a *Attempts) TakeBack(ctx context.Context, at *Attempt) error {
	return a.DB.LoginAttemptTakeBack(ctx, gendb.LoginAttemptTakeBackParams{Subject: at.subject, Network: at.bucket(), Now: a.Now()})
}

// Succeed resets the counter of a successful attempt and marks its network as known.
// Other counters stay: a login of the owner from a known network must not give an
// attacker new free attempts.
func (a *Attempts) Succeed(ctx context.Context, at *Attempt) error {
	return a.DB.Tx(ctx, func(q *gendb.Queries) error {
		if at.shared {
			if err := q.LoginAttemptReset(ctx, gendb.LoginAttemptResetParams{Subject: at.subject, Network: ""}); err != nil {
				return err
			}
		}
		return a.trust(ctx, q, at.subject, at.network)
	})
}

// Trust marks a network as known, in the transaction of a successful authentication such
// as the use of a link in a mail.
func (a *Attempts) Trust(ctx context.Context, q *gendb.Queries, account, network string) error {
	return a.trust(ctx, q, a.Signer.Keyed("login attempt", account), a.hashNetwork(account, network))
}

func (a *Attempts) trust(ctx context.Context, q *gendb.Queries, subject, network string) error {
	now := a.Now()
	return q.LoginAttemptTrust(ctx, gendb.LoginAttemptTrustParams{Subject: subject, Network: network, Now: now, ExpiresAt: now.Add(KnownFor)})
}

// Forget deletes all counters of an account.
func (a *Attempts) Forget(ctx context.Context, q *gendb.Queries, account string) error {
	return q.LoginAttemptsDelete(ctx, a.Signer.Keyed("login attempt", account))
}

// hashNetwork includes the account, so that the hashes do not reveal which accounts use
// the same network.
func (a *Attempts) hashNetwork(account, network string) string {
	return a.Signer.Keyed("login network", account+"/"+network)
}
