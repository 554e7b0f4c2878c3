package accounts

import (
	"context"
	"database/sql"
	"errors"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/email"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/ratelimit"
)

// SetRole changes the role of an account. It takes effect with the owner's next
// request, because the role is loaded with the session.
func (m *Manager) SetRole(ctx context.Context, q *gendb.Queries, user gendb.User, role string) (gendb.User, error) {
	if role == user.Role {
		return user, nil
	}
	if role != RoleAdmin {
		if err := m.keepAdmin(ctx, q, user); err != nil {
			return user, err
		}
	}
	if err := m.Audit.Record(ctx, q, audit.Entry{Event: audit.AuthzChange, Reason: user.Role + "_to_" + role, Subject: user.ID}); err != nil {
		return user, err
	}
	return q.UserSetRole(ctx, gendb.UserSetRoleParams{ID: user.ID, Role: role, Now: m.Now()})
}

// Disable locks the owner out: with the commit every session ends and every mailed
// link becomes invalid. A disabled account stays as it is.
func (m *Manager) Disable(ctx context.Context, q *gendb.Queries, user gendb.User) (gendb.User, error) {
	if user.DisabledAt != nil {
		return user, nil
	}
	if err := m.keepAdmin(ctx, q, user); err != nil {
		return user, err
	}
	change := credentialChange{event: audit.UserArchived, reason: "disabled", sessions: endAll}
	if err := m.credentialChanged(ctx, q, user, change); err != nil {
		return user, err
	}
	now := m.Now()
	return q.UserSetDisabled(ctx, gendb.UserSetDisabledParams{ID: user.ID, DisabledAt: &now, Now: now})
}

// Enable lets the owner log in again, with the password from before.
func (m *Manager) Enable(ctx context.Context, q *gendb.Queries, user gendb.User) (gendb.User, error) {
	if user.DisabledAt == nil {
		return user, nil
	}
	if err := m.Audit.Record(ctx, q, audit.Entry{Event: audit.UserUpdated, Reason: "enabled", Subject: user.ID}); err != nil {
		return user, err
	}
	return q.UserSetDisabled(ctx, gendb.UserSetDisabledParams{ID: user.ID, Now: m.Now()})
}

// MarkVerified confirms the email address of an account without a mail.
func (m *Manager) MarkVerified(ctx context.Context, q *gendb.Queries, user gendb.User) (gendb.User, error) {
	if user.EmailVerifiedAt != nil {
		return user, nil
	}
	if err := m.Audit.Record(ctx, q, audit.Entry{Event: audit.UserUpdated, Reason: "email_verified", Subject: user.ID}); err != nil {
		return user, err
	}
	now := m.Now()
	return q.UserMarkVerified(ctx, gendb.UserMarkVerifiedParams{ID: user.ID, Now: &now})
}

// Delete deletes an account with everything that belongs to it, most of which is
// deleted by foreign keys.
func (m *Manager) Delete(ctx context.Context, q *gendb.Queries, user gendb.User) error {
	if err := m.keepAdmin(ctx, q, user); err != nil {
		return err
	}
	// Mails first: this waits for a mail that is being written, which needs the
	// account.
	if err := m.voidLinks(ctx, q, user); err != nil {
		return err
	}
	if _, err := q.OutboxDeleteOfAddress(ctx, user.EmailKey); err != nil {
		return err
	}
	// No foreign key refers to the account: attempts at unknown names are counted in the
	// same table.
	if m.Attempts != nil {
		if err := m.Attempts.Forget(ctx, q, ratelimit.UserKey(user.ID)); err != nil {
			return err
		}
	}
	if _, err := q.UserDelete(ctx, user.ID); err != nil {
		return err
	}
	return m.Audit.Record(ctx, q, audit.Entry{Event: audit.UserDeleted, Subject: user.ID})
}

// keepAdmin returns [problem.LastAdmin] if user is the last active administrator. Of
// two administrators who lose the role concurrently, the second waits for the first
// and sees its result.
func (m *Manager) keepAdmin(ctx context.Context, q *gendb.Queries, user gendb.User) error {
	if user.Role != RoleAdmin || user.DisabledAt != nil {
		return nil
	}
	if _, err := q.AdministrationLock(ctx); err != nil {
		return err
	}
	_, err := q.AdminOther(ctx, user.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return problem.LastAdmin
	}
	return err
}

// SendLink mails the owner a link to set a password: an invitation if the account has
// no password yet, and a reset otherwise.
func (m *Manager) SendLink(ctx context.Context, q *gendb.Queries, user gendb.User) error {
	switch {
	case user.DisabledAt != nil:
		return problem.RecipientDisabled
	case m.Mail.Off:
		return problem.MailOff
	}
	address, err := email.Parse(user.Email)
	if err != nil {
		return err
	}
	if err := m.Audit.Record(ctx, q, audit.Entry{Event: audit.AuthzAdmin, Reason: "link_sent", Subject: user.ID}); err != nil {
		return err
	}
	return m.Mail.Add(ctx, q, mail.Message{Kind: linkKind(user), UserID: user.ID, Address: address, Locale: user.Locale})
}

// ErrNoFrontend is returned by [Manager.Link] on a server without FRONTEND_URL.
var ErrNoFrontend = errors.New("FRONTEND_URL is not set: there is no page for the link to lead to")

// Link returns the link that [Manager.SendLink] would have mailed, for a server without
// mail. It replaces the link before it.
func (m *Manager) Link(ctx context.Context, q *gendb.Queries, user gendb.User) (string, error) {
	switch {
	case user.DisabledAt != nil:
		return "", problem.RecipientDisabled
	case m.Links.FrontendURL == "":
		return "", ErrNoFrontend
	}
	if err := m.Audit.Record(ctx, q, audit.Entry{Event: audit.AuthzAdmin, Reason: "link_shown", Subject: user.ID}); err != nil {
		return "", err
	}
	return mail.IssueLink(ctx, q, m.Tokens, m.Links, linkKind(user), user)
}

// linkKind returns the kind of mail with the link to set a password.
func linkKind(user gendb.User) mail.Kind {
	if user.PasswordHash == nil {
		return mail.Invitation
	}
	return mail.ResetPassword
}
