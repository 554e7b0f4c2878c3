package main

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	"github.com/techtreks/auth/internal/app"
	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/server"
)

// A testServer is the HTTP server of this program inside the test. A test may shorten its
// timeouts.
type testServer struct {
	url string

	mu     sync.Mutex
	open   map[net.Conn]http.ConnState
	closed int
}

// eachHandler runs a test with the handler of the server, on each kind of database. It fails
// if a response violates the contract.
func eachHandler(t *testing.T, test func(t *testing.T, handler http.Handler, d *db.DB)) {
	t.Helper()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		cfg := config.Config{
			Env: "development", Port: 5001, PublicURL: "http://localhost:5001", SecretKey: secretKey, CookieSameSite: "lax",
			AllowedOrigins: []string{"http://localhost:3000"}, SessionIdle: time.Hour, SessionAbsolute: 24 * time.Hour, RateLimits: "off",
			VerifyResponses: true,
		}
		s, err := app.New(&cfg, d, app.Options{Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		handler, err := s.Handler()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { // after the server was closed
			w := httptest.NewRecorder()
			s.Metrics.Handler(s.Logger).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
			if !strings.Contains(w.Body.String(), "\ntechtreks_contract_violations_total 0\n") {
				t.Errorf("responses violate the contract:\n%s", w.Body)
			}
		})
		test(t, handler, d)
	})
}

func newTestServer(t *testing.T, handler http.Handler, change func(*http.Server)) *testServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &testServer{url: "http://" + listener.Addr().String(), open: make(map[net.Conn]http.ConnState)}
	h := newHTTPServer(handler, slog.New(slog.DiscardHandler))
	h.ConnState = func(conn net.Conn, state http.ConnState) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.open[conn] = state; state == http.StateClosed {
			delete(w.open, conn)
			w.closed++
		}
	}
	change(h)
	served := make(chan error, 1)
	go func() { served <- h.Serve(listener) }()
	t.Cleanup(func() {
		_ = h.Close()
		<-served
	})
	return w
}

// connections returns the numbers of open and of closed connections.
func (w *testServer) connections() (open, closed int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.open), w.closed
}

func TestNewHTTPServer_Timeouts(t *testing.T) {
	h := newHTTPServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	if h.ReadHeaderTimeout != 5*time.Second || h.ReadTimeout != 10*time.Second || h.WriteTimeout != 30*time.Second ||
		h.IdleTimeout != 60*time.Second || h.MaxHeaderBytes != 16<<10 {
		t.Errorf("wrong limits of a connection: %v %v %v %v %d",
			h.ReadHeaderTimeout, h.ReadTimeout, h.WriteTimeout, h.IdleTimeout, h.MaxHeaderBytes)
	}
	if server.RequestTimeout != 5500*time.Millisecond {
		t.Errorf("the timeout of a request is %s", server.RequestTimeout)
	}
}

const limit = 500 * time.Millisecond

