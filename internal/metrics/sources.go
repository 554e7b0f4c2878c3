package metrics

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Build adds a metric with the version of the program.
func (m *Metrics) Build(version string) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "Always 1; the labels contain the versions of the program and of Go.",
		ConstLabels: prometheus.Labels{"version": version, "go": runtime.Version()},
	}, func() float64 { return 1 }))
}

// Gauge adds a value that can go up and down. read is called at each scrape.
func (m *Metrics) Gauge(name, help string, read func() int64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help},
		func() float64 { return float64(read()) }))
}

// Counter adds a value that only goes up, counted since the start. read is called at each
// scrape. Counters with the same name and help must differ in the value of a label.
func (m *Metrics) Counter(name, help string, labels map[string]string, read func() int64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(
		prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help, ConstLabels: labels},
		func() float64 { return float64(read()) }))
}

// Pool adds the statistics of a connection pool, as go_sql_… with the label db_name.
func (m *Metrics) Pool(name string, pool *sql.DB) {
	m.registry.MustRegister(collectors.NewDBStatsCollector(pool, name))
}

// An OutboxSource reads the state of the outbox from the database.
type OutboxSource interface {
	OutboxState(ctx context.Context) (OutboxState, error)
}

// An OutboxState is the number and age of the mails in the outbox.
type OutboxState struct {
	Pending, Dead int64
	// Oldest is the time of the oldest pending mail; zero if there is none.
	Oldest time.Time
}

// The state of the outbox is cached, so that the load on the database depends neither on the
// number of collectors nor on how often they scrape. Usually that is every 15 seconds.
const (
	outboxCacheTime = 10 * time.Second
	outboxTimeout   = 2 * time.Second
)

// outbox collects the metrics of the outbox from the database.
type outbox struct {
	source OutboxSource
	now    func() time.Time
	logger *slog.Logger

	mu      sync.Mutex
	checked time.Time
	state   OutboxState
	err     error

	pending, dead, oldest *prometheus.Desc
}

// Outbox adds the state of the outbox, read from the database at most every ten seconds. If
// reading fails, the metrics are missing, because an old value would look current.
func (m *Metrics) Outbox(source OutboxSource, now func() time.Time, logger *slog.Logger) {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, "outbox", name), help, nil, nil)
	}
	m.registry.MustRegister(&outbox{
		source: source, now: now, logger: logger,
		pending: desc("pending", "Pending mails."),
		dead:    desc("dead", "Mails that could not be delivered, kept for 30 days."),
		oldest:  desc("oldest_seconds", "Age of the oldest pending mail; 0 if there is none."),
	})
}

func (o *outbox) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{o.pending, o.dead, o.oldest} {
		out <- d
	}
}

func (o *outbox) Collect(out chan<- prometheus.Metric) {
	state, ok := o.current()
	if !ok {
		return
	}
	age := 0.0
	if !state.Oldest.IsZero() {
		age = max(0, o.now().Sub(state.Oldest).Seconds())
	}
	out <- prometheus.MustNewConstMetric(o.pending, prometheus.GaugeValue, float64(state.Pending))
	out <- prometheus.MustNewConstMetric(o.dead, prometheus.GaugeValue, float64(state.Dead))
	out <- prometheus.MustNewConstMetric(o.oldest, prometheus.GaugeValue, age)
}

// current returns the cached state, or reads it from the database. Failures are cached as
// well, so that a failing database does not get more queries.
func (o *outbox) current() (OutboxState, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if now := o.now(); o.checked.IsZero() || now.Sub(o.checked) >= outboxCacheTime || now.Before(o.checked) {
		ctx, cancel := context.WithTimeout(context.Background(), outboxTimeout)
		defer cancel()
		o.state, o.err = o.query(ctx)
		o.checked = now
		if o.err != nil {
			o.logger.WarnContext(ctx, "outbox not measured", "error", o.err)
		}
	}
	return o.state, o.err == nil
}

// query reads the state and converts a panic to an error. A registry calls its collectors in
// goroutines, where a panic would end the process.
func (o *outbox) query(ctx context.Context) (state OutboxState, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("panic: %v", value)
		}
	}()
	return o.source.OutboxState(ctx)
}
