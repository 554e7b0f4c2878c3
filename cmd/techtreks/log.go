package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"

	"github.com/DeRuina/timberjack"
)

// newLogger writes lines for people to a terminal and JSON to anything else.
func newLogger(w io.Writer, level slog.Level) *slog.Logger {
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return slog.New(slog.NewTextHandler(w, logOptions(level)))
		}
	}
	return slog.New(slog.NewJSONHandler(w, logOptions(level)))
}

// logOptions make times UTC wherever the machine is, so that logs of several
// compare.
func logOptions(level slog.Level) *slog.HandlerOptions {
	return &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey && a.Value.Kind() == slog.KindTime {
			a.Value = slog.TimeValue(a.Value.Time().UTC())
		}
		return a
	}}
}

// How much of the log a file holds, and how many full ones are kept beside it.
const (
	logFileSize  = 10 // MiB
	logFilesKept = 10
	logFileMode  = 0o600 // who did what, and from where, is nobody else's business
)

// openLogFile opens a file that begins anew when it is full. One that cannot be
// written is an error here and not at the first line, and one that was open to
// others is closed to them.
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

// alsoTo makes a logger that writes to both.
func alsoTo(logger *slog.Logger, file io.Writer, level slog.Level) *slog.Logger {
	reporting := &reportingWriter{to: file, aside: logger}
	return slog.New(slog.NewMultiHandler(logger.Handler(), slog.NewJSONHandler(reporting, logOptions(level))))
}

// reportingWriter says elsewhere that lines are missing, once until it works
// again: slog drops the errors of what it writes to.
type reportingWriter struct {
	to     io.Writer
	aside  *slog.Logger
	broken atomic.Bool
}

func (w *reportingWriter) Write(line []byte) (int, error) {
	n, err := w.to.Write(line)
	if broken := err != nil; w.broken.Swap(broken) != broken {
		if broken {
			w.aside.Error("LOG_FILE cannot be written, its lines are missing", "error", err)
		} else {
			w.aside.Info("LOG_FILE is written again")
		}
	}
	if err != nil {
		return n, fmt.Errorf("LOG_FILE: %w", err)
	}
	return n, nil
}
