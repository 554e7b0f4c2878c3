package accounts_test

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/accounts"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/email"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/onetime"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/ratelimit"
	"github.com/techtreks/auth/internal/reqctx"
	"github.com/techtreks/auth/internal/session"
	"github.com/techtreks/auth/internal/token"
)

func init() { gin.SetMode(gin.ReleaseMode) }

// A fixture is a manager with a clock that the test sets.
type fixture struct {
	*accounts.Manager
	t     testing.TB
	clock time.Time
	seen  int64 // the last audit event that recorded returned
}

// run calls test with a new fixture on each kind of database.
func run(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Helper()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		f := &fixture{t: t, clock: now}
		clock, logger := func() time.Time { return f.clock }, slog.New(slog.DiscardHandler)
		signer := &token.Signer{Keys: [][]byte{[]byte("0123456789abcdef0123456789abcdef")}}
		trail := &audit.Trail{DB: d, Signer: signer, Now: clock, Logger: logger}
		f.Manager = &accounts.Manager{
			DB: d, Audit: trail, Now: clock,
			Sessions: &session.Manager{
				DB: d, Signer: signer, Audit: trail, Now: clock, Logger: logger, Idle: time.Hour, Absolute: 24 * time.Hour,
				RenewTimeout: time.Minute, Cookie: session.Cookie{Name: "session", SameSite: http.SameSiteLaxMode},
			},
			Mail:     &mail.Outbox{From: netmail.Address{Address: "no-reply@example.com"}, Now: clock},
			Links:    mail.Links{FrontendURL: "https://app.example.com", VerifyTTL: time.Hour, ResetTTL: time.Hour, InviteTTL: time.Hour},
			Tokens:   &onetime.Tokens{DB: d, Signer: signer, Audit: trail, Now: clock, Logger: logger},
			Attempts: &ratelimit.Attempts{DB: d, Now: clock, Signer: signer},
		}
		test(t, f)
	})
}

// Contexts of a request without a session, and of a command.
var (
	request = &reqctx.Info{Operation: "op", ClientAddr: netip.MustParseAddr("192.0.2.1"), UserAgent: "curl/8", RequestID: "request"}
	shell   = &reqctx.Info{Operation: reqctx.Shell}
)

// in runs do in a transaction and returns its error.
func (f *fixture) in(info *reqctx.Info, do func(ctx context.Context, q *gendb.Queries) error) error {
	copied := *info
	ctx := reqctx.With(f.t.Context(), &copied)
	return f.DB.Tx(ctx, func(q *gendb.Queries) error { return do(ctx, q) })
}

// change locks an account and changes it in a transaction of a request.
func (f *fixture) change(userID int64, do func(ctx context.Context, q *gendb.Queries, user gendb.User) error) error {
	return f.in(request, func(ctx context.Context, q *gendb.Queries) error {
		user, err := f.Lock(ctx, q, userID)
		if err != nil {
			return err
		}
		return do(ctx, q, user)
	})
}

