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

// What an answer promised, and what became unknown because the answer never
// came: then both outcomes are right, but it must be one of the two.
type promise int

const (
	unknown promise = iota
	kept
	ended
)

type person struct {
	account
	registered promise
}

type visit struct {
	*person
	cookie string
	live   promise
}

// A ledger is what one client was promised.
type ledger struct {
	people []*person
	visits []*visit
}

func (l *ledger) opened(p *person, cookie string) *visit {
	v := &visit{person: p, cookie: cookie, live: kept}
	l.visits = append(l.visits, v)
	return v
}

// A crowd is clients who register, log in and log out until the server is gone.
type crowd struct {
	t         *testing.T
	server    string
	killed    atomic.Bool
	confirmed atomic.Int64 // answers that promised something
	progress  chan struct{}
}

// send reports whether the answer came and its status. Before the kill every
// request is answered, by success or by "try again".
func (c *crowd) send(cl *client, path, cookie string, body any, success int) (*answer, bool) {
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

// live is one client. Each line that sends something first writes down that its
// outcome is unknown, and what is known once the answer is there.
func (c *crowd) live(l *ledger) {
	cl := newClient(c.t, c.server)
	for {
		p := &person{account: newAccount()}
		l.people = append(l.people, p)
		got, ok := c.send(cl, "/auth/register", "", p.registration(), http.StatusCreated)
		if !ok {
			return
		}
		if !got.is(http.StatusCreated) {
			continue
		}
		p.registered = kept
		got, ok = c.send(cl, "/auth/login", "", p.credentials(), http.StatusOK)
		if !ok {
			return
		}
		if !got.is(http.StatusOK) {
			continue
		}
		v := l.opened(p, got.cookie)
		switch rand.IntN(3) {
		case 0: // leaves without logging out
		case 1:
			v.live = unknown
			if got, ok = c.send(cl, "/auth/logout", v.cookie, nil, http.StatusOK); !ok {
				return
			}
			if got.is(http.StatusOK) {
				v.live = ended
			}
		case 2: // logs in again, which ends the session it comes with
			v.live = unknown
			if got, ok = c.send(cl, "/auth/login", v.cookie, p.credentials(), http.StatusOK); !ok {
				return
			}
			if got.is(http.StatusOK) {
				v.live = ended
				l.opened(p, got.cookie)
			}
		}
	}
}

// rage lets a crowd in, kills the server at a random moment under it, and
// returns what it was promised.
func rage(t *testing.T, p *process) *ledger {
	const size = 8
	c := &crowd{t: t, server: p.url, progress: make(chan struct{}, 1)}
	ledgers := make([]ledger, size)
	var gone sync.WaitGroup
	for i := range ledgers {
		gone.Go(func() { c.live(&ledgers[i]) })
	}
	// Any moment may be the wrong one: after a random number of answers, and
	// then at a random point in the work on the next ones.
	enough, deadline := 1+rand.Int64N(50), time.After(patience)
	for c.confirmed.Load() < enough {
		select {
		case <-c.progress:
		case <-deadline:
			t.Fatalf("only %d answers within %s", c.confirmed.Load(), patience)
		}
	}
	moment := time.NewTimer(rand.N(100 * time.Millisecond))
	<-moment.C
	c.killed.Store(true)
	p.kill()
	gone.Wait()
	var all ledger
	for _, l := range ledgers {
		all.people = append(all.people, l.people...)
		all.visits = append(all.visits, l.visits...)
	}
	return &all
}

// TestKillLosesNothingConfirmed ends the server with kill -9 in the middle of
// its work, again and again on one database. Whatever it has confirmed is
// there afterwards. Hashing costs next to nothing here, or most kills would come in the
// middle of a hash, where there is nothing to lose. KILL_ROUNDS sets the number of kills.
func TestKillLosesNothingConfirmed(t *testing.T) {
	total := numberFrom(t, "KILL_ROUNDS", 10)
	eachKind(t, func(t *testing.T, kind db.Kind, url string) {
		sink := mailtest.New(t)
		env := serving(url).with(settings{"MAIL_URL": sink.URL(), hashesCheaply: "1"})
		p := serveWatched(t, env)
		var before ledger
		var slowest time.Duration
		for round := range (total + 1) / 2 {
			now := rage(t, p)
			begin := time.Now()
			p = serveWatched(t, env)
			p.awaitReady()
			slowest = max(slowest, time.Since(begin))
			now.checkPasswords(t, p.url)
			before.people = append(before.people, now.people...)
			before.visits = append(before.visits, now.visits...)
			before.checkVisits(t, p.url)
			before.checkDatabase(t, kind, url)
			before.checkMail(t, url, sink)
			if t.Failed() {
				t.Fatalf("after kill %d", round+1)
			}
		}
		p.stop()
		if slowest > 10*time.Second {
			t.Errorf("a start after a kill took %s", slowest)
		}
		t.Logf("%d people, %d sessions; the slowest start took %s", len(before.people), len(before.visits), slowest.Round(time.Millisecond))
	})
}

// each calls check for every entry, two at a time: the server hashes two
// passwords at once on the smallest machine worth testing on.
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

// checkPasswords logs everybody in.
func (l *ledger) checkPasswords(t *testing.T, server string) {
	t.Helper()
	c := newClient(t, server)
	err := each(l.people, func(p *person) error {
		cookie, err := c.login(p.account)
		if err == nil && cookie == "" && p.registered == kept {
			err = fmt.Errorf("%s is registered, and the password is refused", p.name)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// checkVisits asks every session whose it is.
func (l *ledger) checkVisits(t *testing.T, server string) {
	t.Helper()
	c := newClient(t, server)
	err := each(l.visits, func(v *visit) error {
		got, err := c.try("GET", "/auth/profile", v.cookie, nil)
		switch live := got.is(http.StatusOK); {
		case err != nil:
			return err
		case !live && !got.is(http.StatusUnauthorized):
			return fmt.Errorf("profile of %s: %s", v.name, got)
		case live && got.member("username") != v.name:
			return fmt.Errorf("the session of %s is that of %s", v.name, got.member("username"))
		case live && v.live == ended:
			return fmt.Errorf("a session of %s was ended, and lives", v.name)
		case !live && v.live == kept:
			return fmt.Errorf("a session of %s is lost", v.name)
		case v.live == unknown: // from now on it is known
			v.live = ended
			if live {
				v.live = kept
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// checkMail looks for everybody's mail: in the outbox, or else where it went.
func (l *ledger) checkMail(t *testing.T, url string, sink *mailtest.Server) {
	t.Helper()
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = d.Close() }()
	there := map[string]bool{}
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
		there[to] = true
	}
	if err := rows.Err(); err != nil {
		t.Error(err)
	}
	for _, m := range sink.Mails() { // after the rows: what left them meanwhile is here
		there[m.To[0]] = true
	}
	for _, p := range l.people {
		if p.registered == kept && !there[p.name+"@example.com"] {
			t.Errorf("the mail to %s is neither in the outbox nor sent", p.name)
		}
	}
}

// checkDatabase looks for everybody in the database itself, beside the running
// server.
func (l *ledger) checkDatabase(t *testing.T, kind db.Kind, url string) {
	t.Helper()
	ctx := context.Background()
	d, err := db.Open(ctx, url)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = d.Close() }()
	for _, p := range l.people {
		if _, err := d.UserByUsernameKey(ctx, p.name); err != nil && p.registered == kept {
			t.Errorf("%s is lost: %v", p.name, err)
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
		t.Errorf("%d rows refer to nothing, %v", orphans, err)
	}
}
