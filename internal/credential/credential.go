// Package credential checks the credentials that people present, and slows down
// guessing.
package credential

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/accounts"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/clientip"
	"github.com/techtreks/auth/internal/metrics"
	"github.com/techtreks/auth/internal/password"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/ratelimit"
	"github.com/techtreks/auth/internal/reqctx"
	"github.com/techtreks/auth/internal/session"
)

// A Claim identifies one authentication attempt for the limiter.
type Claim struct {
	account string // what attempts are counted by
	network string
	known   bool        // a session of the account was opened from the network
	entry   audit.Entry // about the account

	// Failures is the number of consecutive failures before this attempt. It is set
	// when the attempt succeeds.
	Failures int64
}

// LoginClaim returns the claim of a login. All spellings of a login that find one
// account share a count (Authelia CVE-2025-24806, CVE-2026-47203). A login without an
// account is counted by itself.
func LoginClaim(ctx context.Context, login string, user gendb.User) *Claim {
	name := accounts.LoginKey(login)
	c := &Claim{account: "login " + name, network: network(ctx), entry: audit.Entry{Subject: user.ID, Name: name}}
	if user.ID != 0 {
		c.account = ratelimit.UserKey(user.ID)
	}
	return c
}

// SessionClaim returns the claim of a person who is logged in. It counts for the
// network that the session was opened from. So an attacker with a stolen session gets
// no more guesses by changing networks.
func SessionClaim(ctx context.Context, user gendb.User) *Claim {
	c := &Claim{account: ratelimit.UserKey(user.ID), network: network(ctx), entry: audit.Entry{Subject: user.ID}}
	if current := session.From(ctx); current != nil {
		c.known = true
		if opened, err := netip.ParseAddr(current.Ip); err == nil {
			c.network = clientip.Network(opened)
		}
	}
	return c
}

func network(ctx context.Context) string { return clientip.Network(reqctx.From(ctx).ClientAddr) }

// A Checker compares credentials. All fields are required unless they say otherwise.
type Checker struct {
	Passwords *password.Hasher
	// Attempts counts failures by account; nil counts nothing.
	Attempts *ratelimit.Attempts
	Audit    *audit.Trail
	Metrics  *metrics.Metrics
	Logger   *slog.Logger
}

// takeBackTimeout bounds the query that takes back an attempt after its request ended.
const takeBackTimeout = 2 * time.Second

// Check runs the check of a credential, unless too many failed for the account. All
// credentials share the count: otherwise an attacker would guess with the one that is
// not counted (Zitadel CVE-2024-32868). The error is [problem.RateLimited] if the check
// did not run.
func (k *Checker) Check(ctx context.Context, c *Claim, check func() (ok bool, err error)) (bool, error) {
	if k.Attempts == nil {
		return check()
	}
	attempt, err := k.Attempts.Begin(ctx, c.account, c.network, c.known)
	var delayed *ratelimit.DelayError
	if errors.As(err, &delayed) {
		if operation := reqctx.From(ctx).Operation; operation != "" {
			k.Metrics.LimitHit(operation)
		}
		return false, problem.RateLimited.Because(err).After(delayed.Wait)
	}
	if err != nil {
		return false, err
	}
	ok, err := check()
	switch {
	case err != nil && !errors.Is(err, password.ErrCorrupt):
		// Nothing was compared, and the request may have ended.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeBackTimeout)
		defer cancel()
		return false, errors.Join(err, k.Attempts.TakeBack(ctx, attempt))
	case ok:
		c.Failures = attempt.Failures - 1
		return true, k.Attempts.Succeed(ctx, attempt)
	}
	k.noteFailures(ctx, c.entry, attempt.Failures)
	return false, err
}

// noteFailures records when attempts at an account begin to be delayed, and when the
// delay reaches its maximum. It records each once, not for every guess.
func (k *Checker) noteFailures(ctx context.Context, e audit.Entry, failures int64) {
	switch wait := ratelimit.Delay(failures); {
	case failures == ratelimit.FreeFailures:
		e.Event, e.Reason = audit.LoginFailMax, "attempts_delayed"
	case wait == ratelimit.MaxDelay && ratelimit.Delay(failures-1) < wait:
		e.Event, e.Reason = audit.LoginLock, "longest_delay"
	default:
		return
	}
	k.Audit.Note(ctx, e)
}

// OwnPassword compares a password with the one of the session's account. It returns
// [problem.PasswordIncorrect] if it differs or the account has none.
func (k *Checker) OwnPassword(ctx context.Context, user gendb.User, given string) error {
	stored := ""
	if user.PasswordHash != nil {
		stored = *user.PasswordHash
	}
	ok, err := k.Check(ctx, SessionClaim(ctx, user), func() (bool, error) {
		ok, _, err := k.Passwords.Verify(ctx, given, stored)
		return ok, err
	})
	switch {
	case errors.Is(err, password.ErrCorrupt):
		k.Logger.ErrorContext(ctx, "stored password hash is unusable", "user_id", user.ID)
		return problem.PasswordIncorrect.Because(err)
	case err != nil:
		return err
	case !ok:
		return problem.PasswordIncorrect
	}
	return nil
}
