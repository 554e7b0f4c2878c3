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

// Build says which version runs.
func (m *Metrics) Build(version string) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "Always 1; the labels say which version runs.",
		ConstLabels: prometheus.Labels{"version": version, "go": runtime.Version()},
	}, func() float64 { return 1 }))
}

// Gauge reads a value that goes up and down when somebody looks.
func (m *Metrics) Gauge(name, help string, read func() int64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help},
		func() float64 { return float64(read()) }))
}

// Counter reads a value that only goes up, since the start, when somebody looks.
// Several with one name and help differ in the value of a label.
func (m *Metrics) Counter(name, help string, labels map[string]string, read func() int64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(
		prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help, ConstLabels: labels},
		func() float64 { return float64(read()) }))
}

// Pool reads what database/sql says of a pool of connections, under the names
// go_sql_… with the label db_name.
func (m *Metrics) Pool(name string, pool *sql.DB) {
	m.registry.MustRegister(collectors.NewDBStatsCollector(pool, name))
}

// An OutboxState is what waits in the outbox.
type OutboxState struct {
	Pending, Dead int64
	// Oldest is when the oldest mail that is still to be sent was asked for;
	// zero when there is none.
	Oldest time.Time
}

// How long the state of the outbox counts, and how long reading it may take. A
// collector asks every 15 seconds or so; whoever asks more often than that, or
// however many ask, costs the database no more.
const (
	outboxFor    = 10 * time.Second
	outboxWithin = 2 * time.Second
)

// outbox is a collector of what the database says about mails.
type outbox struct {
	read   func(context.Context) (OutboxState, error)
	now    func() time.Time
	logger *slog.Logger

	mu      sync.Mutex
	checked time.Time
	state   OutboxState
	err     error

	pending, dead, oldest *prometheus.Desc
}

// Outbox reads the state of the outbox from the database, at most every ten
// seconds. When it cannot be read its metrics are missing: a number that is
// kept from before would look like one that is true.
func (m *Metrics) Outbox(read func(context.Context) (OutboxState, error), now func() time.Time, logger *slog.Logger) {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, "outbox", name), help, nil, nil)
	}
	m.registry.MustRegister(&outbox{
		read: read, now: now, logger: logger,
		pending: desc("pending", "Mails that are still to be sent."),
		dead:    desc("dead", "Mails that were given up, kept for 30 days."),
		oldest:  desc("oldest_seconds", "Age of the oldest mail that is still to be sent; 0 when there is none."),
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

// current asks the database, or remembers what it said. A failure counts as
// long, so that a database in trouble is not asked all the more.
func (o *outbox) current() (OutboxState, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if now := o.now(); o.checked.IsZero() || now.Sub(o.checked) >= outboxFor || now.Before(o.checked) {
		ctx, cancel := context.WithTimeout(context.Background(), outboxWithin)
		defer cancel()
		o.state, o.err = o.ask(ctx)
		o.checked = now
		if o.err != nil {
			o.logger.WarnContext(ctx, "outbox not measured", "error", o.err)
		}
	}
	return o.state, o.err == nil
}

// ask turns a panic into an error: a registry asks its collectors beside the
// request, where one would end the process.
func (o *outbox) ask(ctx context.Context) (state OutboxState, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("panic: %v", value)
		}
	}()
	return o.read(ctx)
}
