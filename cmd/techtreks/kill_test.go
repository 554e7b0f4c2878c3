package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/internal/mail/mailtest"
)

// An expectation is the state that the responses confirmed. Without a response the state
// is unknown: the change may have happened or not.
type expectation int

const (
	unknown expectation = iota
	present
	absent
)

// A knownAccount is an account that a client has tried to register.
type knownAccount struct {
	account
	registered expectation
}

// A knownSession is a session that a client has received.
type knownSession struct {
	*knownAccount
	cookie string
	live   expectation
}

// A ledger holds the accounts and sessions of one client.
type ledger struct {
	accounts []*knownAccount
	sessions []*knownSession
}

func (l *ledger) addSession(a *knownAccount, cookie string) *knownSession {
	s := &knownSession{knownAccount: a, cookie: cookie, live: present}
	l.sessions = append(l.sessions, s)
	return s
}

// A workload is clients that register, log in and log out until the server is killed.
type workload struct {
	t         *testing.T
	server    string
	killed    atomic.Bool
	confirmed atomic.Int64 // successful responses
	progress  chan struct{}
}

// send sends a request and reports whether a response came. Before the kill every request
// gets a response: success, or 503.
func (c *workload) send(cl *client, path, cookie string, body any, success int) (*answer, bool) {
	got, err := cl.try("POST", path, cookie, body)
	switch {
	case err != nil && !c.killed.Load():
		c.t.Errorf("%s before the kill: %v", path, err)
	case err == nil && !got.is(success) && !got.is(http.StatusServiceUnavailable):
		c.t.Errorf("%s: %s", path, got)
	case err == nil && got.is(success):
		c.confirmed.Add(1)
		select {
		case c.progress <- struct{}{}:
		default:
		}
	}
	return got, err == nil
}

// runClient runs one client. Before each request it sets the state to unknown, and after
// the response to the confirmed state.
func (c *workload) runClient(l *ledger) {
	cl := newClient(c.t, c.server)
	for {
		a := &knownAccount{account: newAccount()}
		l.accounts = append(l.accounts, a)
		got, ok := c.send(cl, "/auth/register", "", a.registration(), http.StatusCreated)
		if !ok {
			return
		}
		if !got.is(http.StatusCreated) {
			continue
		}
		a.registered = present
		got, ok = c.send(cl, "/auth/login", "", a.credentials(), http.StatusOK)
		if !ok {
			return
		}
		if !got.is(http.StatusOK) {
			continue
		}
		s := l.addSession(a, got.cookie)
		switch rand.IntN(3) {
		case 0: // leaves without logging out
		case 1:
			s.live = unknown
			if got, ok = c.send(cl, "/auth/logout", s.cookie, nil, http.StatusOK); !ok {
				return
			}
			if got.is(http.StatusOK) {
				s.live = absent
			}
		case 2: // logs in again, which ends the session of the request
			s.live = unknown
			if got, ok = c.send(cl, "/auth/login", s.cookie, a.credentials(), http.StatusOK); !ok {
				return
			}
			if got.is(http.StatusOK) {
				s.live = absent
				l.addSession(a, got.cookie)
			}
		}
	}
}

// killUnderLoad starts clients, kills the server at a random moment, and returns what the
// responses confirmed.
func killUnderLoad(t *testing.T, p *process) *ledger {
	const size = 8
	c := &workload{t: t, server: p.url, progress: make(chan struct{}, 1)}
	ledgers := make([]ledger, size)
	var gone sync.WaitGroup
	for i := range ledgers {
		gone.Go(func() { c.runClient(&ledgers[i]) })
	}
	// Any moment may reveal a fault: the kill comes after a random number of responses, at a
	// random point of the next requests.
	enough, deadline := 1+rand.Int64N(50), time.After(waitLimit)
	for c.confirmed.Load() < enough {
		select {
		case <-c.progress:
		case <-deadline:
			t.Fatalf("only %d responses within %s", c.confirmed.Load(), waitLimit)
		}
	}
	moment := time.NewTimer(rand.N(100 * time.Millisecond))
	<-moment.C
	c.killed.Store(true)
	p.kill()
	gone.Wait()
	var all ledger
	for _, l := range ledgers {
		all.accounts = append(all.accounts, l.accounts...)
		all.sessions = append(all.sessions, l.sessions...)
	}
	return &all
}

