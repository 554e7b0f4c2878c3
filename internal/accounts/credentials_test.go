package accounts_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/accounts"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/onetime"
	"github.com/techtreks/auth/internal/problem"
)

// every is all purposes of one-time tokens.
var every = []onetime.Purpose{onetime.VerifyEmail, onetime.ResetPassword, onetime.ChangeEmail, onetime.Invitation}

// Every change of what gives access to an account voids the mailed links, is recorded,
// ends sessions and notifies the owner. It leaves other accounts and queued notices as
// they are.
func TestCredentialChanges_VoidLinksRecordEndSessionsNotify(t *testing.T) {
	type changes func(ctx context.Context, f *fixture, q *gendb.Queries, user gendb.User) error
	tests := map[string]struct {
		change   changes
		recorded []event
		sessions int      // that are left of three
		mails    []string // that the change queues
	}{
		"change password": {
			func(ctx context.Context, f *fixture, q *gendb.Queries, user gendb.User) error {
				return f.ChangePassword(ctx, q, user, "new hash")
			},
			[]event{
				{"op", "authn_password_change", "changed", 1, 1}, {"op", "authn_token_revoked", "sessions_ended", 1, 1},
				{"op", "session_renewed", "", 1, 1},
			},
			1, []string{"password_changed to alice@example.com"},
		},
		"reset password": {
			func(ctx context.Context, f *fixture, q *gendb.Queries, user gendb.User) error {
				return f.ResetPassword(ctx, q, user, "new hash", onetime.ResetPassword)
			},
			[]event{{"op", "authn_password_change", "reset", 1, 1}, {"op", "authn_token_revoked", "sessions_ended", 1, 1}},
			0, []string{"password_reset to alice@example.com"},
		},
		"first password": {
			func(ctx context.Context, f *fixture, q *gendb.Queries, user gendb.User) error {
				return f.ResetPassword(ctx, q, user, "new hash", onetime.Invitation)
			},
			[]event{{"op", "authn_password_change", "reset", 1, 1}, {"op", "authn_token_revoked", "sessions_ended", 1, 1}},
			0, nil,
		},
		"set email": {
			func(ctx context.Context, f *fixture, q *gendb.Queries, user gendb.User) error {
				return f.SetEmail(ctx, q, user, address(f.t, "new@example.com"))
			},
			[]event{{"op", "user_updated", "email_changed", 1, 1}},
			3, []string{"email_changed to alice@example.com", "verify_email to new@example.com"},
		},
		"confirm email": {
			func(ctx context.Context, f *fixture, q *gendb.Queries, user gendb.User) error {
				return f.ConfirmEmail(ctx, q, user, address(f.t, "new@example.com"))
			},
			[]event{{"op", "user_updated", "email_changed", 1, 1}},
			3, []string{"email_changed to alice@example.com"},
		},
		"disable": {
			func(ctx context.Context, f *fixture, q *gendb.Queries, user gendb.User) error {
				_, err := f.Disable(ctx, q, user)
				return err
			},
			[]event{{"op", "user_archived", "disabled", 1, 1}, {"op", "authn_token_revoked", "sessions_ended", 1, 1}},
			0, nil,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, f *fixture) {
				alice, bob := f.create("alice", accounts.RoleUser), f.create("bob", accounts.RoleUser)
				for _, user := range []gendb.User{alice, bob} {
					f.issue(user, every...)
					f.queue(user, mail.VerifyEmail, mail.ResetPassword, mail.ConfirmEmail, mail.Invitation, mail.UsernameChanged)
					f.login(user.ID)
				}
				f.must(f.in(request, func(ctx context.Context, q *gendb.Queries) error { // without a resolved owner
					return f.Mail.Add(ctx, q, mail.Message{Kind: mail.ResetPassword, Address: address(t, "alice@example.com")})
				}))
				f.login(alice.ID)
				own := f.login(alice.ID)
				hash := f.sessions(alice.ID)[2].TokenHash
				before := f.snapshot(bob)
				f.recorded()
				rotated, err := f.send(own, func(ctx context.Context, q *gendb.Queries) error {
					user, err := f.LockOwn(ctx, q)
					if err != nil {
						return err
					}
					return test.change(ctx, f, q, user)
				})
				f.must(err)
				f.wantRecorded(test.recorded...)
				wantList(t, "tokens", f.purposes(alice.ID))
				wantList(t, "queued mails", f.texts("SELECT kind || ' to ' || recipient FROM outbox WHERE recipient_key <> 'bob@example.com'"),
					append(test.mails, "username_changed to alice@example.com")...)
				left := f.sessions(alice.ID)
				if len(left) != test.sessions {
					t.Errorf("got %d sessions, want %d", len(left), test.sessions)
				}
				if test.sessions == 1 && (rotated == "" || rotated == own || bytes.Equal(left[0].TokenHash, hash)) {
					t.Error("the session of the request has kept its token")
				}
				if after := f.snapshot(bob); after != before {
					t.Errorf("another account has changed:\n%s\nwant\n%s", after, before)
				}
			})
		})
	}
}

