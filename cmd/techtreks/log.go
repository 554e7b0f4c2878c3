package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"

	"github.com/DeRuina/timberjack"
)

// newLogger returns a logger that writes text to a terminal and JSON to anything else.
func newLogger(w io.Writer, level slog.Level) *slog.Logger {
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return slog.New(slog.NewTextHandler(w, logOptions(level)))
		}
	}
	return slog.New(slog.NewJSONHandler(w, logOptions(level)))
}

// logOptions writes times in UTC, so that logs of machines in different time zones can be
// compared.
func logOptions(level slog.Level) *slog.HandlerOptions {
	return &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey && a.Value.Kind() == slog.KindTime {
			a.Value = slog.TimeValue(a.Value.Time().UTC())
		}
		return a
	}}
}

// Rotation of LOG_FILE.
const (
	logFileSize  = 10    // MiB
	logFilesKept = 10    // full files, in addition to the current one
	logFileMode  = 0o600 // the log contains personal data: who did what, from which address
)

// openLogFile opens a log file that is rotated when it is full. A file that cannot be
// written is an error at the start, not at the first line. An existing file becomes
// readable by its owner only.
func openLogFile(path string) (io.WriteCloser, error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, logFileMode)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(logFileMode); err != nil {
		_ = f.Close()
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	return &timberjack.Logger{Filename: path, MaxSize: logFileSize, MaxBackups: logFilesKept, FileMode: logFileMode}, nil
}

// alsoTo returns a logger that writes to logger and to a file.
func alsoTo(logger *slog.Logger, file io.Writer, level slog.Level) *slog.Logger {
	reporting := &reportingWriter{to: file, reports: logger}
	return slog.New(slog.NewMultiHandler(logger.Handler(), slog.NewJSONHandler(reporting, logOptions(level))))
}

// reportingWriter logs to another logger when writing begins to fail and when it works
// again, because slog discards write errors.
type reportingWriter struct {
	to      io.Writer
	reports *slog.Logger
	failing atomic.Bool
}

func (w *reportingWriter) Write(line []byte) (int, error) {
	n, err := w.to.Write(line)
	if failing := err != nil; w.failing.Swap(failing) != failing {
		if failing {
			w.reports.Error("LOG_FILE cannot be written; its lines are missing", "error", err)
		} else {
			w.reports.Info("LOG_FILE can be written again")
		}
	}
	if err != nil {
		return n, fmt.Errorf("LOG_FILE: %w", err)
	}
	return n, nil
}
