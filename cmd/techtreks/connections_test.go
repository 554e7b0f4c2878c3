package main

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/techtreks/auth/db"
)

// L6: more clients than there can be open files take nothing from the others: those
// wait for their turn, and the server never runs out of files for its database.
func TestCrowdsLeaveFilesForTheDatabase(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, _ db.Kind, url string) {
		p := newProcess(t, serving(url).with(settings{"LOG_LEVEL": "debug"}), "serve").watched()
		p.cmd.Args = append([]string{"sh", "-c", `ulimit -n 160 && exec "$0" "$@"`, p.cmd.Path}, p.cmd.Args[1:]...)
		p.cmd.Path = "/bin/sh"
		p.listening()
		var crowd []net.Conn
		for range 170 {
			c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			crowd = append(crowd, c)
		}
		c := newClient(t, p.url)
		eventually(t, "somebody else is served", func() bool {
			a := c.call(t, "POST", "/auth/register", "", map[string]string{"username": "alice", "email": "alice@example.com", "password": "Tr4vel-light"})
			return a.is(http.StatusCreated)
		})
		for _, c := range crowd {
			_ = c.Close()
		}
		if said := p.stdout.String(); strings.Contains(said, "too many open files") {
			t.Error("the server has run out of files")
		}
		p.stop()
	})
}

func TestConnectionsFitTheOpenFiles(t *testing.T) {
	for files, want := range map[uint64]int{1: 1, 20: 10, 128: 64, 160: 96, 1024: 960, 10_064: 10_000, 1 << 40: 10_000, 1<<64 - 1: 10_000} {
		if got := connectionsFor(files); got != want {
			t.Errorf("%d files: %d connections, want %d", files, got, want)
		}
	}
}