func TestChangePassword_SetsPasswordAndVersion(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		alice := f.create("alice", accounts.RoleUser)
		_, err := f.send(f.login(alice.ID), func(ctx context.Context, q *gendb.Queries) error { return f.ChangePassword(ctx, q, alice, "new hash") })
		f.must(err)
		if got := f.user(alice.ID); *got.PasswordHash != "new hash" || got.PasswordVersion != alice.PasswordVersion+1 || got.EmailVerifiedAt != nil {
			t.Errorf("got %+v, want the new hash, the next version and the address as before", got)
		}
	})
}

// A request in flight must not set a password after its session was revoked.
func TestChangePassword_EndedSessionChangesNothing(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		alice := f.create("alice", accounts.RoleUser)
		f.issue(alice, onetime.ResetPassword)
		cookie := f.login(alice.ID)
		f.recorded()
		_, err := f.send(cookie, func(ctx context.Context, q *gendb.Queries) error {
			if err := f.Sessions.EndAll(ctx, q, alice.ID); err != nil {
				return err
			}
			return f.ChangePassword(ctx, q, alice, "new hash")
		})
		wantProblem(t, "ChangePassword", err, problem.LoginRequired)
		if got := f.user(alice.ID); *got.PasswordHash != *alice.PasswordHash {
			t.Errorf("the password hash is %s, want %s", *got.PasswordHash, *alice.PasswordHash)
		}
		wantList(t, "tokens", f.purposes(alice.ID), "reset_password")
		f.wantRecorded()
	})
}

func TestResetPassword_ConfirmsEmailAndTrustsNetwork(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		f.Registration = accounts.RegistrationVerified
		for _, purpose := range []onetime.Purpose{onetime.ResetPassword, onetime.Invitation} {
			before := f.create(string(purpose)[:5], accounts.RoleUser)
			f.must(f.change(before.ID, func(ctx context.Context, q *gendb.Queries, user gendb.User) error {
				return f.ResetPassword(ctx, q, user, "new hash", purpose)
			}))
			got := f.user(before.ID)
			if *got.PasswordHash != "new hash" || got.PasswordVersion != before.PasswordVersion+1 {
				t.Errorf("%s: got %+v, want the new hash and the next version", purpose, got)
			}
			if got.EmailVerifiedAt == nil || !got.EmailVerifiedAt.Equal(now) || got.UnconfirmedUntil != nil {
				t.Errorf("%s: got verified at %v, want %v", purpose, got.EmailVerifiedAt, now)
			}
		}
		if n := len(f.texts("SELECT network FROM login_attempts WHERE network <> ''")); n != 2 {
			t.Errorf("got %d trusted networks, want one for each account", n)
		}
		f.Attempts = nil
		carol := f.create("carol", accounts.RoleUser)
		f.must(f.change(carol.ID, func(ctx context.Context, q *gendb.Queries, user gendb.User) error {
			return f.ResetPassword(ctx, q, user, "new hash", onetime.ResetPassword)
		}))
	})
}

