package accounts

import (
	"context"

	"github.com/techtreks/auth/db"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/clientip"
	"github.com/techtreks/auth/internal/email"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/onetime"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/ratelimit"
	"github.com/techtreks/auth/internal/reqctx"
)

// A credentialChange describes a change of what gives access to an account.
type credentialChange struct {
	event  audit.Event
	reason string
	// actor is the account that acts: the owner if a mailed link proves it; 0 means the
	// actor of the request.
	actor int64
	// sessions selects the sessions to end.
	sessions endSessions
	// notice is the kind of mail to the owner, empty for none. newAddress is part of
	// that mail.
	notice     mail.Kind
	newAddress string
}

type endSessions int

const (
	endNone   endSessions = iota
	endOthers             // all but the request's own, which gets a new token
	endAll
)

// credentialChanged voids the mailed links of an account, records the change, ends
// sessions and notifies the owner. It runs before the change itself: a mail that is
// being written needs the account unchanged, and the locks on mails are taken before
// the unique key of the address.
func (m *Manager) credentialChanged(ctx context.Context, q *gendb.Queries, user gendb.User, c credentialChange) error {
	if err := m.voidLinks(ctx, q, user); err != nil {
		return err
	}
	if err := m.Audit.Record(ctx, q, audit.Entry{Event: c.event, Reason: c.reason, Actor: c.actor, Subject: user.ID}); err != nil {
		return err
	}
	switch c.sessions {
	case endOthers:
		if err := m.Sessions.EndOthers(ctx, q); err != nil {
			return err
		}
		if err := m.Sessions.Rotate(ctx, q); err != nil {
			return err
		}
	case endAll:
		if err := m.Sessions.EndAll(ctx, q, user.ID); err != nil {
			return err
		}
	}
	if c.notice == "" {
		return nil
	}
	return m.Mail.Notify(ctx, q, c.notice, user, c.newAddress)
}

// voidLinks makes every mailed or waiting link of an account invalid.
func (m *Manager) voidLinks(ctx context.Context, q *gendb.Queries, user gendb.User) error {
	if err := m.Mail.VoidMails(ctx, q, user); err != nil {
		return err
	}
	return m.Tokens.Void(ctx, q, user.ID)
}

// ChangePassword sets a new password for the owner, who is logged in: all other
// sessions end, because one of them may be the reason for the change.
func (m *Manager) ChangePassword(ctx context.Context, q *gendb.Queries, user gendb.User, hash string) error {
	err := m.credentialChanged(ctx, q, user, credentialChange{
		event: audit.PasswordChange, reason: "changed", sessions: endOthers, notice: mail.PasswordChanged,
	})
	if err != nil {
		return err
	}
	return m.setPassword(ctx, q, user, hash)
}

// ResetPassword sets a password with a mailed link of the given purpose. Every session
// ends, because it may be an attacker's. The link has proved the address, so it is
// confirmed too. Logins from the network of the request are not delayed by failures of
// others.
func (m *Manager) ResetPassword(ctx context.Context, q *gendb.Queries, user gendb.User, hash string, purpose onetime.Purpose) error {
	now := m.Now()
	change := credentialChange{event: audit.PasswordChange, reason: "reset", actor: user.ID, sessions: endAll}
	if purpose != onetime.Invitation { // which sets the first password
		change.notice = mail.PasswordReset
	}
	proved := user
	proved.EmailVerifiedAt = &now
	if err := m.credentialChanged(ctx, q, proved, change); err != nil {
		return err
	}
	if err := m.setPassword(ctx, q, user, hash); err != nil {
		return err
	}
	if _, err := q.UserVerifyEmail(ctx, gendb.UserVerifyEmailParams{ID: user.ID, EmailKey: user.EmailKey, Now: &now}); err != nil {
		return err
	}
	if m.Attempts == nil {
		return nil
	}
	return m.Attempts.Trust(ctx, q, ratelimit.UserKey(user.ID), clientip.Network(reqctx.From(ctx).ClientAddr))
}

func (m *Manager) setPassword(ctx context.Context, q *gendb.Queries, user gendb.User, hash string) error {
	_, err := q.UserSetPassword(ctx, gendb.UserSetPasswordParams{ID: user.ID, PasswordHash: &hash, Now: m.Now()})
	return err
}