// must fails the test if a step has failed.
func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func address(t testing.TB, text string) email.Address {
	t.Helper()
	a, err := email.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// create creates an account with the address <name>@example.com, the role and a password.
func (f *fixture) create(name, role string) (user gendb.User) {
	f.t.Helper()
	f.must(f.in(request, func(ctx context.Context, q *gendb.Queries) (err error) {
		user, err = f.Create(ctx, q, accounts.New{
			Username: name, Address: address(f.t, name+"@example.com"), Role: role, Locale: "en", PasswordHash: "hash of " + name,
		})
		return err
	}))
	return user
}

// user returns the current state of an account.
func (f *fixture) user(id int64) gendb.User {
	f.t.Helper()
	user, err := f.Find(f.t.Context(), id)
	f.must(err)
	return user
}

// outbox returns the queued mails, each as "kind to recipient", the oldest first.
func (f *fixture) outbox() []string {
	return f.texts("SELECT kind || ' to ' || recipient FROM outbox ORDER BY id")
}

// texts returns the first column of a query.
func (f *fixture) texts(query string, args ...any) (list []string) {
	f.t.Helper()
	rows, err := f.DB.QueryContext(f.t.Context(), query, args...)
	f.must(err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var text string
		f.must(rows.Scan(&text))
		list = append(list, text)
	}
	f.must(rows.Err())
	return list
}

// sessions returns the sessions of an account.
func (f *fixture) sessions(userID int64) []gendb.Session {
	f.t.Helper()
	list, err := f.DB.SessionsStored(f.t.Context(), userID)
	f.must(err)
	return list
}

// purposes returns the purposes of the one-time tokens of an account.
func (f *fixture) purposes(userID int64) []string {
	return f.texts("SELECT purpose FROM tokens WHERE user_id = $1 ORDER BY purpose", userID)
}

// issue stores a one-time token of each purpose, and returns their texts.
func (f *fixture) issue(user gendb.User, purposes ...onetime.Purpose) (texts []string) {
	f.t.Helper()
	for _, purpose := range purposes {
		value := onetime.Random()
		f.must(f.in(request, func(ctx context.Context, q *gendb.Queries) error {
			return f.Tokens.Issue(ctx, q, value, onetime.Token{
				UserID: user.ID, Purpose: purpose, Email: user.Email, EmailKey: user.EmailKey, RequestedAt: f.clock, ExpiresAt: f.clock.Add(time.Hour),
			})
		}))
		texts = append(texts, value.Text)
	}
	return texts
}

// queue queues mails to the address of an account.
func (f *fixture) queue(user gendb.User, kinds ...mail.Kind) {
	f.t.Helper()
	for _, kind := range kinds {
		f.must(f.in(request, func(ctx context.Context, q *gendb.Queries) error {
			return f.Mail.Add(ctx, q, mail.Message{Kind: kind, UserID: user.ID, Address: address(f.t, user.Email), Locale: user.Locale})
		}))
	}
}

// send sends a request with a Cookie header through the session middleware to a handler,
// which runs in a transaction. It returns the Cookie header of the response.
func (f *fixture) send(cookie string, handler func(ctx context.Context, q *gendb.Queries) error) (set string, err error) {
	engine := gin.New()
	engine.ContextWithFallback = true
	engine.Use(func(c *gin.Context) {
		ctx, loadErr := f.Sessions.Load(c.Request)
		if loadErr != nil {
			err = loadErr
			c.Abort()
			return
		}
		c.Request = c.Request.WithContext(ctx)
	}, f.Sessions.Middleware())
	engine.GET("/", func(c *gin.Context) {
		err = f.DB.Tx(c, func(q *gendb.Queries) error { return handler(c, q) })
	})
	info := *request
	r := httptest.NewRequestWithContext(reqctx.With(f.t.Context(), &info), "GET", "/", nil)
	r.Header.Set("Cookie", cookie)
	w := httptest.NewRecorder()
	engine.ServeHTTP(w, r)
	set, _, _ = strings.Cut(w.Header().Get("Set-Cookie"), ";")
	return set, err
}

// login starts a session for an account and returns its Cookie header.
func (f *fixture) login(userID int64) string {
	f.t.Helper()
	cookie, err := f.send("", func(ctx context.Context, q *gendb.Queries) error {
		return f.Sessions.LogIn(ctx, q, userID, session.Password)
	})
	f.must(err)
	return cookie
}

// An event is what a test checks of an audit event.
type event struct {
	operation, event, reason string
	actor, subject           int64
}

// recorded returns the audit events since the last call, the oldest first.
func (f *fixture) recorded() (list []event) {
	f.t.Helper()
	rows, err := f.DB.QueryContext(f.t.Context(), `SELECT id, operation, event, reason, COALESCE(actor_id, 0), COALESCE(user_id, 0)
		FROM audit_events WHERE id > $1 ORDER BY id`, f.seen)
	f.must(err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var e event
		f.must(rows.Scan(&f.seen, &e.operation, &e.event, &e.reason, &e.actor, &e.subject))
		list = append(list, e)
	}
	f.must(rows.Err())
	return list
}

// wantRecorded checks the audit events since the last call.
func (f *fixture) wantRecorded(want ...event) {
	f.t.Helper()
	if got := f.recorded(); !slices.Equal(got, want) {
		f.t.Errorf("recorded %+v, want %+v", got, want)
	}
}

// wantProblem checks the error of an operation.
func wantProblem(t testing.TB, what string, got error, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// wantList checks a list of texts in any order.
func wantList(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// snapshot returns every row that belongs to an account, as text.
func (f *fixture) snapshot(user gendb.User) string {
	f.t.Helper()
	mails, err := f.DB.OutboxOfUser(f.t.Context(), gendb.OutboxOfUserParams{UserID: sql.NullInt64{Int64: user.ID, Valid: true}, RecipientKey: user.EmailKey})
	f.must(err)
	tokens, err := f.DB.TokensOfUser(f.t.Context(), user.ID)
	f.must(err)
	slices.SortFunc(tokens, func(a, b gendb.Token) int { return cmp.Compare(a.ID, b.ID) })
	return fmt.Sprintf("%+v\n%+v\n%+v\n%+v", f.user(user.ID).UpdatedAt, f.sessions(user.ID), tokens, mails)
}

func TestLock_ReturnsDisabledAccountAndRejectsUnknownID(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		alice := f.create("alice", accounts.RoleUser)
		f.must(f.change(alice.ID, func(ctx context.Context, q *gendb.Queries, user gendb.User) error {
			_, err := f.Disable(ctx, q, user)
			return err
		}))
		f.must(f.change(alice.ID, func(_ context.Context, _ *gendb.Queries, user gendb.User) error {
			if user.DisabledAt == nil {
				t.Error("the account is not disabled")
			}
			return nil
		}))
		wantProblem(t, "Lock", f.change(alice.ID+1, nil), problem.NotFound)
		_, err := f.Find(t.Context(), alice.ID+1)
		wantProblem(t, "Find", err, problem.NotFound)
	})
}

// An attacker with a stolen session must not finish a request after the owner ended the
// session.
func TestLockOwn_RejectsEndedSessionAndDisabledAccount(t *testing.T) {
	ends := map[string]func(ctx context.Context, f *fixture, q *gendb.Queries, user gendb.User) error{
		"session ended": func(ctx context.Context, f *fixture, q *gendb.Queries, user gendb.User) error {
			return f.Sessions.EndAll(ctx, q, user.ID)
		},
		"account disabled": func(ctx context.Context, f *fixture, q *gendb.Queries, user gendb.User) error {
			_, err := f.Disable(ctx, q, user)
			return err
		},
		"account deleted": func(ctx context.Context, f *fixture, q *gendb.Queries, user gendb.User) error {
			return f.Delete(ctx, q, user)
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, f *fixture) {
				alice := f.create("alice", accounts.RoleUser)
				_, err := f.send(f.login(alice.ID), func(ctx context.Context, q *gendb.Queries) error {
					user, err := f.LockOwn(ctx, q)
					if err != nil || user.ID != alice.ID {
						t.Errorf("got %+v, %v, want alice", user, err)
					}
					if err := end(ctx, f, q, user); err != nil {
						return err
					}
					_, err = f.LockOwn(ctx, q)
					return err
				})
				wantProblem(t, "LockOwn", err, problem.LoginRequired)
			})
		})
	}
}