// kill -9 ends the server under load, repeatedly on one database. Everything that it
// confirmed is still there afterwards. Hashes are cheap here: otherwise most kills would
// interrupt a hash, where nothing can be lost. KILL_ROUNDS sets the number of kills. With
// IN_EARNEST each start after a kill takes at most ten seconds.
func TestKill_LosesNothingConfirmed(t *testing.T) {
	total := envInt(t, "KILL_ROUNDS", 10)
	eachKind(t, func(t *testing.T, kind db.Kind, url string) {
		sink := mailtest.New(t)
		env := serverSettings(url).with(settings{"MAIL_URL": sink.URL(), cheapHashes: "1"})
		p := serveInTestBinary(t, env)
		var before ledger
		var slowest time.Duration
		for round := range (total + 1) / 2 {
			now := killUnderLoad(t, p)
			begin := time.Now()
			p = serveInTestBinary(t, env)
			p.awaitReady()
			slowest = max(slowest, time.Since(begin))
			now.checkPasswords(t, p.url)
			before.accounts = append(before.accounts, now.accounts...)
			before.sessions = append(before.sessions, now.sessions...)
			before.checkSessions(t, p.url)
			before.checkDatabase(t, kind, url)
			before.checkMail(t, url, sink)
			if t.Failed() {
				t.Fatalf("after kill %d", round+1)
			}
		}
		p.stop()
		if inEarnest && slowest > 10*time.Second {
			t.Errorf("a start after a kill took %s", slowest)
		}
		t.Logf("%d accounts, %d sessions; the slowest start took %s", len(before.accounts), len(before.sessions), slowest.Round(time.Millisecond))
	})
}

// each calls check for every entry, two at a time, because the server on a machine with two
// cores hashes two passwords at a time.
func each[T any](list []T, check func(T) error) error {
	work, failed := make(chan T), make(chan error, 1)
	var done sync.WaitGroup
	for range 2 {
		done.Go(func() {
			for entry := range work {
				if err := check(entry); err != nil {
					select {
					case failed <- err:
					default:
					}
				}
			}
		})
	}
	for _, entry := range list {
		work <- entry
	}
	close(work)
	done.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// checkPasswords logs in to every account.
func (l *ledger) checkPasswords(t *testing.T, server string) {
	t.Helper()
	c := newClient(t, server)
	err := each(l.accounts, func(a *knownAccount) error {
		cookie, err := c.login(a.account)
		if err == nil && cookie == "" && a.registered == present {
			err = fmt.Errorf("%s is registered, but the password is rejected", a.name)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// checkSessions requests the profile of every session.
func (l *ledger) checkSessions(t *testing.T, server string) {
	t.Helper()
	c := newClient(t, server)
	err := each(l.sessions, func(s *knownSession) error {
		got, err := c.try("GET", "/auth/profile", s.cookie, nil)
		switch live := got.is(http.StatusOK); {
		case err != nil:
			return err
		case !live && !got.is(http.StatusUnauthorized):
			return fmt.Errorf("profile of %s: %s", s.name, got)
		case live && got.member("username") != s.name:
			return fmt.Errorf("the session of %s belongs to %s", s.name, got.member("username"))
		case live && s.live == absent:
			return fmt.Errorf("a session of %s was ended but is still valid", s.name)
		case !live && s.live == present:
			return fmt.Errorf("a session of %s is lost", s.name)
		case s.live == unknown: // from now on it is known
			s.live = absent
			if live {
				s.live = present
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// checkMail requires that the mail to each account is in the outbox or was sent.
func (l *ledger) checkMail(t *testing.T, url string, sink *mailtest.Server) {
	t.Helper()
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = d.Close() }()
	found := map[string]bool{}
	rows, err := d.QueryContext(t.Context(), "SELECT recipient FROM outbox")
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var to string
		if err := rows.Scan(&to); err != nil {
			t.Error(err)
		}
		found[to] = true
	}
	if err := rows.Err(); err != nil {
		t.Error(err)
	}
	for _, m := range sink.Mails() { // after the outbox, because mails may leave it meanwhile
		found[m.To[0]] = true
	}
	for _, a := range l.accounts {
		if a.registered == present && !found[a.name+"@example.com"] {
			t.Errorf("the mail to %s is neither in the outbox nor sent", a.name)
		}
	}
}

// checkDatabase looks for every account in the database, while the server runs.
func (l *ledger) checkDatabase(t *testing.T, kind db.Kind, url string) {
	t.Helper()
	ctx := context.Background()
	d, err := db.Open(ctx, url)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = d.Close() }()
	for _, a := range l.accounts {
		if _, err := d.UserByUsernameKey(ctx, a.name); err != nil && a.registered == present {
			t.Errorf("%s is lost: %v", a.name, err)
		}
	}
	if kind != db.SQLite {
		return
	}
	for _, pragma := range []string{"integrity_check", "quick_check"} {
		var verdict string
		if err := d.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(&verdict); err != nil || verdict != "ok" {
			t.Errorf("%s: %q, %v", pragma, verdict, err)
		}
	}
	var orphans int
	if err := d.QueryRowContext(ctx, "SELECT count(*) FROM pragma_foreign_key_check").Scan(&orphans); err != nil || orphans != 0 {
		t.Errorf("%d rows with a missing foreign key, %v", orphans, err)
	}
}
