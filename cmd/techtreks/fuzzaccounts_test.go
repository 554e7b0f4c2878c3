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

// accountSource provides the fuzzer with logged-in accounts and with mailed tokens. It writes
// them into the database directly, without requests to the server and without hashing
// passwords.
type accountSource struct {
	db     *db.DB
	signer *token.Signer
	trail  *audit.Trail
	tokens *onetime.Tokens
	hash   string // of sharedPassword
}

const sharedPassword = "Everybody's secret no 1!"

// mailFor maps an operation to the kind of mail that contains its token.
var mailFor = map[string]mail.Kind{
	"verifyEmail": mail.VerifyEmail, "verifyEmailByLink": mail.VerifyEmail, "confirmEmail": mail.ConfirmEmail,
	"resetPassword": mail.ResetPassword, "resetPasswordByLink": mail.ResetPassword,
}

// newAccountSource serves GET /account?role=ROLE and GET /token?operation=ID.
func newAccountSource(t *testing.T, d *db.DB) http.Handler {
	t.Helper()
	hasher := &password.Hasher{Params: cheapHash}
	hash, err := hasher.Hash(t.Context(), sharedPassword)
	if err != nil {
		t.Fatal(err)
	}
	signer := &token.Signer{Keys: [][]byte{[]byte(secretKey)}}
	trail := &audit.Trail{DB: d, Signer: signer, Now: time.Now, Logger: slog.New(slog.DiscardHandler)}
	tokens := &onetime.Tokens{DB: d, Signer: signer, Audit: trail, Now: time.Now, Logger: trail.Logger}
	p := &accountSource{db: d, signer: signer, trail: trail, tokens: tokens, hash: hash}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /account", serveJSON(func(r *http.Request) (map[string]string, error) {
		return p.account(r.Context(), r.FormValue("role"))
	}))
	mux.HandleFunc("GET /token", serveJSON(func(r *http.Request) (map[string]string, error) {
		return p.token(r.Context(), r.FormValue("operation"))
	}))
	return mux
}

func serveJSON(get func(*http.Request) (map[string]string, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		value, err := get(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(value)
	}
}

// create stores an account.
func (p *accountSource) create(ctx context.Context, role string) (gendb.User, error) {
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

// account creates an account and logs it in.
func (p *accountSource) account(ctx context.Context, role string) (map[string]string, error) {
	user, err := p.create(ctx, role)
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
	return map[string]string{"cookie": p.signer.Sign("session", value), "username": user.Username, "password": sharedPassword}, err
}

// token creates an account and a token for it.
func (p *accountSource) token(ctx context.Context, operation string) (map[string]string, error) {
	kind, ok := mailFor[operation]
	if !ok {
		return nil, fmt.Errorf("no mail is known to contain the token of %s", operation)
	}
	user, err := p.create(ctx, "user")
	if err != nil {
		return nil, err
	}
	if kind == mail.ConfirmEmail { // sent to the new address, which the account does not have yet
		user.Email, user.EmailKey = "new-"+user.Email, "new-"+user.EmailKey
	}
	link, err := mail.IssueLink(ctx, p.db.Queries, p.tokens, mail.Links{VerifyTTL: time.Hour, ResetTTL: time.Hour, InviteTTL: time.Hour}, kind, user)
	_, value, _ := strings.Cut(link, "#token=")
	return map[string]string{"token": value}, err
}
