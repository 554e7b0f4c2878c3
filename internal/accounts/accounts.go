// Package accounts is what is done to accounts by those who look after the server,
// whether they use the API or a shell on the machine: both go through [Keeper].
//
// Methods that change something take the transaction that they are part of, and an
// account that [Keeper.Hold] or [Keeper.Create] has given in that transaction. Who may do
// what to whom is the caller's to decide.
package accounts

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/techtreks/auth/db"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/email"
	"github.com/techtreks/auth/internal/mail"
)

// The roles, as the contract and the table users have them.
const (
	RoleUser      = "user"
	RoleModerator = "moderator"
	RoleAdmin     = "admin"
)

// What can be in the way.
var (
	ErrUnknown       = errors.New("no such account")
	ErrLastAdmin     = errors.New("the last active administrator must stay")
	ErrUsernameTaken = errors.New("the user name is taken")
	ErrEmailTaken    = errors.New("the address has an account")
	ErrDisabled      = errors.New("the account is disabled")
	ErrMailOff       = errors.New("this server sends no mail")
	ErrNoFrontend    = errors.New("FRONTEND_URL is not set: there is no page for the link to lead to")
)

// A Keeper changes accounts. All fields are required.
type Keeper struct {
	DB   *db.DB
	Mail *mail.Outbox
	Now  func() time.Time
	// EndSessions ends every session of an account.
	EndSessions func(ctx context.Context, q *gendb.Queries, userID int64) error
	// ForgetAttempts deletes what is counted of logins to an account.
	ForgetAttempts func(ctx context.Context, q *gendb.Queries, userID int64) error
	// Record writes down what has been done, with what the caller knows of who did it.
	Record func(ctx context.Context, q *gendb.Queries, e audit.Entry) error

	// FrontendURL and the times that links work are for [Keeper.Link] alone; mails
	// are written elsewhere.
	FrontendURL         string
	ResetTTL, InviteTTL time.Duration
}

// A Newcomer is somebody to invite.
type Newcomer struct {
	Username string
	Address  email.Address
	Role     string
	Locale   string
}

// Create makes an account that nobody can log in to yet: it has no password.
func (k *Keeper) Create(ctx context.Context, q *gendb.Queries, n Newcomer) (gendb.User, error) {
	if err := TakeName(ctx, q, n.Username, n.Address, "", k.Now()); err != nil {
		return gendb.User{}, err
	}
	id, err := q.UserCreate(ctx, gendb.UserCreateParams{
		Username: n.Username, UsernameKey: UsernameKey(n.Username),
		Email: n.Address.Display, EmailKey: n.Address.Key, Role: n.Role, Locale: n.Locale, Now: k.Now(),
	})
	if errors.Is(err, sql.ErrNoRows) {
		_, err = q.UserByUsernameKey(ctx, UsernameKey(n.Username))
		switch {
		case err == nil:
			err = ErrUsernameTaken
		case errors.Is(err, sql.ErrNoRows):
			err = ErrEmailTaken
		}
	}
	if err == nil {
		err = ReleaseName(ctx, q, n.Username)
	}
	if err != nil {
		return gendb.User{}, err
	}
	if err := k.Record(ctx, q, audit.Entry{Event: audit.UserCreated, Reason: "invited_as_" + n.Role, Subject: id}); err != nil {
		return gendb.User{}, err
	}
	return q.UserByID(ctx, id)
}

// Find returns an account as it is at the moment.
func (k *Keeper) Find(ctx context.Context, id int64) (gendb.User, error) {
	user, err := k.DB.UserByID(ctx, id)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrUnknown
	}
	return user, err
}

// Hold takes an account for the rest of the transaction, a disabled one included, and
// returns it as it is by now.
func (k *Keeper) Hold(ctx context.Context, q *gendb.Queries, id int64) (gendb.User, error) {
	user, err := q.UserHoldAny(ctx, id)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrUnknown
	}
	return user, err
}

// SendLink mails the link with which the owner sets a password: an invitation as long
// as there is none.
func (k *Keeper) SendLink(ctx context.Context, q *gendb.Queries, user gendb.User) error {
	switch {
	case user.DisabledAt != nil:
		return ErrDisabled
	case k.Mail.Off:
		return ErrMailOff
	}
	address, err := email.Parse(user.Email)
	if err != nil {
		return err
	}
	if err := k.Record(ctx, q, audit.Entry{Event: audit.AuthzAdmin, Reason: "link_sent", Subject: user.ID}); err != nil {
		return err
	}
	return k.Mail.Add(ctx, q, mail.Message{Kind: linkKind(user), UserID: user.ID, Address: address, Locale: user.Locale})
}

// Link returns the link that [Keeper.SendLink] would have mailed, for a server without
// mail: whoever has the shell of the machine hands it over. It takes the place of the
// one before.
func (k *Keeper) Link(ctx context.Context, q *gendb.Queries, user gendb.User) (string, error) {
	switch {
	case user.DisabledAt != nil:
		return "", ErrDisabled
	case k.FrontendURL == "":
		return "", ErrNoFrontend
	}
	life := k.ResetTTL
	if user.PasswordHash == nil {
		life = k.InviteTTL
	}
	if err := k.Record(ctx, q, audit.Entry{Event: audit.AuthzAdmin, Reason: "link_shown", Subject: user.ID}); err != nil {
		return "", err
	}
	fragment, err := mail.IssueLink(ctx, q, linkKind(user), user, k.Now(), life)
	return k.FrontendURL + fragment, err
}

