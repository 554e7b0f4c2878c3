package main

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/techtreks/auth/db"
)

// L6: with more connections than open files are allowed, further clients wait, and the
// server still has files for its database.
func TestConnections_LeaveFilesForTheDatabase(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, _ db.Kind, url string) {
		p := newProcess(t, serverSettings(url).with(settings{"LOG_LEVEL": "debug"}), "serve").asTestBinary()
		p.cmd.Args = append([]string{"sh", "-c", `ulimit -n 160 && exec "$0" "$@"`, p.cmd.Path}, p.cmd.Args[1:]...)
		p.cmd.Path = "/bin/sh"
		p.listening()
		var idle []net.Conn
		for range 170 {
			c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			idle = append(idle, c)
		}
		c := newClient(t, p.url)
		eventually(t, "another client gets a response", func() bool {
			a := c.call(t, "POST", "/auth/register", "", map[string]string{"username": "alice", "email": "alice@example.com", "password": "Tr4vel-light"})
			return a.is(http.StatusCreated)
		})
		for _, c := range idle {
			_ = c.Close()
		}
		if log := p.stdout.String(); strings.Contains(log, "too many open files") {
			t.Error("the server ran out of open files")
		}
		p.stop()
	})
}

func TestConnectionsFor_StaysBelowOpenFiles(t *testing.T) {
	for files, want := range map[uint64]int{1: 1, 20: 10, 128: 64, 160: 96, 1024: 960, 10_064: 10_000, 1 << 40: 10_000, 1<<64 - 1: 10_000} {
		if got := connectionsFor(files); got != want {
			t.Errorf("%d files: %d connections, want %d", files, got, want)
		}
	}
}
