package metrics

import "time"

// LoginSuccess is the outcome of a login that created a session. Every other outcome is the
// error code of the response.
const LoginSuccess = "success"

// Login counts a login attempt by outcome: [LoginSuccess] or the error code of the response.
func (m *Metrics) Login(outcome string) { m.logins.WithLabelValues(outcome).Inc() }

// LimitHit counts a request rejected by a rate limit. operation is its operationId.
func (m *Metrics) LimitHit(operation string) { m.limitHits.WithLabelValues(operation).Inc() }

// UntrustedForward counts a request with a forwarded client address from a peer that is not a
// trusted proxy.
func (m *Metrics) UntrustedForward() { m.untrustedForwards.Inc() }

// The outcomes of a lookup in the breach corpus.
const (
	BreachClear   = "clear"   // the corpus does not contain the password
	BreachFound   = "found"   // the corpus contains the password, which is rejected
	BreachUnknown = "unknown" // the lookup failed; the password is accepted
)

// BreachCheck counts a lookup in the breach corpus.
func (m *Metrics) BreachCheck(outcome string) { m.breachChecks.WithLabelValues(outcome).Inc() }

// AuditEvent counts an event stored in the audit trail. event is a constant of package audit.
func (m *Metrics) AuditEvent(event string) { m.auditEvents.WithLabelValues(event).Inc() }

// Reasons why an event is not in the audit trail.
const (
	AuditFailed     = "failed"     // storing it failed
	AuditSuppressed = "suppressed" // part of a flood, of which only the number is stored
)

// AuditLost counts an event that is not in the audit trail, by reason.
func (m *Metrics) AuditLost(reason string) { m.auditLost.WithLabelValues(reason).Inc() }

// Hash counts a password hash, with its time in the queue and the time of the hash.
func (m *Metrics) Hash(waited, worked time.Duration) {
	m.hashes.wait.Observe(waited.Seconds())
	m.hashes.duration.Observe(worked.Seconds())
}

// HashRefused counts a password hash that the server did not start because it was busy.
func (m *Metrics) HashRefused(waited time.Duration) {
	m.hashes.wait.Observe(waited.Seconds())
	m.hashes.refused.Inc()
}

// LogSuppressed counts a log line that was suppressed as part of a flood.
func (m *Metrics) LogSuppressed() { m.logSuppressed.Inc() }

// ContractViolation counts a response that violates the contract.
func (m *Metrics) ContractViolation() { m.violations.Inc() }