// linkKind is the mail that lets the owner of an account set a password.
func linkKind(user gendb.User) mail.Kind {
	if user.PasswordHash == nil {
		return mail.Invitation
	}
	return mail.ResetPassword
}

// SetRole gives an account a role. One that has it stays as it is.
func (k *Keeper) SetRole(ctx context.Context, q *gendb.Queries, user gendb.User, role string) (gendb.User, error) {
	if role == user.Role {
		return user, nil
	}
	if role != RoleAdmin {
		if err := k.KeepAnAdmin(ctx, q, user); err != nil {
			return user, err
		}
	}
	if err := k.Record(ctx, q, audit.Entry{Event: audit.AuthzChange, Reason: user.Role + "_to_" + role, Subject: user.ID}); err != nil {
		return user, err
	}
	return q.UserSetRole(ctx, gendb.UserSetRoleParams{ID: user.ID, Role: role, Now: k.Now()})
}

// Disable locks the owner of an account out: every session ends and every mailed link
// is useless, from the commit on. An account that is disabled stays as it is.
func (k *Keeper) Disable(ctx context.Context, q *gendb.Queries, user gendb.User) (gendb.User, error) {
	if user.DisabledAt != nil {
		return user, nil
	}
	if err := k.KeepAnAdmin(ctx, q, user); err != nil {
		return user, err
	}
	if err := k.voidLinks(ctx, q, user); err != nil {
		return user, err
	}
	if err := k.EndSessions(ctx, q, user.ID); err != nil {
		return user, err
	}
	if err := k.Record(ctx, q, audit.Entry{Event: audit.UserArchived, Reason: "disabled", Subject: user.ID}); err != nil {
		return user, err
	}
	now := k.Now()
	return q.UserSetDisabled(ctx, gendb.UserSetDisabledParams{ID: user.ID, DisabledAt: &now, Now: now})
}

// Enable lets the owner of an account in again, with the password it had.
func (k *Keeper) Enable(ctx context.Context, q *gendb.Queries, user gendb.User) (gendb.User, error) {
	if user.DisabledAt == nil {
		return user, nil
	}
	if err := k.Record(ctx, q, audit.Entry{Event: audit.UserUpdated, Reason: "enabled", Subject: user.ID}); err != nil {
		return user, err
	}
	return q.UserSetDisabled(ctx, gendb.UserSetDisabledParams{ID: user.ID, Now: k.Now()})
}

// MarkVerified counts the address of an account as confirmed.
func (k *Keeper) MarkVerified(ctx context.Context, q *gendb.Queries, user gendb.User) (gendb.User, error) {
	if user.EmailVerifiedAt != nil {
		return user, nil
	}
	if err := k.Record(ctx, q, audit.Entry{Event: audit.UserUpdated, Reason: "email_verified", Subject: user.ID}); err != nil {
		return user, err
	}
	now := k.Now()
	return q.UserMarkVerified(ctx, gendb.UserMarkVerifiedParams{ID: user.ID, Now: &now})
}

// Delete deletes an account and all that belongs to it, most of which goes by foreign
// keys.
func (k *Keeper) Delete(ctx context.Context, q *gendb.Queries, user gendb.User) error {
	if err := k.KeepAnAdmin(ctx, q, user); err != nil {
		return err
	}
	// The mails first, then what they need: one that is being written right now
	// needs the account, and is waited for.
	if err := k.voidLinks(ctx, q, user); err != nil {
		return err
	}
	if _, err := q.OutboxForget(ctx, user.EmailKey); err != nil {
		return err
	}
	if err := k.ForgetAttempts(ctx, q, user.ID); err != nil {
		return err
	}
	if _, err := q.UserDelete(ctx, user.ID); err != nil {
		return err
	}
	return k.Record(ctx, q, audit.Entry{Event: audit.UserDeleted, Subject: user.ID})
}

// KeepAnAdmin fails if there would be no active administrator without this one. Two
// who are about to go at the same time come one after the other here, and the
// second one sees what the first has left.
func (k *Keeper) KeepAnAdmin(ctx context.Context, q *gendb.Queries, user gendb.User) error {
	if user.Role != RoleAdmin || user.DisabledAt != nil {
		return nil
	}
	if _, err := q.AdministrationHold(ctx); err != nil {
		return err
	}
	_, err := q.AdminOther(ctx, user.ID)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrLastAdmin
	}
	return err
}

func (k *Keeper) voidLinks(ctx context.Context, q *gendb.Queries, user gendb.User) error {
	address, err := email.Parse(user.Email)
	if err != nil {
		return err
	}
	return k.Mail.VoidLinks(ctx, q, user.ID, address)
}

// UsernameKey is the form by which names are compared. Names are ASCII by the
// contract; ToLower on anything else would fold letters that only look alike.
func UsernameKey(username string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, username)
}

// ByLogin finds an account by its name or its address; sql.ErrNoRows if nobody has it.
// A name cannot contain an @ and an address always does, so nobody can take a name
// that is somebody else's address. What can be neither is nobody's.
func ByLogin(ctx context.Context, q *gendb.Queries, login string) (gendb.User, error) {
	if !strings.Contains(login, "@") {
		if !printable(login) {
			return gendb.User{}, sql.ErrNoRows // PostgreSQL would not even take a NUL
		}
		return q.UserByUsernameKey(ctx, UsernameKey(login))
	}
	address, err := email.Parse(login)
	if err != nil {
		return gendb.User{}, sql.ErrNoRows
	}
	return q.UserByEmailKey(ctx, address.Key)
}

// printable reports whether s is ASCII that can be seen, as every key is.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}
