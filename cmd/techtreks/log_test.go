package main

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
)

func TestLogFile_ReceivesEveryLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "techtreks.log")
	if err := os.WriteFile(path, []byte("{\"msg\":\"from before\"}\n"), 0o644); err != nil { // open to others
		t.Fatal(err)
	}
	p := serve(t, serverSettings(dbtest.URL(t, db.SQLite)).with(settings{"LOG_FILE": path}))
	newClient(t, p.url).call(t, "GET", "/auth/current_user", "", nil)
	p.stop()
	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := "{\"msg\":\"from before\"}\n" + p.stdout.String(); string(written) != want || p.logged("request") == 0 || p.logged("stopped") != 1 {
		t.Errorf("the file contains\n%s\nwant\n%s", written, want)
	}
	if mode := modeOf(t, path); mode != 0o600 {
		t.Errorf("the file has the mode %o", mode)
	}
}

func TestLogFile_UnwritableEndsTheStart(t *testing.T) {
	p := runToEnd(t, serverSettings(dbtest.URL(t, db.SQLite)).with(settings{"LOG_FILE": filepath.Join(t.TempDir(), "nowhere", "x.log")}), "serve")
	if status := p.cmd.ProcessState.ExitCode(); status != 1 || !strings.Contains(p.stderr.String(), "LOG_FILE cannot be written") {
		t.Errorf("exit status %d\n%s", status, p.stderr.String())
	}
}

// A full file is rotated and the oldest is deleted: there are at most eleven files of ten
// MiB.
func TestLogFile_RotationIsBounded(t *testing.T) {
	folder := t.TempDir()
	file, err := openLogFile(filepath.Join(folder, "techtreks.log"))
	if err != nil {
		t.Fatal(err)
	}
	line := bytes.Repeat([]byte("x"), 1<<20)
	for range 10 * 15 {
		if _, err := file.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	var files []string
	eventually(t, "the oldest files are deleted", func() bool {
		if files, err = filepath.Glob(filepath.Join(folder, "*")); err != nil {
			t.Fatal(err)
		}
		return len(files) == 11
	})
	for _, path := range files {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 || info.Size() > 10<<20 {
			t.Errorf("%s has the mode %o and %d bytes", filepath.Base(path), info.Mode().Perm(), info.Size())
		}
	}
}

func modeOf(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

// fullDisk is a writer that fails while it is full.
type fullDisk struct{ full bool }

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.full {
		return 0, errors.New("no space left on device")
	}
	return len(p), nil
}

// If the file cannot be written, standard output still has every line and one report of
// the failure.
func TestLogFile_WriteErrorIsReportedOnce(t *testing.T) {
	var out bytes.Buffer
	disk := &fullDisk{}
	logger := alsoTo(newLogger(&out, slog.LevelInfo), disk, slog.LevelInfo)
	logger.Info("one")
	disk.full = true
	logger.Info("two")
	logger.Info("three")
	disk.full = false
	logger.Info("four")
	for text, n := range map[string]int{
		`"msg":"two"`: 1, `"msg":"three"`: 1, "no space left": 1, "LOG_FILE cannot be written": 1, "LOG_FILE can be written again": 1,
	} {
		if got := strings.Count(out.String(), text); got != n {
			t.Errorf("%q appears %d times\n%s", text, got, &out)
		}
	}
}
