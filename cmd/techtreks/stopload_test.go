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

// A load is many clients at work, and what became of their requests.
type load struct {
	t        *testing.T
	server   string
	known    account // for logins
	stop     atomic.Bool
	answered atomic.Int64

	mu       sync.Mutex
	people   []account // registered, says a 201
	failures []error
}

// work sends requests until the server is gone or stop is set: mostly cheap
// ones, about 200 a second from 50 clients, and as many that hash a password as
// the machine can take.
func (l *load) work() {
	c := newClient(l.t, l.server)
	const interval = 200 * time.Millisecond
	<-time.After(rand.N(interval)) // clients do not march in step
	pace := time.NewTicker(interval)
	defer pace.Stop()
	for ; !l.stop.Load(); <-pace.C {
		var got *answer
		var err error
		someone := newAccount()
		switch rand.IntN(12) {
		case 0:
			got, err = c.try("POST", "/auth/register", "", someone.registration())
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
			l.people = append(l.people, someone)
			l.mu.Unlock()
		default:
			l.t.Errorf("under load: %s", got)
		}
	}
}

// handled counts the requests that the server has worked on, readiness aside.
func (p *process) handled() int64 {
	var n int64
	for _, line := range p.log() {
		if line["msg"] == "request" && line["route"] != "/readyz" {
			n++
		}
	}
	return n
}

// TestStopUnderLoadLosesNothing sends SIGTERM to a server with 50 clients at
// work. Those behind a balancer, which asks for readiness and sends them
// elsewhere, notice nothing at all. Those who keep coming are refused in the
// end (or meet the closing of the listener: then nothing was done for them),
// but whatever the server has begun to work on gets its answer. And whoever was
// told "registered" is.
func TestStopUnderLoadLosesNothing(t *testing.T) {
	const size = 50
	for _, balanced := range []bool{true, false} {
		name := "clients that keep coming"
		if balanced {
			name = "clients behind a balancer"
		}
		t.Run(name, func(t *testing.T) {
			eachKind(t, func(t *testing.T, _ db.Kind, url string) {
				p := serveWatched(t, serving(url).with(settings{"SHUTDOWN_DELAY": "1s"}))
				c := newClient(t, p.url)
				l := &load{t: t, server: p.url, known: c.register(t)}
				const before = 1 // that one
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
					t.Errorf("the server worked on %d requests, and %d were answered", handled, answered)
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
				l.registered(url)
				t.Logf("%d answers, %d people, stopped in %s, %d connections closed before their request was read",
					l.answered.Load(), len(l.people), took.Round(time.Millisecond), cut)
			})
		})
	}
}

// registered starts the server again and logs everybody in.
func (l *load) registered(url string) {
	l.t.Helper()
	p := serve(l.t, serving(url))
	c := newClient(l.t, p.url)
	err := each(l.people, func(a account) error {
		cookie, err := c.login(a)
		if err == nil && cookie == "" {
			err = fmt.Errorf("%s was registered and is not there", a.name)
		}
		return err
	})
	if err != nil || len(l.people) == 0 {
		l.t.Errorf("%d people: %v", len(l.people), err)
	}
	p.stop()
}
