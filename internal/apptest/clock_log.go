package apptest

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"
)

// Clock is time as the test sets it.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// LogBuffer is what the server has logged, one JSON object a line.
type LogBuffer struct {
	mu     sync.Mutex
	text   bytes.Buffer
	parsed []map[string]any // the lines that were looked at before
	read   int              // and how many bytes they are
	grown  chan struct{}    // holds one when there is more than was waited for
}

func NewLogBuffer() *LogBuffer { return &LogBuffer{grown: make(chan struct{}, 1)} }

func (l *LogBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.grown <- struct{}{}:
	default:
	}
	return l.text.Write(p)
}

func (l *LogBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *LogBuffer) Logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Lines parses the log. The lines are shared, and not to be changed.
func (l *LogBuffer) Lines(t testing.TB) []map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range bytes.Lines(l.text.Bytes()[l.read:]) {
		var m map[string]any
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatalf("a line of the log is not JSON: %v\n%s", err, line)
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

// Events returns the lines about events.
func (l *LogBuffer) Events(t testing.TB) []map[string]any {
	t.Helper()
	return l.about(t, "audit")
}

// about returns the lines with a message.
func (l *LogBuffer) about(t testing.TB, message string) []map[string]any {
	t.Helper()
	return slices.DeleteFunc(l.Lines(t), func(line map[string]any) bool { return line["msg"] != message })
}
