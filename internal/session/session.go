// Package session keeps people logged in.
//
// A session is a row in the database and an opaque 256-bit token in a cookie. The row
// stores the hash of the token, so a copy of the database opens no session. The cookie
// is signed, so the server rejects forged values without a query.
//
// The web framework sees a store of gin-contrib/sessions. It differs from stock stores
// in three ways, each against an attack:
//
//   - Each login issues a new token and deletes the session that the request came with,
//     in the transaction of the login. A store that keeps the id lets an attacker plant
//     a session before the login and use it afterwards (session fixation).
//   - Renewal updates an existing row and never inserts one. With an upsert, a request
//     in flight while its session is revoked would restore it.
//   - Visitors get no row and no cookie. Otherwise any client can fill the database.
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

	"github.com/gin-gonic/gin"

	"github.com/techtreks/auth/db"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/reqctx"
	"github.com/techtreks/auth/internal/token"
)

// Password is the method of a login with a password (RFC 8176, "amr" value).
const Password = "pwd"

// FreshFor is how long after a login, or its renewal, sensitive operations need no
// further proof: change of email, password or role, deletion (ASVS 5.0.0-7.5.1).
const FreshFor = 10 * time.Minute

// A Session is the session of a request, with its account.
type Session struct {
	gendb.Session
	User gendb.User
}

// Fresh reports whether the person authenticated less than [FreshFor] ago.
func (s *Session) Fresh(now time.Time) bool { return now.Sub(s.AuthenticatedAt) < FreshFor }

// A Manager loads, starts, renews and ends sessions. All of its fields are required.
type Manager struct {
	DB     *db.DB
	Signer *token.Signer
	Audit  *audit.Trail
	Now    func() time.Time
	Logger *slog.Logger
	// Idle is how long a session lives without a request, Absolute how long at most.
	// Idle slides at most once per [Manager.renewEvery], so a session may end up to
	// that much early, never late.
	Idle, Absolute time.Duration
	// RenewTimeout bounds how long a request waits for the renewal of its session. The
	// request does not need it: the next one renews.
	RenewTimeout time.Duration
	Cookie       Cookie
}

// renewEvery limits the writes of a busy session.
func (m *Manager) renewEvery() time.Duration { return min(time.Minute, m.Idle/4) }

type contextKey struct{}

// From returns the session of the request, nil for a visitor.
func From(ctx context.Context) *Session {
	s, _ := ctx.Value(contextKey{}).(*Session)
	return s
}

// With returns a context with a session.
func With(ctx context.Context, s *Session) context.Context {
	return context.WithValue(ctx, contextKey{}, s)
}

// Load returns a context with the session of the request's cookie. A cookie without a
// live session is no error: it may just have expired. A database error is returned, so
// that an outage neither logs in nor logs out. Two session cookies are rejected with
// [problem.AmbiguousSession].
func (m *Manager) Load(r *http.Request) (context.Context, error) {
	ctx := r.Context()
	if len(r.CookiesNamed(m.Cookie.Name)) > 1 {
		return nil, problem.AmbiguousSession
	}
	hash, ok := m.presented(r)
	if !ok {
		return ctx, nil
	}
	row, err := m.live(ctx, m.DB.Queries, hash)
	if errors.Is(err, sql.ErrNoRows) {
		m.noteEnded(ctx, hash)
		return ctx, nil
	}
	if err != nil {
		return nil, err
	}
	info := reqctx.From(ctx)
	info.Actor, info.Session = row.User.ID, row.Session.TokenHash
	return With(ctx, &Session{row.Session, row.User}), nil
}

// Current returns the session of the request as the transaction q sees it, or
// [problem.LoginRequired] if it has ended since it was loaded: a request in flight when
// its session was revoked must not take effect.
func (m *Manager) Current(ctx context.Context, q *gendb.Queries) (*Session, error) {
	row, err := m.live(ctx, q, From(ctx).TokenHash)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, problem.LoginRequired.Because(errEnded)
	}
	if err != nil {
		return nil, err
	}
	return &Session{row.Session, row.User}, nil
}

var errEnded = errors.New("session: ended while the request was in flight")

func (m *Manager) live(ctx context.Context, q *gendb.Queries, hash []byte) (gendb.SessionByTokenHashRow, error) {
	now := m.Now()
	return q.SessionByTokenHash(ctx, gendb.SessionByTokenHashParams{TokenHash: hash, Now: now, IdleSince: now.Add(-m.Idle)})
}

// presented returns the hash of the token in the request's cookie, if this server
// signed it.
func (m *Manager) presented(r *http.Request) ([]byte, bool) {
	value, ok := m.Signer.FromCookie(r, m.Cookie.Name, cookiePurpose)
	if !ok {
		return nil, false
	}
	return token.Hash(value), true
}

const cookiePurpose = "session"

// noteEnded records that a request presented the token of an ended session. An expired
// one is ordinary. A revoked or replaced one suggests that the cookie was copied.
func (m *Manager) noteEnded(ctx context.Context, tokenHash []byte) {
	e := audit.Entry{Event: audit.SessionUseAfterExpire, Reason: "expired", Session: tokenHash}
	var err error
	if e.Subject, err = m.DB.SessionStored(ctx, tokenHash); errors.Is(err, sql.ErrNoRows) {
		var last audit.Event
		last, e.Subject, err = m.Audit.LastOfToken(ctx, tokenHash)
		switch last {
		case audit.SessionCreated, audit.SessionRenewed:
			e.Event, e.Reason = audit.TokenReuse, "session_ended"
		case "":
			e.Reason = "unknown_session"
		}
	}
	if err != nil {
		m.Logger.WarnContext(ctx, "use of an ended session not recorded", "error", err)
		return
	}
	m.Audit.Note(ctx, e)
}

// Renew extends the idle lifetime of the request's session. It is a gin handler that
// runs after Load. A failure does not end the request: reads must work while the disk
// is full.
func (m *Manager) Renew(c *gin.Context) {
	ctx := c.Request.Context()
	s := From(ctx)
	if s == nil || m.Now().Sub(s.LastSeenAt) < m.renewEvery() {
		return
	}
	if err := m.renew(ctx); err != nil {
		m.Logger.WarnContext(ctx, "session not renewed", "error", err)
	}
}

// renew updates the row if it still exists. A missing row is no error: the session was
// ended while the request was in flight, and stays ended.
func (m *Manager) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, m.RenewTimeout)
	defer cancel()
	now := m.Now()
	_, err := m.DB.SessionTouch(ctx, gendb.SessionTouchParams{
		TokenHash: From(ctx).TokenHash, Now: now, RenewBefore: now.Add(-m.renewEvery()),
	})
	return err
}

// maxUserAgent bounds what a client can make the database store, in bytes.
const maxUserAgent = 500

// storable makes a header fit for a text column: PostgreSQL rejects NUL and invalid
// UTF-8.
func storable(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	for len(s) > maxUserAgent {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

// RequireFresh returns [problem.ReauthRequired] unless the session of the request is
// fresh: an attacker at an unattended browser must prove to be the owner first.
func (m *Manager) RequireFresh(ctx context.Context) error { return m.CheckFresh(From(ctx)) }

// CheckFresh is [Manager.RequireFresh] for a session that a transaction has loaded again.
func (m *Manager) CheckFresh(s *Session) error {
	if !s.Fresh(m.Now()) {
		return problem.ReauthRequired
	}
	return nil
}
