package ratelimit

import (
	"context"
	"fmt"
	"time"

	gendb "github.com/techtreks/auth/gen/db"
)

// How attempts to prove who one is are slowed down.
const (
	// FreeFailures are the attempts that may fail before each further one has to
	// wait.
	FreeFailures = 5
	// FirstDelay is the wait after them. It doubles with each further failure.
	FirstDelay = time.Second
	// MaxDelay is the longest wait.
	MaxDelay = time.Minute
	// ForgetAfter is how long after the last failure they are forgotten.
	ForgetAfter = time.Hour
	// KnownFor is how long a network counts as one that the owner uses, after the
	// last success from there.
	KnownFor = 30 * 24 * time.Hour
)

// Attempts slows down whoever guesses at one account, by a wait that doubles. It
// counts by account and not by client, since guesses can come from anywhere. But a
// count that stops everybody would be a way to lock the owner out, so networks that
// the owner has logged in from are not part of it: each has a count of its own.
// Whoever guesses from elsewhere slows down only those who come from elsewhere too.
//
// An account may be a name that nobody has: its guesses are counted in the same way,
// by the same statements.
type Attempts struct {
	DB   AttemptStore
	Now  func() time.Time
	Hash func(purpose, value string) string // as in [Limiter]
}

// An AttemptStore is the database that the instances share.
type AttemptStore interface {
	LoginAttempts(context.Context, gendb.LoginAttemptsParams) ([]gendb.LoginAttempt, error)
	LoginAttemptForgive(context.Context, gendb.LoginAttemptForgiveParams) error
	Tx(context.Context, func(*gendb.Queries) error) error
}

// An Attempt is one that may be made. It counts as a failure until it is known to
// be none: of any number at once, no more are made than may fail.
type Attempt struct {
	// Failures is how many there have been, if this one is one.
	Failures int64

	subject, network string // hashed
	shared           bool   // by all networks that are not known
}

// A DelayError refuses an attempt that comes too early.
type DelayError struct{ Wait time.Duration }

func (e *DelayError) Error() string { return fmt.Sprintf("too many failures; wait %s", e.Wait) }

// Delay is the wait after so many failures in a row.
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
// known says that the network is the owner's, because a live session of the account
// was opened from there.
func (a *Attempts) Begin(ctx context.Context, account, network string, known bool) (*Attempt, error) {
	attempt := &Attempt{subject: a.Hash("login attempt", account), network: a.hashNetwork(account, network), shared: !known}
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
		// A refusal does not write: a flood of them must not hold the writer.
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
	row, err := q.LoginAttemptHold(ctx, gendb.LoginAttemptHoldParams{
		Subject: at.subject, Network: at.bucket(), Now: now, ExpiresAt: now.Add(lasts),
	})
	if err != nil {
		return err
	}
	if w := wait(row, now); w > 0 {
		return &DelayError{w}
	}
	if row.NextAt.Add(ForgetAfter).Before(now) || row.NextAt.After(now.Add(MaxDelay)) {
		row.Failures = 0 // long ago, or by a clock that has been set back
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

// wait is how long a count still refuses. One that would refuse for longer than
// any does was made before the clock was set back, and refuses nothing. Nor does one
// that makes nobody wait yet: of two attempts at once the one that comes second to
// the row may have looked at its clock first.
func wait(row gendb.LoginAttempt, now time.Time) time.Duration {
	left := row.NextAt.Sub(now)
	if row.Failures < FreeFailures || left <= 0 || left > MaxDelay {
		return 0
	}
	return left
}

// bucket is the network whose count this attempt belongs to.
func (at *Attempt) bucket() string {
	if at.shared {
		return ""
	}
	return at.network
}

// Forgive takes back an attempt that was not made: nothing was compared.
func (a *Attempts) Forgive(ctx context.Context, at *Attempt) error {
	return a.DB.LoginAttemptForgive(ctx, gendb.LoginAttemptForgiveParams{Subject: at.subject, Network: at.bucket(), Now: a.Now()})
}

// Succeed ends the count that the attempt belongs to, and makes its network one
// that the owner uses. The count of others stays: the owner's coming home must not
// be a fresh start for whoever is guessing.
func (a *Attempts) Succeed(ctx context.Context, at *Attempt) error {
	return a.DB.Tx(ctx, func(q *gendb.Queries) error {
		if at.shared {
			if err := q.LoginAttemptReset(ctx, gendb.LoginAttemptResetParams{Subject: at.subject, Network: ""}); err != nil {
				return err
			}
		}
		return a.know(ctx, q, at.subject, at.network)
	})
}

// Know makes a network one that the owner uses, in the transaction of what has
// proved that, such as a link from a mail.
func (a *Attempts) Know(ctx context.Context, q *gendb.Queries, account, network string) error {
	return a.know(ctx, q, a.Hash("login attempt", account), a.hashNetwork(account, network))
}

func (a *Attempts) know(ctx context.Context, q *gendb.Queries, subject, network string) error {
	now := a.Now()
	return q.LoginAttemptKnow(ctx, gendb.LoginAttemptKnowParams{Subject: subject, Network: network, Now: now, ExpiresAt: now.Add(KnownFor)})
}

// Forget deletes what is known of an account.
func (a *Attempts) Forget(ctx context.Context, q *gendb.Queries, account string) error {
	return q.LoginAttemptsDelete(ctx, a.Hash("login attempt", account))
}

// hashNetwork has the account in it, so that nobody sees who uses one network.
func (a *Attempts) hashNetwork(account, network string) string {
	return a.Hash("login network", account+"/"+network)
}
