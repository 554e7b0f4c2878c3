package dbtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A Cluster is a private PostgreSQL server of one test, which the test may
// freeze or stop without affecting other tests.
type Cluster struct {
	URL string // URL of an empty database

	t   testing.TB
	dir string
}

// OwnCluster starts a cluster that ends with the test.
func OwnCluster(t testing.TB) *Cluster {
	t.Helper()
	bin, err := postgresBin()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("PostgreSQL is required with CI=true: %v", err)
		}
		t.Skipf("not tested on PostgreSQL: %v", err)
	}
	// PostgreSQL's user cannot enter the test's temporary folder.
	dir, err := os.MkdirTemp(clusterHome(), "techtreks-own-pg-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	if err := startWatchdog(dir, os.Getpid()); err != nil {
		t.Fatal(err)
	}
	c := &Cluster{t: t, dir: dir}
	if c.URL, err = initCluster(bin, dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.end)
	return c
}

// Freeze suspends every process of the server: connections stay open, but the
// server does not respond.
func (c *Cluster) Freeze() { c.signal(syscall.SIGSTOP) }

// Thaw resumes the processes.
func (c *Cluster) Thaw() { c.signal(syscall.SIGCONT) }

func (c *Cluster) end() {
	c.Thaw()
	main := c.postmaster()
	_ = syscall.Kill(main, syscall.SIGQUIT)
	for range 200 {
		if errors.Is(syscall.Kill(main, 0), syscall.ESRCH) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err := os.RemoveAll(c.dir); err != nil {
		c.t.Error(err)
	}
}

// signal signals the postmaster first, so that it starts no more processes.
func (c *Cluster) signal(sig syscall.Signal) {
	main := c.postmaster()
	for _, pid := range append([]int{main}, children(main)...) {
		if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			c.t.Errorf("signal %d: %v", pid, err)
		}
	}
}

func (c *Cluster) postmaster() int {
	c.t.Helper()
	content, err := os.ReadFile(filepath.Join(c.dir, "data", "postmaster.pid"))
	if err != nil {
		c.t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(content), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		c.t.Fatal(err)
	}
	return pid
}

// children returns the child processes of parent, from /proc.
func children(parent int) (pids []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		content, err := os.ReadFile(path)
		if err != nil {
			continue // the process has ended
		}
		var of int
		var state string
		text := string(content)
		// The process name in parentheses may contain spaces.
		rest := text[strings.LastIndexByte(text, ')')+1:]
		if _, err := fmt.Sscan(rest, &state, &of); err != nil || of != parent {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