// SetUsername changes the username. The unique index decides whether it is free:
// [problem.UsernameTaken]. In one transaction it comes after SetEmail, because it takes
// the lock of a unique key.
func (m *Manager) SetUsername(ctx context.Context, q *gendb.Queries, user gendb.User, username string) error {
	if UsernameKey(username) != user.UsernameKey {
		if err := takeName(ctx, q, username, email.Address{}, "", m.Now()); err != nil {
			return err
		}
		if err := releaseName(ctx, q, username); err != nil {
			return err
		}
	}
	err := q.UserSetUsername(ctx, gendb.UserSetUsernameParams{
		ID: user.ID, Username: username, UsernameKey: UsernameKey(username), Now: m.Now(),
	})
	if db.IsUnique(err) {
		return problem.UsernameTaken.Because(err)
	}
	if err != nil || username == user.Username {
		return err
	}
	return m.Audit.Record(ctx, q, audit.Entry{Event: audit.UserUpdated, Reason: "username_changed", Subject: user.ID})
}

// SetEmail changes the email address, or mails a link to the new one if accounts need a
// confirmed address. The domain in other letters is the same domain. The part before the
// @ may be case-sensitive at the receiving server, so other letters are another address.
func (m *Manager) SetEmail(ctx context.Context, q *gendb.Queries, user gendb.User, address email.Address) error {
	old, err := email.Parse(user.Email)
	if err != nil {
		return err
	}
	switch {
	case address.Mailbox() == old.Mailbox():
		if err := m.voidEmailChange(ctx, q, user.ID); err != nil {
			return err
		}
		if err := m.Audit.Record(ctx, q, audit.Entry{Event: audit.UserUpdated, Reason: "email_changed", Subject: user.ID}); err != nil {
			return err
		}
		return m.storeEmail(ctx, q, user, address)
	case m.RequireVerified():
		return m.requestEmail(ctx, q, user, address)
	}
	if err := m.emailChanged(ctx, q, user, address); err != nil {
		return err
	}
	user.EmailVerifiedAt = nil
	if err := m.storeEmail(ctx, q, user, address); err != nil {
		return err
	}
	return m.Mail.Add(ctx, q, mail.Message{Kind: mail.VerifyEmail, UserID: user.ID, Address: address, Locale: user.Locale, Details: mail.Origin(ctx)})
}

// ConfirmEmail makes the address of a used token the address of the account.
func (m *Manager) ConfirmEmail(ctx context.Context, q *gendb.Queries, user gendb.User, address email.Address) error {
	if err := m.emailChanged(ctx, q, user, address); err != nil {
		return err
	}
	now := m.Now()
	user.EmailVerifiedAt = &now
	return m.storeEmail(ctx, q, user, address)
}

func (m *Manager) emailChanged(ctx context.Context, q *gendb.Queries, user gendb.User, address email.Address) error {
	return m.credentialChanged(ctx, q, user, credentialChange{
		event: audit.UserUpdated, reason: "email_changed", actor: user.ID, notice: mail.EmailChanged, newAddress: address.Display,
	})
}

// storeEmail lets the unique index decide whether the address is free:
// [problem.EmailInUse].
func (m *Manager) storeEmail(ctx context.Context, q *gendb.Queries, user gendb.User, address email.Address) error {
	err := q.UserSetEmail(ctx, gendb.UserSetEmailParams{
		ID: user.ID, Email: address.Display, EmailKey: address.Key, EmailVerifiedAt: user.EmailVerifiedAt, Now: m.Now(),
	})
	if db.IsUnique(err) {
		return problem.EmailInUse.Because(err)
	}
	return err
}

// requestEmail mails a link to the new address. If another account has the address, its
// owner gets a notice without a link. The mail worker finds that out, so that neither
// the answer nor the stored rows reveal it. A pending change to a third address ends.
func (m *Manager) requestEmail(ctx context.Context, q *gendb.Queries, user gendb.User, address email.Address) error {
	if err := m.voidEmailChange(ctx, q, user.ID); err != nil {
		return err
	}
	if err := m.Audit.Record(ctx, q, audit.Entry{Event: audit.UserUpdated, Reason: "email_change_requested", Subject: user.ID}); err != nil {
		return err
	}
	return m.Mail.Add(ctx, q, mail.Message{Kind: mail.ConfirmEmail, UserID: user.ID, Address: address, Locale: user.Locale, Details: mail.Origin(ctx)})
}

// voidEmailChange makes a pending change of the address invalid.
func (m *Manager) voidEmailChange(ctx context.Context, q *gendb.Queries, userID int64) error {
	if err := m.Mail.VoidKind(ctx, q, mail.ConfirmEmail, userID); err != nil {
		return err
	}
	return m.Tokens.VoidPurpose(ctx, q, userID, onetime.ChangeEmail)
}
