package server

import (
	"context"
	"database/sql"
	"errors"

	"github.com/gin-gonic/gin"

	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/metrics"
	"github.com/techtreks/auth/internal/password"
)

// setUpMetrics connects the metrics with what the parts keep count of
// themselves.
func (s *Server) setUpMetrics() {
	var operations, events []string
	for _, op := range s.Contract.Operations {
		operations = append(operations, op.ID)
	}
	for _, event := range audit.Events {
		events = append(events, string(event))
	}
	m := metrics.New(operations, events)
	s.Metrics = m
	writer, readers := s.DB.Pools()
	m.Pool("writer", writer)
	if readers != nil {
		m.Pool("readers", readers)
	}
	gate := &s.Passwords.Gate
	m.Gauge("password_hashes_running", "Password hashes being computed now.", gate.Running)
	m.Gauge("password_hashes_waiting", "Password hashes waiting for their turn now.", gate.Waiting)
	m.Counter("contract_violations_total", "Answers that broke the contract, counted while VERIFY_RESPONSES is on.", nil, s.Violations.Load)
	m.Outbox(s.outboxState, s.Now, s.Logger)
	if s.MailWorker != nil {
		count := &s.MailWorker.Counters
		for outcome, read := range map[string]func() int64{
			"sent": count.Sent.Load, "retried": count.Retried.Load, "failed": count.Failed.Load, "dropped": count.Dropped.Load,
		} {
			m.Counter("mails_total", "What became of the tries to send a mail.", map[string]string{"outcome": outcome}, read)
		}
	}
	gate.Observe = func(ctx context.Context, pass password.Pass) {
		if s.Tracer != nil {
			s.Tracer.Hash(ctx, pass.Begin, pass.Waited, pass.Worked, pass.Err != nil)
		}
		switch {
		case pass.Err == nil:
			m.Hash(pass.Waited, pass.Worked)
		case errors.Is(pass.Err, password.ErrBusy):
			m.HashRefused(pass.Waited)
		}
	}
	if breaches := s.PasswordPolicy.Breaches; breaches != nil {
		breaches.Observe = m.BreachCheck
	}
}

func (s *Server) outboxState(ctx context.Context) (state metrics.OutboxState, err error) {
	count, err := s.DB.OutboxCount(ctx)
	if err != nil {
		return state, err
	}
	state.Pending, state.Dead = count.Pending, count.Dead
	state.Oldest, err = s.DB.OutboxOldest(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil // nothing waits
	}
	return state, err
}

// measureRequest counts every request by what it was for and how it ended.
func (s *Server) measureRequest(c *gin.Context) {
	start := s.Now()
	defer func() {
		r := metrics.Request{
			Route: route(c.Request.Context()), Method: knownMethod(c.Request.Method),
			Status: c.Writer.Status(), Took: s.Now().Sub(start),
		}
		if failure := requestFrom(c.Request.Context()).err; failure != nil {
			r.Code = failure.Code
		}
		s.Metrics.Request(r)
	}()
	c.Next()
}

// loginOutcome is the label that a login is counted under.
func loginOutcome(err error) string {
	if err == nil {
		return metrics.LoginSuccess
	}
	return asContractError(err).Code
}
