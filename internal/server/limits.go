package server

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/ratelimit"
)

// limit refuses whoever calls an operation more often than the contract allows.
// It stands before the session, the body and the password hash, so that a refusal
// costs less than the request.
func (s *Server) limit(c *gin.Context, op *contract.Operation) error {
	limits := ratelimit.Of(op.Limits, ratelimit.ByAddress)
	if s.Limits == nil || len(limits) == 0 {
		return nil
	}
	ctx := c.Request.Context()
	outcome, err := s.Limits.Take(ctx, op.ID, network(requestFrom(ctx).ip), limits)
	if err != nil {
		return err
	}
	var left, policy []string
	for _, u := range outcome.Uses {
		left = append(left, fmt.Sprintf("%q;r=%d;t=%d", u.Limit.Unit(), u.Remaining, seconds(u.Reset)))
		policy = append(policy, fmt.Sprintf("%q;q=%d;w=%d", u.Limit.Unit(), u.Limit.Requests, seconds(u.Limit.Window)))
	}
	c.Header("RateLimit", strings.Join(left, ", "))
	c.Header("RateLimit-Policy", strings.Join(policy, ", "))
	if outcome.Refused == nil {
		return nil
	}
	return s.tooMany(ctx, op, outcome)
}

// tooMany is the refusal of a request over a limit. One note of it is made per
// window, not per request.
func (s *Server) tooMany(ctx context.Context, op *contract.Operation, outcome ratelimit.Outcome) *contract.Error {
	s.Metrics.LimitHit(op.ID)
	if outcome.First {
		s.note(ctx, audit.Entry{Event: audit.RateLimitExceeded, Reason: strings.ReplaceAll(outcome.Refused.Limit.String(), " ", "_")})
	}
	refused := *contract.ErrRateLimited
	refused.RetryAfter = outcome.Refused.Reset
	return &refused
}

// limitAccount counts against the limits per account of the operation, and refuses
// what is over one.
func (s *Server) limitAccount(ctx context.Context, account string) error {
	op := contract.OperationFrom(ctx)
	limits := ratelimit.Of(op.Limits, ratelimit.ByAccount)
	if s.Limits == nil || len(limits) == 0 {
		return nil
	}
	outcome, err := s.Limits.Take(ctx, op.ID, account, limits)
	if err != nil || outcome.Refused == nil {
		return err
	}
	return s.tooMany(ctx, op, outcome)
}

// mayMail says whether one more mail may go to an address because a stranger
// asked for it. Nobody is told that it may not: that somebody asks often for an
// address is the business of its owner alone.
func (s *Server) mayMail(ctx context.Context, addressKey string) (bool, error) {
	err := s.limitAccount(ctx, addressKey)
	var refused *contract.Error
	if errors.As(err, &refused) {
		return false, nil
	}
	return err == nil, err
}

// limitsAccounts are the operations that hold the limits per account that the
// contract gives them. One on another operation would be a rule that holds nothing.
var limitsAccounts = map[string]bool{"register": true, "requestReset": true, "resendVerification": true, "updateProfile": true}

// checkAccountLimits refuses a contract that asks for more.
func checkAccountLimits(c *contract.Contract) error {
	for _, op := range c.Operations {
		if len(ratelimit.Of(op.Limits, ratelimit.ByAccount)) > 0 && !limitsAccounts[op.ID] {
			return fmt.Errorf("contract: a limit per account on %s is not enforced by this server", op.ID)
		}
	}
	return nil
}

// sweepBatch is how many rows are deleted in one statement: SQLite's one writer is
// held for milliseconds, however many addresses have come by.
const sweepBatch = 1000

// SweepLimits deletes counts that do not hold any more and returns how many there
// were.
func (s *Server) SweepLimits(ctx context.Context) (deleted int64, err error) {
	for _, batch := range []func() (int64, error){
		func() (int64, error) {
			return s.DB.RateLimitsDeleteExpired(ctx, gendb.RateLimitsDeleteExpiredParams{Now: s.Now(), MaxRows: sweepBatch})
		},
		func() (int64, error) {
			return s.DB.LoginAttemptsDeleteExpired(ctx, gendb.LoginAttemptsDeleteExpiredParams{Now: s.Now(), MaxRows: sweepBatch})
		},
	} {
		for n := int64(sweepBatch); n == sweepBatch; deleted += n {
			if n, err = batch(); err != nil {
				return deleted, err
			}
		}
	}
	return deleted, nil
}

// network is what of an address a limit counts by. Who has one IPv6 address has
// 2^64 of them, and could use each once (better-auth CVE-2026-45364).
func network(ip netip.Addr) string {
	if !ip.Is6() {
		return ip.String()
	}
	prefix, _ := ip.Prefix(64) // which every IPv6 address has
	return prefix.String()
}

// seconds rounds up: after that time the wait is over for certain.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }
