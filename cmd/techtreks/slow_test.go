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

// A web is the server of this program inside the test, with its limits changed
// where a test would otherwise wait for them.
type web struct {
	url string

	mu   sync.Mutex
	open map[net.Conn]http.ConnState
}

// eachHandler runs a test with what answers requests, on a database of each kind, and
// fails if an answer was not in the contract.
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
		t.Cleanup(func() { // after the server has been closed
			w := httptest.NewRecorder()
			s.Metrics.Handler(s.Logger).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
			if !strings.Contains(w.Body.String(), "\ntechtreks_contract_violations_total 0\n") {
				t.Errorf("answers break the contract:\n%s", w.Body)
			}
		})
		test(t, handler, d)
	})
}

func newWeb(t *testing.T, handler http.Handler, change func(*http.Server)) *web {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &web{url: "http://" + listener.Addr().String(), open: make(map[net.Conn]http.ConnState)}
	h := newHTTPServer(handler, slog.New(slog.DiscardHandler))
	h.ConnState = func(conn net.Conn, state http.ConnState) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.open[conn] = state; state == http.StateClosed {
			delete(w.open, conn)
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

// connections counts those that are open.
func (w *web) connections() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.open)
}

func TestSlowClientLimitsAreThese(t *testing.T) {
	h := newHTTPServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	if h.ReadHeaderTimeout != 5*time.Second || h.ReadTimeout != 10*time.Second || h.WriteTimeout != 30*time.Second ||
		h.IdleTimeout != 60*time.Second || h.MaxHeaderBytes != 16<<10 {
		t.Errorf("the limits of a connection are others: %v %v %v %v %d",
			h.ReadHeaderTimeout, h.ReadTimeout, h.WriteTimeout, h.IdleTimeout, h.MaxHeaderBytes)
	}
	if server.RequestTimeout != 5500*time.Millisecond {
		t.Errorf("a request is worked on for %s", server.RequestTimeout)
	}
}

const limit = 500 * time.Millisecond

// Each client here holds a connection in its own way and is let go of when the
// one limit that is meant for it is over: the others are out of reach.
func TestSlowClientIsCutOff(t *testing.T) {
	const never = time.Hour
	cases := map[string]struct {
		change func(*http.Server)
		begin  string // what the client sends at once
		drip   string // and then, a byte at a time, for as long as it can
		reads  bool
		status int // of an answer, if there is one
	}{
		"Silent": {
			change: func(h *http.Server) { h.ReadHeaderTimeout = limit }, reads: true,
		},
		"HalfAHeader": {
			change: func(h *http.Server) { h.ReadHeaderTimeout = limit }, begin: "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", reads: true,
		},
		"DrippingHeader": {
			change: func(h *http.Server) { h.ReadHeaderTimeout = limit }, begin: "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", drip: "a", reads: true,
		},
		"HalfABody": {
			change: func(h *http.Server) { h.ReadTimeout = limit }, reads: true, status: http.StatusBadRequest,
			begin: "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
		},
		"DrippingBody": {
			change: func(h *http.Server) { h.ReadTimeout = limit }, reads: true, status: http.StatusBadRequest,
			begin: "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{", drip: " ",
		},
		"DrippingChunks": {
			change: func(h *http.Server) { h.ReadTimeout = limit }, reads: true, status: http.StatusBadRequest,
			begin: "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", drip: "1\r\n \r\n",
		},
		"BodyThatNobodyAskedFor": {
			change: func(h *http.Server) { h.ReadTimeout = limit }, reads: true, status: http.StatusOK,
			begin: "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n{", drip: " ",
		},
		"IdleAfterAnAnswer": {
			change: func(h *http.Server) { h.IdleTimeout = limit }, begin: "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", reads: true, status: http.StatusOK,
		},
		"DoesNotReadItsAnswers": {
			change: func(h *http.Server) { h.WriteTimeout = limit }, begin: strings.Repeat("GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n", 1000),
		},
	}
	eachHandler(t, func(t *testing.T, handler http.Handler, _ *db.DB) {
		for name, tc := range cases {
			t.Run(name, func(t *testing.T) {
				t.Parallel() // they wait rather than work
				w := newWeb(t, handler, func(h *http.Server) {
					h.ReadHeaderTimeout, h.ReadTimeout, h.WriteTimeout, h.IdleTimeout = never, never, never, never
					tc.change(h)
				})
				begin := time.Now()
				c := dial(t, w.url)
				go func() { // it may be stopped in the middle
					_, err := io.WriteString(c, tc.begin)
					for tick := time.NewTicker(20 * time.Millisecond); err == nil && tc.drip != ""; <-tick.C {
						_, err = io.WriteString(c, tc.drip)
					}
				}()
				eventually(t, "the client is seen", func() bool { return w.connections() == 1 })
				if tc.reads {
					got, err := c.answer()
					if tc.status == 0 && err == nil || tc.status != 0 && !got.is(tc.status) {
						t.Errorf("%s, %v", got, err)
					}
					if _, err := c.in.ReadByte(); err == nil {
						t.Error("there is more after the answer")
					}
				}
				eventually(t, "the connection is closed", func() bool { return w.connections() == 0 })
				if took := time.Since(begin); took < limit || took > limit+10*time.Second {
					t.Errorf("closed after %s", took)
				}
			})
		}
	})
}

// TestSlowClientsDoNotDisturbOthers holds 200 connections, half of them in a
// header and half in a body, and is served all the while.
func TestSlowClientsDoNotDisturbOthers(t *testing.T) {
	const slow = 200
	eachHandler(t, func(t *testing.T, handler http.Handler, _ *db.DB) {
		w := newWeb(t, handler, func(h *http.Server) { h.ReadHeaderTimeout, h.ReadTimeout = 3*time.Second, 3*time.Second })
		c := newClient(t, w.url)
		someone := c.register(t)
		cookie, err := c.login(someone)
		if err != nil || cookie == "" {
			t.Fatal(err)
		}
		for i := range slow {
			s := dial(t, w.url)
			if i%2 == 0 {
				s.send("GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
			} else {
				s.halfLogin(someone)
			}
		}
		eventually(t, "all are connected", func() bool { return w.connections() > slow })
		served, slowest := 0, time.Duration(0)
		timed := func(method, path, cookie string, body any) {
			begin := time.Now()
			if got := c.call(t, method, path, cookie, body); !got.is(http.StatusOK) {
				t.Fatalf("%s: %s", path, got)
			}
			slowest = max(slowest, time.Since(begin))
		}
		for range 50 {
			timed("GET", "/auth/profile", cookie, nil)
			if w.connections() > slow {
				served++
			}
		}
		timed("POST", "/auth/login", "", someone.credentials())
		if served < 10 || slowest > 2*time.Second {
			t.Errorf("%d requests were served while all were held, the slowest in %s", served, slowest)
		}
		eventually(t, "the slow ones are gone, and not ours", func() bool { return w.connections() == 1 })
		timed("GET", "/auth/profile", cookie, nil)
		t.Logf("%d requests beside %d slow clients, the slowest in %s", served, slow, slowest.Round(time.Millisecond))
	})
}