// Each client is slow in a different way. The server closes its connection when the one
// timeout that applies has ended; the other timeouts are set to an hour.
func TestConnections_SlowClientIsDisconnected(t *testing.T) {
	const never = time.Hour
	cases := map[string]struct {
		change func(*http.Server)
		begin  string // sent first
		drip   string // then sent repeatedly
		reads  bool
		status int // of the response; 0 if there is none
	}{
		"silent": {
			change: func(h *http.Server) { h.ReadHeaderTimeout = limit }, reads: true,
		},
		"half a header": {
			change: func(h *http.Server) { h.ReadHeaderTimeout = limit }, begin: "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", reads: true,
		},
		"slow header": {
			change: func(h *http.Server) { h.ReadHeaderTimeout = limit }, begin: "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", drip: "a", reads: true,
		},
		"half a body": {
			change: func(h *http.Server) { h.ReadTimeout = limit }, reads: true, status: http.StatusBadRequest,
			begin: "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
		},
		"slow body": {
			change: func(h *http.Server) { h.ReadTimeout = limit }, reads: true, status: http.StatusBadRequest,
			begin: "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{", drip: " ",
		},
		"slow chunks": {
			change: func(h *http.Server) { h.ReadTimeout = limit }, reads: true, status: http.StatusBadRequest,
			begin: "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", drip: "1\r\n \r\n",
		},
		"body of a get request": {
			change: func(h *http.Server) { h.ReadTimeout = limit }, reads: true, status: http.StatusOK,
			begin: "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n{", drip: " ",
		},
		"idle after a response": {
			change: func(h *http.Server) { h.IdleTimeout = limit }, begin: "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", reads: true, status: http.StatusOK,
		},
		"does not read responses": {
			change: func(h *http.Server) { h.WriteTimeout = limit }, begin: strings.Repeat("GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n", 1000),
		},
	}
	eachHandler(t, func(t *testing.T, handler http.Handler, _ *db.DB) {
		for name, tc := range cases {
			t.Run(name, func(t *testing.T) {
				t.Parallel() // mostly waits
				w := newTestServer(t, handler, func(h *http.Server) {
					h.ReadHeaderTimeout, h.ReadTimeout, h.WriteTimeout, h.IdleTimeout = never, never, never, never
					tc.change(h)
				})
				begin := time.Now()
				c := dial(t, w.url)
				go func() { // fails when the server closes the connection
					_, err := io.WriteString(c, tc.begin)
					for tick := time.NewTicker(20 * time.Millisecond); err == nil && tc.drip != ""; <-tick.C {
						_, err = io.WriteString(c, tc.drip)
					}
				}()
				eventually(t, "the client is connected", func() bool { open, _ := w.connections(); return open == 1 })
				if tc.reads {
					got, err := c.answer()
					if tc.status == 0 && err == nil || tc.status != 0 && !got.is(tc.status) {
						t.Errorf("%s, %v", got, err)
					}
					if _, err := c.in.ReadByte(); err == nil {
						t.Error("there are bytes after the response")
					}
				}
				eventually(t, "the connection is closed", func() bool { open, _ := w.connections(); return open == 0 })
				if took := time.Since(begin); took < limit || took > limit+10*time.Second {
					t.Errorf("closed after %s", took)
				}
			})
		}
	})
}

// While 200 clients keep their connections in the middle of a header or a body, another
// client gets every response. Then, with short timeouts, the server closes the slow
// connections and keeps the other one.
func TestConnections_SlowClientsDoNotBlockOthers(t *testing.T) {
	const slow = 200
	eachHandler(t, func(t *testing.T, handler http.Handler, _ *db.DB) {
		for _, timeout := range []time.Duration{time.Hour, limit} {
			w := newTestServer(t, handler, func(h *http.Server) { h.ReadHeaderTimeout, h.ReadTimeout = timeout, timeout })
			c := newClient(t, w.url)
			user := c.register(t)
			cookie, err := c.login(user)
			if err != nil || cookie == "" {
				t.Fatal(err)
			}
			for i := range slow {
				s := dial(t, w.url)
				if i%2 == 0 {
					s.send("GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
				} else {
					s.halfLogin(user)
				}
			}
			mustSucceed := func(method, path, cookie string, body any) {
				if got := c.call(t, method, path, cookie, body); !got.is(http.StatusOK) {
					t.Fatalf("%s: %s", path, got)
				}
			}
			if timeout == limit {
				eventually(t, "the slow connections are closed, and the other is open", func() bool {
					open, closed := w.connections()
					return open == 1 && closed == slow
				})
				mustSucceed("GET", "/auth/profile", cookie, nil)
				continue
			}
			eventually(t, "all are connected", func() bool { open, _ := w.connections(); return open > slow })
			for range 50 {
				mustSucceed("GET", "/auth/profile", cookie, nil)
			}
			mustSucceed("POST", "/auth/login", "", user.credentials())
			if open, closed := w.connections(); open != slow+1 || closed != 0 {
				t.Errorf("%d connections are open and %d closed", open, closed)
			}
		}
	})
}
