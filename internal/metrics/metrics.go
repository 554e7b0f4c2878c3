// Package metrics counts what an operator wants to see of the server, in the
// form that Prometheus collects. Parts of the server call the methods of a
// [Metrics] that say in plain words what happened; what a part keeps count of
// itself is read from it when somebody looks (Gauge, Counter, Pool, Outbox).
//
// Every label has a bounded number of values, whatever strangers send: a route
// is the contract's template, a code comes out of the contract's closed lists,
// and nothing that a request contains becomes a label. A series per address or
// per name would let anybody fill the memory of this server and of Prometheus,
// and would tell whoever may read the metrics who has an account.
package metrics

import (
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// namespace begins the name of every metric of this program's own.
const namespace = "techtreks"

// Metrics has a registry of its own: what a library registers in the global one
// does not get in, and two servers in one process do not add up.
type Metrics struct {
	registry *prometheus.Registry

	requests          *prometheus.CounterVec
	requestDuration   *prometheus.HistogramVec
	logins            *prometheus.CounterVec
	limitHits         *prometheus.CounterVec
	untrustedForwards prometheus.Counter
	breachChecks      *prometheus.CounterVec
	auditEvents       *prometheus.CounterVec
	auditLost         *prometheus.CounterVec
	hashes            hashMetrics
	logSuppressed     prometheus.Counter
	violations        prometheus.Counter
}

// hashMetrics measure password hashes.
type hashMetrics struct {
	wait     prometheus.Histogram
	duration prometheus.Histogram
	refused  prometheus.Counter
}

// buckets of a request's time, in seconds: a session check takes about a
// millisecond, a login some tens, and a request is ended after five and a half seconds.
var buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// New makes the metrics. The Go runtime and the process are among them.
// operations are those of the contract, events those of the audit trail.
func New(operations, events []string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	m.requests = m.counters("http_requests_total",
		"Requests answered, by the contract's path, method, status and error code (empty for success).",
		"route", "method", "status", "code")
	m.requestDuration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: "http_request_duration_seconds", Buckets: buckets,
		Help: "Time from the header of a request to its answer, by the contract's path and method.",
	}, []string{"route", "method"})
	m.logins = m.counters("logins_total", "Logins that were tried, by outcome: success or the code of the refusal.", "outcome")
	m.limitHits = m.counters("rate_limited_total", "Requests refused because their limit was reached, by operation.", "operation")
	m.untrustedForwards = m.counter("untrusted_forwards_total",
		"Requests with X-Forwarded-For from a peer that is not in TRUSTED_PROXIES: a proxy was forgotten there, or somebody tries.")
	m.breachChecks = m.counters("breach_checks_total", "Passwords looked up in the breach corpus, by outcome.", "outcome")
	m.auditEvents = m.counters("audit_events_total", "Events written to the audit trail, by event.", "event")
	m.auditLost = m.counters("audit_lost_total", "Events that are not in the audit trail, by reason.", "reason")
	m.hashes.wait = m.histogram("password_hash_wait_seconds", "Time that a password hash waited for its turn, refused ones included.")
	m.hashes.duration = m.histogram("password_hash_duration_seconds", "Time that a password hash took, the wait not included.")
	m.hashes.refused = m.counter("password_hashes_refused_total", "Password hashes not started because the queue was full or the wait too long.")
	m.violations = m.counter("contract_violations_total", "Answers that broke the contract, counted while VERIFY_RESPONSES is on.")
	m.logSuppressed = m.counter("log_lines_suppressed_total", "Lines about refused requests that were counted instead of logged.")
	m.registry.MustRegister(m.requestDuration)
	begin(m.logins, LoginSuccess, "invalid_credentials")
	begin(m.limitHits, operations...)
	begin(m.breachChecks, BreachClear, BreachFound, BreachUnknown)
	begin(m.auditEvents, events...)
	begin(m.auditLost, AuditFailed, AuditSuppressed)
	return m
}

// begin makes series start at zero. One that appears with its first event has
// no increase that rate() could see, and the first one is what an alert is for.
func begin(counters *prometheus.CounterVec, values ...string) {
	for _, value := range values {
		counters.WithLabelValues(value)
	}
}

// Handler answers with all metrics. Two collectors may ask at once; a third is
// told to come back, so that the metrics cannot become the load.
func (m *Metrics) Handler(logger *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(logger.Handler(), slog.LevelError),
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: 2,
		Timeout:             scrapeTimeout,
		Registry:            m.registry,
	})
}

const scrapeTimeout = 10 * time.Second

// A Request is one that has been answered.
type Request struct {
	Route  string // the contract's path; Unmatched for an address that is not in it
	Method string // of a known set
	Status int
	Code   string // of the failure, empty for success
	Took   time.Duration
}

// Unmatched is the Route of requests for addresses that the contract does not
// have. Those themselves must not become labels: there is no end of them.
const Unmatched = "unmatched"

// Request counts an answer.
func (m *Metrics) Request(r Request) {
	m.requests.WithLabelValues(r.Route, r.Method, strconv.Itoa(r.Status), r.Code).Inc()
	m.requestDuration.WithLabelValues(r.Route, r.Method).Observe(r.Took.Seconds())
}

func (m *Metrics) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) histogram(name, help string) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets})
	m.registry.MustRegister(h)
	return h
}
