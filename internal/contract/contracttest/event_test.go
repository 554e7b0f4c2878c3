package contracttest

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNoteEvents_NotesStoredEventsOnce(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(NotesDir, dir)
	var logs bytes.Buffer
	logger := slog.New(NoteEvents("testdb", slog.NewTextHandler(&logs, nil)))
	logger.Info("audit", "event", "first")
	logger.With("more", 1).WithGroup("group").Info("audit", "event", "second")
	logger.Info("audit", "event", "first")
	logger.Error("audit", "event", "third", "not_stored", "the database is down")
	logger.Info("request", "event", "fourth")
	if lines := strings.Count(logs.String(), "\n"); lines != 5 {
		t.Errorf("the log has %d lines, want 5\n%s", lines, &logs)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("got %v (%v), want one file of notes", files, err)
	}
	notes, err := os.ReadFile(files[0])
	if want := "testdb event first\ntestdb event second\n"; err != nil || string(notes) != want {
		t.Errorf("got %q (%v), want %q", notes, err, want)
	}
}
