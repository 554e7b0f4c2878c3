package session

import (
	"context"
	"errors"
	"net/http"

	gsessions "github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	"github.com/gorilla/sessions"
)

// A change is what a handler does to the session of its request. It runs in
// [store.Save], which has the response that the cookie goes into.
type change func(ctx context.Context, w http.ResponseWriter, r *http.Request) error

// changeKey is the one key that a handler may set in gin-contrib's session.
const changeKey = "change"

// Middleware gives handlers a session of gin-contrib/sessions to change.
func (m *Manager) Middleware() gin.HandlerFunc {
	return gsessions.Sessions(m.Cookie.Name, store{})
}

// apply runs a change of the session of the request that ctx belongs to.
func apply(ctx context.Context, c change) error {
	s := ctx.Value(gsessions.DefaultKey).(gsessions.Session)
	s.Set(changeKey, c)
	return s.Save()
}

// store is the store behind gin-contrib/sessions. It stores nothing by itself: the
// [Manager] has loaded the session, and a change writes it.
type store struct{}

var _ gsessions.Store = store{}

// Options does nothing: the attributes of the cookie are those of [Manager.Cookie].
func (store) Options(gsessions.Options) {}

// Get returns a new session. gin-contrib keeps it for the request.
func (s store) Get(r *http.Request, name string) (*sessions.Session, error) { return s.New(r, name) }

// New returns an empty session.
func (s store) New(r *http.Request, name string) (*sessions.Session, error) {
	session := sessions.NewSession(s, name)
	session.IsNew = From(r.Context()) == nil
	return session, nil
}

// Save runs the change that a handler has set. It rejects any other value instead of
// losing it.
func (store) Save(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
	defer clear(s.Values)
	c, ok := s.Values[changeKey].(change)
	switch {
	case len(s.Values) == 0:
		return nil
	case !ok || len(s.Values) > 1:
		return errors.New("session: values are not stored")
	}
	return c(r.Context(), w, r)
}
