package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/onetime"
	"github.com/techtreks/auth/internal/password"
	"github.com/techtreks/auth/internal/session"
	"github.com/techtreks/auth/internal/token"
)

// People gives out accounts that are logged in, and tokens as they are mailed. It
// writes them into the database itself: none of that is a request to the server, and
// nobody waits for passwords to be hashed.
type people struct {
	db     *db.DB
	signer *token.Signer
	trail  *audit.Trail
	tokens *onetime.Tokens
	hash   string // of everybody's password
}

const everybodysPassword = "Everybody's secret no 1!"

// mailedFor is the mail that brings the token which an operation takes.
var mailedFor = map[string]mail.Kind{
	"verifyEmail": mail.VerifyEmail, "verifyEmailByLink": mail.VerifyEmail, "confirmEmail": mail.ConfirmEmail,
	"resetPassword": mail.ResetPassword, "resetPasswordByLink": mail.ResetPassword,
}

// newPeople answers GET /account?role=ROLE and GET /token?operation=ID.
func newPeople(t *testing.T, d *db.DB) http.Handler {
	t.Helper()
	hasher := &password.Hasher{Params: cheapHash}
	hash, err := hasher.Hash(t.Context(), everybodysPassword)
	if err != nil {
		t.Fatal(err)
	}
	signer := &token.Signer{Keys: [][]byte{[]byte(secretKey)}}
	trail := &audit.Trail{DB: d, Signer: signer, Now: time.Now, Logger: slog.New(slog.DiscardHandler)}
	tokens := &onetime.Tokens{DB: d, Signer: signer, Audit: trail, Now: time.Now, Logger: trail.Logger}
	p := &people{db: d, signer: signer, trail: trail, tokens: tokens, hash: hash}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /account", answer200(func(r *http.Request) (map[string]string, error) {
		return p.account(r.Context(), r.FormValue("role"))
	}))
	mux.HandleFunc("GET /token", answer200(func(r *http.Request) (map[string]string, error) {
		return p.token(r.Context(), r.FormValue("operation"))
	}))
	return mux
}

func answer200(give func(*http.Request) (map[string]string, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		given, err := give(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(given)
	}
}

// newcomer stores an account.
func (p *people) newcomer(ctx context.Context, role string) (gendb.User, error) {
	name := newAccount().name
	id, err := p.db.UserCreate(ctx, gendb.UserCreateParams{
		Username: name, UsernameKey: name, Email: name + "@example.com", EmailKey: name + "@example.com",
		PasswordHash: &p.hash, Role: role, Locale: "en", Now: time.Now(),
	})
	if err != nil {
		return gendb.User{}, err
	}
	return p.db.UserByID(ctx, id)
}

// account makes an account that is logged in.
func (p *people) account(ctx context.Context, role string) (map[string]string, error) {
	user, err := p.newcomer(ctx, role)
	if err != nil {
		return nil, err
	}
	for _, e := range []audit.Event{audit.UserCreated, audit.LoginSuccess} {
		if err := p.trail.Record(ctx, p.db.Queries, audit.Entry{Event: e, Actor: user.ID, Subject: user.ID}); err != nil {
			return nil, err
		}
	}
	value, now := token.New(), time.Now()
	_, err = p.db.SessionCreate(ctx, gendb.SessionCreateParams{
		TokenHash: token.Hash(value), UserID: user.ID, Amr: session.Password, Now: now, ExpiresAt: now.Add(24 * time.Hour),
	})
	return map[string]string{"cookie": p.signer.Sign("session", value), "username": user.Username, "password": everybodysPassword}, err
}

// token makes one of an account of its own.
func (p *people) token(ctx context.Context, operation string) (map[string]string, error) {
	kind, ok := mailedFor[operation]
	if !ok {
		return nil, fmt.Errorf("which mail brings the token for %s?", operation)
	}
	user, err := p.newcomer(ctx, "user")
	if err != nil {
		return nil, err
	}
	if kind == mail.ConfirmEmail { // the token goes to an address that is not the account's yet
		user.Email, user.EmailKey = "new-"+user.Email, "new-"+user.EmailKey
	}
	link, err := mail.IssueLink(ctx, p.db.Queries, p.tokens, mail.Links{VerifyTTL: time.Hour, ResetTTL: time.Hour, InviteTTL: time.Hour}, kind, user)
	_, value, _ := strings.Cut(link, "#token=")
	return map[string]string{"token": value}, err
}
