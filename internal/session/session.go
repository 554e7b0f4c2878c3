// Package session keeps people logged in.
//
// A session is a row in the database and an opaque 256-bit token in a cookie.
// The row holds the token's hash, so a copy of the database logs nobody in.
// The cookie is signed, so junk is refused before the database is asked.
//
// The web framework sees a store of gin-contrib/sessions. Three things that
// stores usually do are done differently here, each against an attack:
//
//   - Whenever somebody logs in, the token is a new one and the row of the one
//     that came with the request is deleted, in the transaction of the login.
//     (A store that keeps the id lets an attacker plant a session before the
//     login and use it afterwards: session fixation.)
//   - Saving renews a row that is there and never inserts one. (With an upsert,
//     a request in flight while its session is revoked brings it back.)
//   - Visitors get no row and no cookie. (Otherwise anyone can fill the
//     database with requests.)
package session

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	gsessions "github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	"github.com/gorilla/sessions"

	"github.com/techtreks/auth/db"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/token"
)

// Password is the method of a login with a password (RFC 8176 "amr" value).
const Password = "pwd"

// ErrAmbiguous refuses a request with two session cookies. Browsers send both
// the one of this host and one that a sibling domain has planted, in an order
// that the attacker chooses.
var ErrAmbiguous = errors.New("session: more than one session cookie")

// A Session says who a request comes from.
type Session struct {
	gendb.Session
	User gendb.User
}

// A Manager loads, starts, renews and ends sessions. It is the store behind
// gin-contrib/sessions. All of its fields are required.
type Manager struct {
	DB     *db.DB
	Signer *token.Signer
	Now    func() time.Time
	Logger *slog.Logger
	// Idle is how long a session lives without a request, Absolute how long it
	// lives at most. Idle slides forward at most once in [Manager.renewEvery],
	// so a session may end up to that much early, never late.
	Idle, Absolute time.Duration
	// RenewWithin bounds how long a request waits for the renewal of its session,
	// which it does not need: the next request will renew it.
	RenewWithin time.Duration
	Cookie      Cookie

	// Record writes down what becomes of sessions, in the transaction that does it.
	Record func(context.Context, *gendb.Queries, audit.Entry) error
	// Ended is told of requests with the cookie of a session that is no more, by
	// the hash of its token.
	Ended func(ctx context.Context, tokenHash []byte)
}

// renewEvery bounds how often a busy session writes to the database.
func (m *Manager) renewEvery() time.Duration { return min(time.Minute, m.Idle/4) }

type contextKey struct{}

// From returns the session of the request, or nil for a visitor.
func From(ctx context.Context) *Session {
	s, _ := ctx.Value(contextKey{}).(*Session)
	return s
}

// Load finds the session that the request's cookie stands for and returns a
// context that carries it. A cookie that stands for none makes a visitor, not
// an error: it may just have expired. An error of the database is returned:
// nobody is let in or turned away by guess.
func (m *Manager) Load(r *http.Request) (context.Context, error) {
	ctx := r.Context()
	if len(r.CookiesNamed(m.Cookie.Name)) > 1 {
		return nil, ErrAmbiguous
	}
	hash, ok := m.presented(r)
	if !ok {
		return ctx, nil
	}
	now := m.Now()
	row, err := m.DB.SessionByTokenHash(ctx, gendb.SessionByTokenHashParams{
		TokenHash: hash, Now: now, IdleSince: now.Add(-m.Idle),
	})
	if errors.Is(err, sql.ErrNoRows) {
		m.Ended(ctx, hash)
		return ctx, nil
	}
	if err != nil {
		return nil, err
	}
	return context.WithValue(ctx, contextKey{}, &Session{row.Session, row.User}), nil
}

// presented returns the hash of the token that came with the request, if the
// cookie is one that this server has signed.
func (m *Manager) presented(r *http.Request) ([]byte, bool) {
	value, ok := m.Signer.FromCookie(r, m.Cookie.Name, cookiePurpose)
	if !ok {
		return nil, false
	}
	return token.Hash(value), true
}

const cookiePurpose = "session"

// Renew moves the idle end of the request's session forward. It is a gin
// handler for after the session was loaded. A session whose renewal fails goes
// on for this request: what only reads must work while the disk is full.
func (m *Manager) Renew(c *gin.Context) {
	s := From(c.Request.Context())
	if s == nil || m.Now().Sub(s.LastSeenAt) < m.renewEvery() {
		return
	}
	store := gsessions.Default(c)
	store.Set(keyRenew, true)
	if err := store.Save(); err != nil {
		m.Logger.WarnContext(c.Request.Context(), "session not renewed", "error", err)
	}
}

// A Login describes a session to start.
type Login struct {
	UserID    int64
	Method    string // how the person was authenticated, such as [Password]
	IP        string
	UserAgent string
}

// LogIn starts a session, ends the one that the request came with, and sets
// the cookie. q is the transaction that the login is part of. When that fails
// to commit, the error answer must not carry the cookie; internal/server's
// writer of errors sees to it.
func (m *Manager) LogIn(ctx context.Context, q *gendb.Queries, login Login) error {
	store := inRequest(ctx)
	store.Clear()
	store.Set(keyLogin, staged{q, login})
	return store.Save()
}

