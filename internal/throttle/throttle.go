// Package throttle applies the rate limits that the contract gives an operation.
package throttle

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/techtreks/auth/db"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/clientip"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/email"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/metrics"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/ratelimit"
	"github.com/techtreks/auth/internal/reqctx"
)

// A Throttle counts calls of operations. All fields are required unless they say
// otherwise.
type Throttle struct {
	// Limiter counts; nil limits nothing.
	Limiter *ratelimit.Limiter
	Audit   *audit.Trail
	Metrics *metrics.Metrics
}

// Client counts a call by the client's network. It returns what is left of the limits,
// and [problem.RateLimited] if one is exceeded.
func (t *Throttle) Client(ctx context.Context, op *contract.Operation) ([]ratelimit.Use, error) {
	return t.take(ctx, op, ratelimit.ByAddress, clientip.Network(reqctx.From(ctx).ClientAddr))
}

// Account counts a call of the current operation against its limits per account. It
// returns [problem.RateLimited] if one is exceeded. account is any stable key.
func (t *Throttle) Account(ctx context.Context, account string) error {
	_, err := t.take(ctx, contract.OperationFrom(ctx), ratelimit.ByAccount, account)
	return err
}

// Mail reports whether one more mail may go to an address because of an anonymous
// request. The client must not learn that it may not: how often others request mails
// for an address concerns its owner alone.
func (t *Throttle) Mail(ctx context.Context, addressKey string) (bool, error) {
	err := t.Account(ctx, addressKey)
	if errors.Is(err, problem.RateLimited) {
		return false, nil
	}
	return err == nil, err
}

// RequestMail queues a mail of a kind that anyone may request for any address. An
// address that cannot exist is ignored.
func (t *Throttle) RequestMail(ctx context.Context, d *db.DB, outbox *mail.Outbox, kind mail.Kind, typed string) error {
	address, err := email.Parse(typed)
	if err != nil {
		return nil
	}
	if may, err := t.Mail(ctx, address.Key); err != nil || !may {
		return err
	}
	err = d.Tx(ctx, func(q *gendb.Queries) error {
		return outbox.Add(ctx, q, mail.Message{Kind: kind, Address: address, Details: mail.Origin(ctx)})
	})
	if err == nil {
		outbox.Wake()
	}
	return err
}

func (t *Throttle) take(ctx context.Context, op *contract.Operation, key ratelimit.Key, who string) ([]ratelimit.Use, error) {
	limits := ratelimit.Of(op.Limits, key)
	if t.Limiter == nil || len(limits) == 0 {
		return nil, nil
	}
	outcome, err := t.Limiter.Take(ctx, op.ID, who, limits)
	if err != nil || outcome.Refused == nil {
		return outcome.Uses, err
	}
	t.Metrics.LimitHit(op.ID)
	if outcome.First { // one row per window, not per request
		t.Audit.Note(ctx, audit.Entry{
			Event: audit.RateLimitExceeded, Reason: strings.ReplaceAll(outcome.Refused.Limit.String(), " ", "_"),
		})
	}
	return outcome.Uses, problem.RateLimited.After(outcome.Refused.Reset)
}

// maxLoginNotices limits the mails about logins after failures, per account: anyone who
// registered with another person's address could cause any number of them there.
var maxLoginNotices = []ratelimit.Limit{{Requests: 3, Window: time.Hour, Key: ratelimit.ByAccount}}

// LoginNotice reports whether the owner of an account gets one more mail about a login
// after failed attempts. Without a limiter failed attempts are not counted, so there is
// no mail.
func (t *Throttle) LoginNotice(ctx context.Context, userID int64) (bool, error) {
	if t.Limiter == nil {
		return false, nil
	}
	outcome, err := t.Limiter.Take(ctx, "login notice", ratelimit.UserKey(userID), maxLoginNotices)
	return err == nil && outcome.Refused == nil, err
}

// accountOperations are the operations that call [Throttle.Account] or [Throttle.Mail].
var accountOperations = map[string]bool{"register": true, "requestReset": true, "resendVerification": true, "updateProfile": true}

// CheckContract returns an error for a limit per account on any other operation: it
// would be a rule that nothing enforces.
func CheckContract(c *contract.Contract) error {
	for _, op := range c.Operations {
		if len(ratelimit.Of(op.Limits, ratelimit.ByAccount)) > 0 && !accountOperations[op.ID] {
			return fmt.Errorf("contract: a limit per account on %s is not enforced by this server", op.ID)
		}
	}
	return nil
}
