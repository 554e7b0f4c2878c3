package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/api"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/ratelimit"
)

// Crowds of clients that do everything as slowly as they can, a byte a second,
// and one that wants an answer meanwhile. With SLOW_CLIENTS set there are so
// many, against the real limits of a connection; otherwise a hundred against
// shorter ones.
func TestSlowCrowdsAreLetGo(t *testing.T) {
	const header = "GET /healthz HTTP/1.1\r\nHost: x\r\n"
	for name, crowd := range map[string]struct {
		begin, drip string
		reads       bool // a byte of the answers a second
	}{
		"Headers": {begin: header + "X-Slow: ", drip: "a"},
		"Bodies":  {begin: login + "Content-Length: 60000\r\n\r\n{", drip: " "},
		"Readers": {begin: strings.Repeat("GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n", 100), reads: true},
		"Idle":    {begin: header + "\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			size := rounds(t, "SLOW_CLIENTS", 100)
			few := os.Getenv("SLOW_CLIENTS") == ""
			if few {
				t.Parallel() // they wait rather than work
			}
			w := newWeb(t, func(h *http.Server) {
				if few {
					h.ReadHeaderTimeout, h.ReadTimeout, h.WriteTimeout, h.IdleTimeout = 3*time.Second, 3*time.Second, 3*time.Second, 3*time.Second
				}
			})
			slow := make([]net.Conn, size)
			for i := range slow {
				c := dial(t, w.url)
				slow[i] = c
				if crowd.reads {
					// Or the kernel takes what the client does not.
					_ = c.Conn.(*net.TCPConn).SetReadBuffer(4 << 10)
				}
				_ = c.SetDeadline(time.Time{})
				go func() { _, _ = io.WriteString(c, crowd.begin) }() // it may be stopped in the middle
			}
			eventually(t, "some are connected", func() bool { return w.connections() > size/2 })
			// Without keep-alive: it is not to meet the limit of idle connections itself.
			someone := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
			served, slowest := 0, time.Duration(0)
			tick := time.NewTicker(time.Second)
			defer tick.Stop()
			// The longest limit is that of idle connections, a minute.
			for deadline := time.Now().Add(2 * time.Minute); served == 0 || w.connections() > 0; {
				if time.Now().After(deadline) {
					t.Fatalf("%d are still held", w.connections())
				}
				begin := time.Now()
				got, err := someone.Get(w.url + "/auth/current_user")
				if err != nil || got.StatusCode != http.StatusOK {
					t.Fatalf("%v, %v", got, err)
				}
				_ = got.Body.Close()
				served, slowest = served+1, max(slowest, time.Since(begin))
				select {
				case <-tick.C:
					for _, c := range slow {
						_, _ = io.WriteString(c, crowd.drip)
						if crowd.reads {
							_, _ = c.Read(make([]byte, 1))
						}
					}
				case <-time.After(10 * time.Millisecond):
				}
			}
			t.Logf("%d requests beside %d slow clients, the slowest in %s", served, size, slowest.Round(time.Millisecond))
		})
	}
}

// A client of net/http cannot ask for a tunnel as a proxy's client does.
func TestWireOpensNoTunnels(t *testing.T) {
	w := newWeb(t, func(*http.Server) {})
	c, err := contract.Load(api.OpenAPI, nil, ratelimit.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	targets := map[string]int{"example.com:443": 404, "127.0.0.1:1": 404, "/": 405}
	for _, op := range c.Operations {
		targets[op.Path] = http.StatusMethodNotAllowed
	}
	for target, status := range targets {
		conn := dial(t, w.url)
		conn.send(fmt.Sprintf("CONNECT %s HTTP/1.1\r\nHost: x\r\n\r\n", target))
		if got, err := conn.answer(); err != nil || !got.is(status) {
			t.Errorf("CONNECT %s: %s, %v; want %d", target, got, err, status)
		}
	}
}
