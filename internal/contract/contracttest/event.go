package contracttest

import (
	"context"
	"log/slog"

	"github.com/techtreks/auth/internal/contract"
)

// NoteEvent records that a test has seen an audit event on a kind of database.
func NoteEvent(database, event string) error {
	return note(database, contract.AuditEvent(event))
}

// NoteEvents returns a handler that also calls [NoteEvent] for each audit event in the log. An
// event that was logged but not stored does not count.
func NoteEvents(database string, logs slog.Handler) slog.Handler {
	return &eventHandler{logs, database}
}

type eventHandler struct {
	slog.Handler
	database string
}

// Handle implements slog.Handler.
func (h *eventHandler) Handle(ctx context.Context, line slog.Record) error {
	if event := storedEvent(line); event != "" {
		// The logger drops an error of its handler, and the test may have ended. A missing note
		// fails the conformance check.
		if err := NoteEvent(h.database, event); err != nil {
			return err
		}
	}
	return h.Handler.Handle(ctx, line)
}

// WithAttrs implements slog.Handler.
func (h *eventHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &eventHandler{h.Handler.WithAttrs(attrs), h.database}
}

// WithGroup implements slog.Handler.
func (h *eventHandler) WithGroup(name string) slog.Handler {
	return &eventHandler{h.Handler.WithGroup(name), h.database}
}

// storedEvent returns the name of the audit event in a line of the log. It is empty for any other
// line, and for an event that was not stored.
func storedEvent(line slog.Record) (event string) {
	if line.Message != "audit" {
		return ""
	}
	stored := true
	line.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "event":
			event = a.Value.String()
		case "not_stored":
			stored = false
		}
		return true
	})
	if !stored {
		return ""
	}
	return event
}