// LogOut ends the session of the request and clears its cookie. Without a
// session, only the cookie is cleared.
func (m *Manager) LogOut(ctx context.Context, q *gendb.Queries) error {
	store := inRequest(ctx)
	store.Clear()
	store.Set(keyLogout, q)
	return store.Save()
}

// inRequest returns gin-contrib's session of the request that ctx belongs to.
func inRequest(ctx context.Context) gsessions.Session {
	return ctx.Value(gsessions.DefaultKey).(gsessions.Session)
}

// What a handler stages in the session for Save.
const (
	keyLogin  = "login"  // staged
	keyLogout = "logout" // *gendb.Queries
	keyRotate = "rotate" // *gendb.Queries
	keyRenew  = "renew"  // true
)

type staged struct {
	q     *gendb.Queries
	login Login
}

var _ gsessions.Store = (*Manager)(nil)

// Options does nothing: the attributes of the cookie are those of
// [Manager.Cookie], not a handler's to change.
func (m *Manager) Options(gsessions.Options) {}

// Get is New: one request has one session, and gin-contrib keeps it.
func (m *Manager) Get(r *http.Request, name string) (*sessions.Session, error) {
	return m.New(r, name)
}

// New returns the session that Load has found.
func (m *Manager) New(r *http.Request, name string) (*sessions.Session, error) {
	s := sessions.NewSession(m, name)
	s.IsNew = From(r.Context()) == nil
	return s, nil
}

// Save does what has been staged: a login, a logout, a rotation or a renewal. Anything
// else that a caller may have put into the session has no place to go, and is
// refused rather than lost.
func (m *Manager) Save(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
	ctx := r.Context()
	defer clear(s.Values)
	switch {
	case len(s.Values) > 1:
		return errors.New("session: more than one change at once")
	case s.Values[keyLogin] != nil:
		return m.start(ctx, r, w, s.Values[keyLogin].(staged))
	case s.Values[keyLogout] != nil:
		return m.end(ctx, r, w, s.Values[keyLogout].(*gendb.Queries))
	case s.Values[keyRotate] != nil:
		return m.rotate(ctx, w, s.Values[keyRotate].(*gendb.Queries))
	case s.Values[keyRenew] != nil:
		return m.renew(ctx)
	case len(s.Values) == 0:
		return nil
	}
	return errors.New("session: values are not stored")
}

func (m *Manager) start(ctx context.Context, r *http.Request, w http.ResponseWriter, in staged) error {
	if err := m.delete(ctx, r, in.q, "new_login"); err != nil {
		return err
	}
	value := token.New()
	hash, now := token.Hash(value), m.Now()
	_, err := in.q.SessionCreate(ctx, gendb.SessionCreateParams{
		TokenHash: hash, UserID: in.login.UserID, Amr: in.login.Method,
		Ip: in.login.IP, UserAgent: storable(in.login.UserAgent), Now: now, ExpiresAt: now.Add(m.Absolute),
	})
	if err != nil {
		return err
	}
	err = m.Record(ctx, in.q, audit.Entry{
		Event: audit.SessionCreated, Actor: in.login.UserID, Subject: in.login.UserID, Session: hash, Token: hash,
	})
	if err != nil {
		return err
	}
	http.SetCookie(w, m.Cookie.set(m.Signer.Sign(cookiePurpose, value), m.Absolute))
	return nil
}

func (m *Manager) end(ctx context.Context, r *http.Request, w http.ResponseWriter, q *gendb.Queries) error {
	if err := m.delete(ctx, r, q, "logout"); err != nil {
		return err
	}
	http.SetCookie(w, m.Cookie.clear())
	return nil
}

// delete ends the session that the request came with, if it is one.
func (m *Manager) delete(ctx context.Context, r *http.Request, q *gendb.Queries, reason string) error {
	hash, ok := m.presented(r)
	if !ok {
		return nil
	}
	n, err := q.SessionDelete(ctx, hash)
	current := From(ctx)
	if err != nil || n == 0 || current == nil {
		return err
	}
	return m.Record(ctx, q, audit.Entry{
		Event: audit.SessionLogout, Reason: reason, Actor: current.User.ID, Subject: current.User.ID, Session: hash,
	})
}

// renew updates the row if it is still there. That it may be gone is no error:
// the session was ended while this request was on its way, and stays ended.
func (m *Manager) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, m.RenewWithin)
	defer cancel()
	now := m.Now()
	_, err := m.DB.SessionTouch(ctx, gendb.SessionTouchParams{
		TokenHash: From(ctx).TokenHash, Now: now, RenewBefore: now.Add(-m.renewEvery()),
	})
	return err
}

// maxUserAgent bounds what a client can make us store, in bytes.
const maxUserAgent = 500

// storable makes a header's value fit for a text column: PostgreSQL refuses
// NUL and what is not UTF-8.
func storable(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	for len(s) > maxUserAgent {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}