// setUsername changes a username in a transaction of its own.
func (f *fixture) setUsername(userID int64, username string) error {
	return f.change(userID, func(ctx context.Context, q *gendb.Queries, user gendb.User) error {
		return f.SetUsername(ctx, q, user, username)
	})
}

func TestSetUsername_ChangesNameAndFreesOldOne(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		alice := f.create("alice", accounts.RoleUser)
		f.login(alice.ID)
		f.issue(alice, onetime.ResetPassword)
		f.recorded()
		for _, test := range []struct {
			username, key string
			recorded      []event
		}{
			{"alice", "alice", nil},
			{"ALICE", "alice", []event{{"op", "user_updated", "username_changed", 0, alice.ID}}},
			{"Alicia", "alicia", []event{{"op", "user_updated", "username_changed", 0, alice.ID}}},
		} {
			f.must(f.setUsername(alice.ID, test.username))
			if got := f.user(alice.ID); got.Username != test.username || got.UsernameKey != test.key {
				t.Errorf("got %q with the key %q, want %q, %q", got.Username, got.UsernameKey, test.username, test.key)
			}
			f.wantRecorded(test.recorded...)
			wantList(t, "reservations", f.texts("SELECT username_key FROM reservations"))
		}
		f.must(f.register(request, "alice", "other@example.com"))
		if len(f.sessions(alice.ID)) != 1 || len(f.purposes(alice.ID)) != 1 {
			t.Error("the change has ended a session or voided a link")
		}
	})
}

func TestSetUsername_TakenOrReserved(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		alice := f.create("alice", accounts.RoleUser)
		f.create("bob", accounts.RoleUser)
		f.must(f.in(request, func(ctx context.Context, q *gendb.Queries) error {
			_, err := q.ReservationTake(ctx, gendb.ReservationTakeParams{UsernameKey: "carol", Now: f.clock, ExpiresAt: f.clock.Add(time.Hour)})
			return err
		}))
		f.recorded()
		for _, username := range []string{"bob", "BOB", "carol", "Carol"} {
			wantProblem(t, username, f.setUsername(alice.ID, username), problem.UsernameTaken)
		}
		if got := f.user(alice.ID); got.Username != "alice" {
			t.Errorf("the username is %q, want alice", got.Username)
		}
		wantList(t, "reservations", f.texts("SELECT username_key FROM reservations"), "carol")
		f.wantRecorded()
	})
}

// setEmail changes an address in a transaction of its own.
func (f *fixture) setEmail(userID int64, mailbox string) error {
	return f.change(userID, func(ctx context.Context, q *gendb.Queries, user gendb.User) error {
		return f.SetEmail(ctx, q, user, address(f.t, mailbox))
	})
}

// verified creates an account with a confirmed address.
func (f *fixture) verified(name string) gendb.User {
	f.t.Helper()
	user := f.create(name, accounts.RoleUser)
	f.must(f.change(user.ID, func(ctx context.Context, q *gendb.Queries, user gendb.User) error {
		_, err := f.MarkVerified(ctx, q, user)
		return err
	}))
	return f.user(user.ID)
}

func TestSetEmail_NewAddressIsUnconfirmed(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		alice := f.verified("alice")
		f.must(f.setEmail(alice.ID, "Alice@example.com")) // possibly another mailbox
		if got := f.user(alice.ID); got.Email != "Alice@example.com" || got.EmailKey != "alice@example.com" || got.EmailVerifiedAt != nil {
			t.Errorf("got %+v, want the address Alice@example.com, unconfirmed", got)
		}
		wantList(t, "queued mails", f.outbox(), "email_changed to alice@example.com", "verify_email to Alice@example.com")
	})
}

