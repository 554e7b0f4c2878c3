package apptest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A Clock has the time that the test sets.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the time forward.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A LogBuffer holds the log of the server, one JSON object per line.
type LogBuffer struct {
	mu     sync.Mutex
	text   bytes.Buffer
	parsed []map[string]any // the lines that were parsed before
	read   int              // length of those lines in bytes
	grown  chan struct{}    // holds a value after a write
}

// NewLogBuffer returns an empty log.
func NewLogBuffer() *LogBuffer { return &LogBuffer{grown: make(chan struct{}, 1)} }

// Write implements io.Writer.
func (l *LogBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.grown <- struct{}{}:
	default:
	}
	return l.text.Write(p)
}

// Logger returns a logger that writes to l.
func (l *LogBuffer) Logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// String returns the whole log.
func (l *LogBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Lines parses the log. Callers share the returned maps and must not change them.
func (l *LogBuffer) Lines(t testing.TB) []map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range bytes.Lines(l.text.Bytes()[l.read:]) {
		var m map[string]any
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatalf("the log has a line that is not JSON: %v\n%s", err, line)
		}
		l.parsed, l.read = append(l.parsed, m), l.read+len(line)
	}
	return slices.Clone(l.parsed)
}

// Requests returns the lines about requests.
func (l *LogBuffer) Requests(t testing.TB) []map[string]any {
	t.Helper()
	return l.about(t, "request")
}

// Events returns the lines about audit events.
func (l *LogBuffer) Events(t testing.TB) []map[string]any {
	t.Helper()
	return l.about(t, "audit")
}

// about returns the lines with a message.
func (l *LogBuffer) about(t testing.TB, message string) []map[string]any {
	t.Helper()
	return slices.DeleteFunc(l.Lines(t), func(line map[string]any) bool { return line["msg"] != message })
}

// Scrape returns the metrics as a collector reads them, by series.
func (h *Harness) Scrape() map[string]float64 {
	h.T.Helper()
	w := httptest.NewRecorder()
	h.Metrics.Handler(h.Logger).ServeHTTP(w, httptest.NewRequestWithContext(h.T.Context(), "GET", "/metrics", nil))
	if w.Code != http.StatusOK {
		h.T.Fatalf("metrics: got %d, want 200\n%s", w.Code, w.Body)
	}
	series := make(map[string]float64)
	lines := bufio.NewScanner(w.Body)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		i := strings.LastIndexByte(lines.Text(), ' ')
		value, err := strconv.ParseFloat(lines.Text()[i+1:], 64)
		if err != nil {
			h.T.Fatalf("%q: %v", lines.Text(), err)
		}
		series[lines.Text()[:i]] = value
	}
	return series
}

// WantMetrics fails the test unless the series have these values; -1 means absent.
func (h *Harness) WantMetrics(want map[string]float64) {
	h.T.Helper()
	got := h.Scrape()
	for series, value := range want {
		if found, ok := got[series]; ok != (value != -1) || ok && found != value {
			h.T.Errorf("%s: got %v (present: %v), want %v", series, found, ok, value)
		}
	}
}

// Violations returns the number of responses that broke the contract.
func (h *Harness) Violations() int {
	h.T.Helper()
	return int(h.Scrape()["techtreks_contract_violations_total"])
}
