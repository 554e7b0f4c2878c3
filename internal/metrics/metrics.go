// Package metrics defines the metrics of the server for Prometheus. Parts of the server call
// the methods of a [Metrics] for each event. Values that a part counts itself are read from
// it at each scrape (Gauge, Counter, Pool, Outbox).
//
// Every label has a bounded number of values, whatever clients send. A route is the path
// template of the contract, and a code is from the closed lists of the contract. No part of a
// request becomes a label. With a series for each address or username, any client could fill
// the memory of this server and of Prometheus. The metrics would also reveal who has an
// account.
package metrics

import (
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/techtreks/auth/internal/problem"
)

// namespace is the prefix of the metrics that this program defines.
const namespace = "techtreks"

// Metrics holds the metrics of one server. It has its own registry: it contains no metrics
// that a library registers globally, and two servers in one process do not add up.
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

// buckets of the durations, in seconds. A session check takes about a millisecond, a login
// some tens of milliseconds, and the timeout of a request is 5.5 seconds.
var buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// New returns the metrics, including those of the Go runtime and the process. operations are
// the operationIds of the contract, and events the events of the audit trail.
func New(operations, events []string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	m.requests = m.counters("http_requests_total",
		"Responses, by path of the contract, method, status and error code (empty for success).",
		"route", "method", "status", "code")
	m.requestDuration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: "http_request_duration_seconds", Buckets: buckets,
		Help: "Time from the header of a request to its response, by path of the contract and method.",
	}, []string{"route", "method"})
	m.logins = m.counters("logins_total", "Login attempts, by outcome: success or the error code.", "outcome")
	m.limitHits = m.counters("rate_limited_total", "Requests rejected by a rate limit, by operation.", "operation")
	m.untrustedForwards = m.counter("untrusted_forwards_total",
		"Requests with X-Forwarded-For from a peer that is not in TRUSTED_PROXIES: a proxy that is missing there, or an attempt to forge an address.")
	m.breachChecks = m.counters("breach_checks_total", "Passwords looked up in the breach corpus, by outcome.", "outcome")
	m.auditEvents = m.counters("audit_events_total", "Events written to the audit trail, by event.", "event")
	m.auditLost = m.counters("audit_lost_total", "Events missing from the audit trail, by reason.", "reason")
	m.hashes.wait = m.histogram("password_hash_wait_seconds", "Time that password hashes waited in the queue, including refused ones.")
	m.hashes.duration = m.histogram("password_hash_duration_seconds", "Time that password hashes took, without the wait.")
	m.hashes.refused = m.counter("password_hashes_refused_total", "Password hashes not started because the queue was full or the wait too long.")
	m.violations = m.counter("contract_violations_total", "Responses that violate the contract, counted if VERIFY_RESPONSES is on.")
	m.logSuppressed = m.counter("log_lines_suppressed_total", "Log lines about refused requests that were suppressed.")
	m.registry.MustRegister(m.requestDuration)
	startAtZero(m.logins, LoginSuccess, problem.InvalidCredentials.Code)
	startAtZero(m.limitHits, operations...)
	startAtZero(m.breachChecks, BreachClear, BreachFound, BreachUnknown)
	startAtZero(m.auditEvents, events...)
	startAtZero(m.auditLost, AuditFailed, AuditSuppressed)
	return m
}

// startAtZero creates series with the value zero. A series that appears with its first event
// has no increase for rate(), so that an alert would miss that event.
func startAtZero(counters *prometheus.CounterVec, values ...string) {
	for _, value := range values {
		counters.WithLabelValues(value)
	}
}

// Handler serves all metrics. It handles two requests at a time and rejects others with 503, so
// that scraping cannot overload the server.
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

// A Request describes a request and its response.
type Request struct {
	Route  string // path of the contract, or Unmatched
	Method string // from a fixed set
	Status int
	Code   string // of the failure, empty for success
	Took   time.Duration
}

// Unmatched is the Route of requests for paths that are not in the contract. Such a path must
// not become a label, because there is no limit to their number.
const Unmatched = "unmatched"

// Request counts a request.
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