// The domain in another case is the same domain. The change needs no confirmation, and
// cancels a pending change.
func TestSetEmail_SameMailboxKeepsConfirmation(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		for _, mode := range []string{accounts.RegistrationOpen, accounts.RegistrationVerified} {
			f.Registration = mode
			alice := f.verified("alice-" + mode)
			f.issue(alice, every...)
			f.queue(alice, mail.ConfirmEmail, mail.ResetPassword)
			f.recorded()
			f.must(f.setEmail(alice.ID, "alice-"+mode+"@EXAMPLE.com"))
			if got := f.user(alice.ID); got.Email != "alice-"+mode+"@EXAMPLE.com" || got.EmailKey != alice.EmailKey || got.EmailVerifiedAt == nil {
				t.Errorf("%s: got %+v, want the new spelling, confirmed", mode, got)
			}
			f.wantRecorded(event{"op", "user_updated", "email_changed", 0, alice.ID})
			wantList(t, "tokens", f.purposes(alice.ID), "invitation", "reset_password", "verify_email")
			wantList(t, "queued mails", f.texts("SELECT kind FROM outbox WHERE user_id = $1", alice.ID), "reset_password")
		}
	})
}

func TestSetEmail_VerifiedModeMailsLinkFirst(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		f.Registration = accounts.RegistrationVerified
		alice := f.verified("alice")
		f.verified("bob")
		f.issue(alice, every...)
		f.recorded()
		for _, mailbox := range []string{"third@example.com", "bob@example.com"} { // the second is taken, which must not show
			f.must(f.setEmail(alice.ID, mailbox))
			f.wantRecorded(event{"op", "user_updated", "email_change_requested", 0, alice.ID})
			wantList(t, "queued mails", f.outbox(), "confirm_email to "+mailbox)
		}
		if got := f.user(alice.ID); got.Email != "alice@example.com" || got.EmailVerifiedAt == nil {
			t.Errorf("got %+v, want the confirmed address alice@example.com", got)
		}
		wantList(t, "tokens", f.purposes(alice.ID), "invitation", "reset_password", "verify_email")
	})
}

func TestSetEmail_TakenAddressChangesNothing(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		alice, bob := f.verified("alice"), f.verified("bob")
		f.issue(alice, every...)
		f.recorded()
		before, other := f.snapshot(alice), f.snapshot(bob)
		for _, mailbox := range []string{"bob@example.com", "BOB@Example.com"} {
			wantProblem(t, "SetEmail", f.setEmail(alice.ID, mailbox), problem.EmailInUse)
			wantProblem(t, "ConfirmEmail", f.change(alice.ID, func(ctx context.Context, q *gendb.Queries, user gendb.User) error {
				return f.ConfirmEmail(ctx, q, user, address(t, mailbox))
			}), problem.EmailInUse)
		}
		f.wantRecorded()
		if f.snapshot(alice) != before || f.snapshot(bob) != other || f.user(alice.ID).Email != "alice@example.com" {
			t.Error("a refusal has changed an account")
		}
	})
}

func TestConfirmEmail_StoresConfirmedAddress(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		f.Registration = accounts.RegistrationVerified
		alice := f.create("alice", accounts.RoleUser)
		f.clock = f.clock.Add(time.Hour)
		f.must(f.change(alice.ID, func(ctx context.Context, q *gendb.Queries, user gendb.User) error {
			return f.ConfirmEmail(ctx, q, user, address(t, "new@example.com"))
		}))
		if got := f.user(alice.ID); got.Email != "new@example.com" || got.EmailVerifiedAt == nil || !got.EmailVerifiedAt.Equal(f.clock) {
			t.Errorf("got %+v, want new@example.com, confirmed now", got)
		}
	})
}

// A failed transaction leaves neither the change nor its record.
func TestCredentialChanges_RollBackTogether(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		alice := f.create("alice", accounts.RoleUser)
		f.issue(alice, every...)
		f.queue(alice, mail.ResetPassword)
		f.login(alice.ID)
		before := f.snapshot(alice)
		f.recorded()
		fails := errors.New("fails")
		wantProblem(t, "transaction", f.change(alice.ID, func(ctx context.Context, q *gendb.Queries, user gendb.User) error {
			if err := f.ResetPassword(ctx, q, user, "new hash", onetime.ResetPassword); err != nil {
				return err
			}
			return fails
		}), fails)
		f.wantRecorded()
		if after := f.snapshot(alice); after != before {
			t.Errorf("got\n%s\nwant\n%s", after, before)
		}
	})
}
