package db_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/techtreks/auth/db"
)

// unprivilegedUID is the id of the user nobody on every Debian.
const unprivilegedUID = 65534

// childOpens opens the database as a user that file modes apply to.
func childOpens(url string) error {
	if os.Getuid() == 0 {
		if err := syscall.Setuid(unprivilegedUID); err != nil {
			return err
		}
	}
	d, err := db.Open(context.Background(), url)
	if err != nil {
		return err
	}
	return d.Close()
}

// A server on a read-only file would report that it is ready and then fail every
// registration.
func TestOpen_RefusesReadOnlyFile(t *testing.T) {
	folder, err := os.MkdirTemp("", "techtreks")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	file := filepath.Join(folder, "techtreks.db")
	d, err := db.Open(t.Context(), "sqlite:"+file)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	open := func() string {
		out, err := child(t.Context(), "open", "sqlite:"+file, "").CombinedOutput()
		return fmt.Sprint(err, " ", string(out))
	}
	if os.Getuid() == 0 {
		entries, err := filepath.Glob(folder + "/*")
		if err != nil {
			t.Fatal(err)
		}
		hidden, err := filepath.Glob(folder + "/.*")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range append(append(entries, hidden...), folder) {
			if filepath.Base(name) == ".." {
				continue
			}
			if err := os.Chown(name, unprivilegedUID, -1); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := open(); !strings.HasPrefix(got, "<nil>") {
		t.Fatalf("a writable file: %s", got)
	}
	if err := os.Chmod(file, 0o400); err != nil {
		t.Fatal(err)
	}
	if got := open(); !strings.Contains(got, "exit status 1") || !strings.Contains(got, "cannot be written") {
		t.Errorf("a read-only file: %s", got)
	}
}
