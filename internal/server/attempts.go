package server

import (
	"context"
	"errors"
	"net/netip"
	"strconv"
	"time"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/password"
	"github.com/techtreks/auth/internal/ratelimit"
	"github.com/techtreks/auth/internal/session"
)

// A claim is somebody's saying to be the owner of an account, which a password
// or another factor is to prove.
type claim struct {
	account string // what attempts are counted by
	network string
	known   bool        // a session of the account was opened from the network
	note    audit.Entry // who it is about

	failures int64 // in a row until now, once it is proved
}

// claimLogin is the claim of a login. Whatever spelling finds an account, its
// attempts are one count (Authelia CVE-2025-24806, CVE-2026-47203); a name that
// nobody has is counted by itself.
func claimLogin(ctx context.Context, login string, user gendb.User) *claim {
	name := loginKey(login)
	c := &claim{account: "login " + name, network: network(requestFrom(ctx).ip), note: audit.Entry{Subject: user.ID, Name: name}}
	if user.ID != 0 {
		c.account = accountOf(user.ID)
	}
	return c
}

// claimSession is the claim of somebody who is logged in. It counts for the
// network that the session was opened from: a thief of the session who uses many
// does not get the guesses of many.
func claimSession(ctx context.Context, user gendb.User) *claim {
	c := &claim{account: accountOf(user.ID), network: network(requestFrom(ctx).ip), note: audit.Entry{Subject: user.ID}}
	if current := session.From(ctx); current != nil {
		c.known = true
		if opened, err := netip.ParseAddr(current.Ip); err == nil {
			c.network = network(opened)
		}
	}
	return c
}

func accountOf(userID int64) string { return "user " + strconv.FormatInt(userID, 10) }

// forgetAttempts deletes what is counted of an account that is deleted. The rows
// cannot refer to it: names that nobody has are counted beside them.
func (s *Server) forgetAttempts(ctx context.Context, q *gendb.Queries, userID int64) error {
	if s.Attempts == nil {
		return nil
	}
	return s.Attempts.Forget(ctx, q, accountOf(userID))
}

// forgiveWithin bounds the taking back of an attempt whose request has ended.
const forgiveWithin = 2 * time.Second

// prove runs the check of a factor, whichever it is, unless too many have failed
// for this account. All checks share the count, or the one that did not would be
// where to guess (Zitadel CVE-2024-32868). A refused check does not run.
func (s *Server) prove(ctx context.Context, c *claim, check func() (ok bool, err error)) (bool, error) {
	if s.Attempts == nil {
		return check()
	}
	attempt, err := s.Attempts.Begin(ctx, c.account, c.network, c.known)
	var delayed *ratelimit.DelayError
	if errors.As(err, &delayed) {
		if op := contract.OperationFrom(ctx); op != nil {
			s.Metrics.LimitHit(op.ID)
		}
		refused := contract.ErrRateLimited.Because(err)
		refused.RetryAfter = delayed.Wait
		return false, refused
	}
	if err != nil {
		return false, err
	}
	ok, err := check()
	switch {
	case err != nil && !errors.Is(err, password.ErrCorrupt):
		// Nothing was compared, and the request may be over.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), forgiveWithin)
		defer cancel()
		return false, errors.Join(err, s.Attempts.Forgive(ctx, attempt))
	case ok:
		c.failures = attempt.Failures - 1
		return true, s.Attempts.Succeed(ctx, attempt)
	}
	s.noteFailures(ctx, c.note, attempt.Failures)
	return false, err
}

// noteFailures writes down when an account begins to make people wait, and when
// the wait has become the longest: once each, not for every guess.
func (s *Server) noteFailures(ctx context.Context, e audit.Entry, failures int64) {
	switch wait := ratelimit.Delay(failures); {
	case failures == ratelimit.FreeFailures:
		e.Event, e.Reason = audit.LoginFailMax, "attempts_delayed"
	case wait == ratelimit.MaxDelay && ratelimit.Delay(failures-1) < wait:
		e.Event, e.Reason = audit.LoginLock, "longest_delay"
	default:
		return
	}
	s.note(ctx, e)
}

// maxLoginNotices bounds the mails about logins after failures to one account: whoever
// has registered with somebody else's address could cause any number of them there.
var maxLoginNotices = []ratelimit.Limit{{Requests: 3, Window: time.Hour, Key: ratelimit.ByAccount}}

// suspicious says whether the owner is to be told of a login: the password may have
// been guessed (6.3.5).
func (s *Server) suspicious(ctx context.Context, user gendb.User, failures int64) (bool, error) {
	if failures < ratelimit.FreeFailures || s.Limits == nil {
		return false, nil
	}
	outcome, err := s.Limits.Take(ctx, "login notice", accountOf(user.ID), maxLoginNotices)
	return err == nil && outcome.Refused == nil, err
}
