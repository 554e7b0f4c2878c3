package mail

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	netmail "net/mail"
	"regexp"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/contract/contracttest"
	"github.com/techtreks/auth/internal/email"
	"github.com/techtreks/auth/internal/mail/mailtest"
	"github.com/techtreks/auth/internal/onetime"
	"github.com/techtreks/auth/internal/token"
)

// bundle is a worker with its dependencies. It uses the clock of a synctest bubble: hours pass
// immediately when all goroutines wait.
type bundle struct {
	*Worker
	server *mailtest.Server
	smtp   *SMTP
	logs   *lockedBuffer
}

// run calls fn in a bubble for each kind of database. The database is opened inside the bubble,
// because its timers must belong to it.
func run(t *testing.T, fn func(t *testing.T, b *bundle)) {
	t.Helper()
	t.Parallel()
	for _, kind := range dbtest.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			dbtest.URL(t, kind) // starts the shared database server
			synctest.Test(t, func(t *testing.T) { fn(t, newBundle(t, dbtest.Open(t, kind))) })
		})
	}
}

var builtIn = sync.OnceValues(func() (*Templates, error) { return LoadTemplates("") })

func newBundle(t testing.TB, d *db.DB) *bundle {
	t.Helper()
	templates, err := builtIn()
	if err != nil {
		t.Fatal(err)
	}
	server := &mailtest.Server{Domain: "mail.example.com"}
	t.Cleanup(server.Close)
	b := &bundle{server: server, logs: &lockedBuffer{}, smtp: &SMTP{Host: "mail.example.com", Port: 587, Dial: server.Dial}}
	b.Worker = &Worker{
		DB:     d,
		Outbox: &Outbox{From: netmail.Address{Name: "TechTreks", Address: "no-reply@techtreks.example"}, Now: time.Now},
		Sender: b.smtp, Templates: templates,
		Links:   Links{FrontendURL: "https://app.example.com", VerifyTTL: 24 * time.Hour, ResetTTL: time.Hour},
		Contact: Contact{Product: "TechTreks", Support: "help@techtreks.example", SupportURL: "mailto:help@techtreks.example"},
		Now:     time.Now, Logger: slog.New(contracttest.NoteEvents(string(d.Kind), slog.NewTextHandler(b.logs, nil))),
	}
	signer := &token.Signer{Keys: [][]byte{[]byte("key")}}
	b.Audit = &audit.Trail{DB: d, Signer: signer, Now: time.Now, Logger: b.Logger}
	b.Tokens = &onetime.Tokens{DB: d, Signer: signer, Audit: b.Audit, Now: time.Now, Logger: b.Logger}
	return b
}

// another returns a second worker on the same outbox, as in another instance.
func (b *bundle) another(d *db.DB) *Worker {
	return &Worker{
		DB: d, Outbox: &Outbox{From: b.Outbox.From, Now: time.Now},
		Sender: b.Sender, Templates: b.Templates, Tokens: b.Tokens, Links: b.Links, Contact: b.Contact,
		Now: time.Now, Logger: b.Logger, Audit: b.Audit,
	}
}

// start runs a worker until stop is called or the test ends.
func start(t testing.TB, w *Worker) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Run(ctx)
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	t.Cleanup(stop)
	return stop
}

func address(t testing.TB, s string) email.Address {
	t.Helper()
	a, err := email.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// user creates an account with a confirmed or unconfirmed address.
func (b *bundle) user(t testing.TB, name string, confirmed bool) (id int64, a email.Address) {
	t.Helper()
	a = address(t, name+"@example.com")
	id, err := b.DB.UserCreate(t.Context(), gendb.UserCreateParams{
		Username: name, UsernameKey: name, Email: a.Display, EmailKey: a.Key, Role: "user", Locale: "en", Now: time.Now(),
	})
	if err == nil && confirmed {
		now := time.Now()
		_, err = b.DB.UserVerifyEmail(t.Context(), gendb.UserVerifyEmailParams{ID: id, EmailKey: a.Key, Now: &now})
	}
	if err != nil {
		t.Fatal(err)
	}
	return id, a
}

// add queues a message and wakes the worker.
func (b *bundle) add(t testing.TB, m Message) {
	t.Helper()
	err := b.DB.Tx(t.Context(), func(q *gendb.Queries) error { return b.Outbox.Add(t.Context(), q, m) })
	if err != nil {
		t.Fatal(err)
	}
	b.Outbox.Wake()
}

// settle waits until all goroutines are blocked, without advancing the clock.
func settle() { synctest.Wait() }

// pass advances the clock.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (b *bundle) rows(t testing.TB) (rows []gendb.Outbox) {
	t.Helper()
	result, err := b.DB.QueryContext(t.Context(), "SELECT id, kind, recipient, attempts, lease, next_attempt_at, last_error, unreachable, dead_at FROM outbox ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = result.Close() }()
	for result.Next() {
		var r gendb.Outbox
		if err := result.Scan(&r.ID, &r.Kind, &r.Recipient, &r.Attempts, &r.Lease, &r.NextAttemptAt, &r.LastError, &r.Unreachable, &r.DeadAt); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	}
	if err := result.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// counted returns the counters as "sent retried failed dropped".
func (w *Worker) counted() string {
	c := &w.Counters
	return fmt.Sprint(c.Sent.Load(), c.Retried.Load(), c.Failed.Load(), c.Dropped.Load())
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var givenUp = regexp.MustCompile(`msg="mail given up" kind=(\w+)`)

// givenUp returns the kinds of the mails that the log reports as given up.
func (b *bundle) givenUp() []string {
	var kinds []string
	for _, match := range givenUp.FindAllStringSubmatch(b.logs.String(), -1) {
		kinds = append(kinds, match[1])
	}
	return kinds
}
