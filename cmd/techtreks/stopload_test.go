package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
)

// A load is a group of concurrent clients with the results of their requests.
type load struct {
	t        *testing.T
	server   string
	known    account // for logins
	stop     atomic.Bool
	answered atomic.Int64

	mu       sync.Mutex
	accounts []account // registered: the response was 201
	failures []error
}

// work sends requests until the server is gone or stop is set. Most are cheap, about 200 per
// second from 50 clients. The others hash a password, as many as the machine can handle.
func (l *load) work() {
	c := newClient(l.t, l.server)
	const interval = 200 * time.Millisecond
	<-time.After(rand.N(interval)) // so that the clients are not synchronised
	pace := time.NewTicker(interval)
	defer pace.Stop()
	for ; !l.stop.Load(); <-pace.C {
		var got *answer
		var err error
		user := newAccount()
		switch rand.IntN(12) {
		case 0:
			got, err = c.try("POST", "/auth/register", "", user.registration())
		case 1:
			got, err = c.try("POST", "/auth/login", "", l.known.credentials())
		case 2:
			got, err = c.try("POST", "/auth/logout", "", nil)
		default:
			got, err = c.try("GET", "/auth/current_user", "", nil)
		}
		if err != nil {
			l.mu.Lock()
			l.failures = append(l.failures, err)
			l.mu.Unlock()
			return
		}
		l.answered.Add(1)
		switch got.status {
		case http.StatusOK, http.StatusServiceUnavailable:
		case http.StatusCreated:
			l.mu.Lock()
			l.accounts = append(l.accounts, user)
			l.mu.Unlock()
		default:
			l.t.Errorf("under load: %s", got)
		}
	}
}

// handled returns the number of requests in the log, without those of /readyz.
func (p *process) handled() int64 {
	var n int64
	for _, line := range p.log() {
		if line["msg"] == "request" && line["route"] != "/readyz" {
			n++
		}
	}
	return n
}

// SIGTERM arrives while 50 clients send requests. Clients behind a load balancer, which
// checks readiness, see no errors. Clients without one are refused in the end, or their
// connection is closed before their request is read. But every request that the server has
// begun to handle gets a response, and every confirmed registration is stored.
func TestShutdown_UnderLoadLosesNothing(t *testing.T) {
	const size = 50
	for _, balanced := range []bool{true, false} {
		name := "without load balancer"
		if balanced {
			name = "behind load balancer"
		}
		t.Run(name, func(t *testing.T) {
			eachKind(t, func(t *testing.T, _ db.Kind, url string) {
				p := serveInTestBinary(t, serverSettings(url).with(settings{"SHUTDOWN_DELAY": "1s"}))
				c := newClient(t, p.url)
				l := &load{t: t, server: p.url, known: c.register(t)}
				const before = 1 // the registration above
				var gone sync.WaitGroup
				for range size {
					gone.Go(l.work)
				}
				eventually(t, "the load is on", func() bool { return l.answered.Load() > 4*size })
				begin := time.Now()
				p.signal(syscall.SIGTERM)
				if balanced {
					eventually(t, "readyz is 503", func() bool {
						got, err := c.try("GET", "/readyz", "", nil)
						return err == nil && got.is(http.StatusServiceUnavailable)
					})
					l.stop.Store(true)
				}
				if status := p.exit(stopsWithin); status != 0 {
					t.Errorf("exit status %d", status)
				}
				took := time.Since(begin)
				gone.Wait()

				if handled, answered := p.handled()-before, l.answered.Load(); handled != answered {
					t.Errorf("the server handled %d requests, but %d got a response", handled, answered)
				}
				cut := 0
				for _, err := range l.failures {
					if !errors.Is(err, syscall.ECONNREFUSED) {
						t.Log(err)
						cut++
					}
				}
				if balanced && len(l.failures) > 0 {
					t.Errorf("%d requests failed: %v", len(l.failures), l.failures[0])
				}
				l.checkRegistered(url)
				t.Logf("%d responses, %d accounts, stopped in %s, %d connections closed before their request was read",
					l.answered.Load(), len(l.accounts), took.Round(time.Millisecond), cut)
			})
		})
	}
}

// checkRegistered starts the server again and logs in to every account.
func (l *load) checkRegistered(url string) {
	l.t.Helper()
	p := serve(l.t, serverSettings(url))
	c := newClient(l.t, p.url)
	err := each(l.accounts, func(a account) error {
		cookie, err := c.login(a)
		if err == nil && cookie == "" {
			err = fmt.Errorf("%s was registered but cannot log in", a.name)
		}
		return err
	})
	if err != nil || len(l.accounts) == 0 {
		l.t.Errorf("%d accounts: %v", len(l.accounts), err)
	}
	p.stop()
}