func TestRedeem_UsesTokenOnceAndVoidsMails(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		alice := f.create("alice", accounts.RoleUser)
		text := f.issue(alice, onetime.ResetPassword)[0]
		f.queue(alice, mail.ResetPassword, mail.PasswordChanged)
		found, err := f.Tokens.Find(t.Context(), text, onetime.ResetPassword)
		f.must(err)
		redeem := func() error {
			return f.in(request, func(ctx context.Context, q *gendb.Queries) error {
				user, used, err := f.Redeem(ctx, q, found, text)
				if err == nil && (user.ID != alice.ID || used.EmailKey != alice.EmailKey) {
					t.Errorf("got %+v, %+v, want alice and her address", user, used)
				}
				return err
			})
		}
		f.must(redeem())
		wantList(t, "queued mails", f.outbox(), "password_changed to alice@example.com")
		wantProblem(t, "second use", redeem(), onetime.ErrInvalid)

		text = f.issue(alice, onetime.ResetPassword)[0]
		found, err = f.Tokens.Find(t.Context(), text, onetime.ResetPassword)
		f.must(err)
		f.must(f.change(alice.ID, func(ctx context.Context, q *gendb.Queries, user gendb.User) error {
			_, err := f.Disable(ctx, q, user)
			return err
		}))
		wantProblem(t, "disabled account", redeem(), onetime.ErrInvalid)
	})
}
