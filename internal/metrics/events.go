package metrics

import "time"

// LoginSuccess is the outcome of a login that started a session. Every other
// outcome is the error code of the contract that was answered.
const LoginSuccess = "success"

// Login counts a login that was tried, by [LoginSuccess] or the error code of
// its answer.
func (m *Metrics) Login(outcome string) { m.logins.WithLabelValues(outcome).Inc() }

// LimitHit counts a request refused because a limit was reached. operation is
// the operationId of the contract.
func (m *Metrics) LimitHit(operation string) { m.limitHits.WithLabelValues(operation).Inc() }

// UntrustedForward counts a request that names a client's address without being
// entitled to.
func (m *Metrics) UntrustedForward() { m.untrustedForwards.Inc() }

// The outcomes of a look at the breach corpus.
const (
	BreachClear   = "clear"   // the password is not in it
	BreachFound   = "found"   // it is, and was refused
	BreachUnknown = "unknown" // no answer: the password was let through
)

// BreachCheck counts a look at the breach corpus.
func (m *Metrics) BreachCheck(outcome string) { m.breachChecks.WithLabelValues(outcome).Inc() }

// AuditEvent counts an event that is in the audit trail. event is a constant of
// package audit.
func (m *Metrics) AuditEvent(event string) { m.auditEvents.WithLabelValues(event).Inc() }

// Why an event is not in the audit trail.
const (
	AuditFailed     = "failed"     // it could not be written
	AuditSuppressed = "suppressed" // one of a flood, which is counted instead
)

// AuditLost counts events that are not in the audit trail, by one of the two
// reasons.
func (m *Metrics) AuditLost(reason string) { m.auditLost.WithLabelValues(reason).Inc() }

// Hash counts a password hash: how long it waited for its turn, and how long it
// took.
func (m *Metrics) Hash(waited, worked time.Duration) {
	m.hashes.wait.Observe(waited.Seconds())
	m.hashes.duration.Observe(worked.Seconds())
}

// HashRefused counts one that never got its turn because the server was busy.
func (m *Metrics) HashRefused(waited time.Duration) {
	m.hashes.wait.Observe(waited.Seconds())
	m.hashes.refused.Inc()
}

// LogSuppressed counts a line that was counted instead of logged.
func (m *Metrics) LogSuppressed() { m.logSuppressed.Inc() }

// ContractViolation counts an answer that broke the contract.
func (m *Metrics) ContractViolation() { m.violations.Inc() }
