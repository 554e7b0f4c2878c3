package accounts_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/accounts"
	"github.com/techtreks/auth/internal/email"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/ratelimit"
	"github.com/techtreks/auth/internal/reqctx"
)

// An operation of an administrator on an account.
type operation func(ctx context.Context, f *fixture, q *gendb.Queries, user gendb.User) error

func setRole(role string) operation {
	return func(ctx context.Context, f *fixture, q *gendb.Queries, user gendb.User) error {
		got, err := f.SetRole(ctx, q, user, role)
		if err == nil && got.Role != role {
			err = errors.New("SetRole has returned the role " + got.Role)
		}
		return err
	}
}

func disable(ctx context.Context, f *fixture, q *gendb.Queries, user gendb.User) error {
	got, err := f.Disable(ctx, q, user)
	if err == nil && got.DisabledAt == nil {
		err = errors.New("Disable has returned an active account")
	}
	return err
}

func enable(ctx context.Context, f *fixture, q *gendb.Queries, user gendb.User) error {
	got, err := f.Enable(ctx, q, user)
	if err == nil && got.DisabledAt != nil {
		err = errors.New("Enable has returned a disabled account")
	}
	return err
}

func markVerified(ctx context.Context, f *fixture, q *gendb.Queries, user gendb.User) error {
	got, err := f.MarkVerified(ctx, q, user)
	if err == nil && got.EmailVerifiedAt == nil {
		err = errors.New("MarkVerified has returned an unverified account")
	}
	return err
}

func remove(ctx context.Context, f *fixture, q *gendb.Queries, user gendb.User) error {
	return f.Delete(ctx, q, user)
}

// administer runs an operation on an account in a transaction.
func (f *fixture) administer(info *reqctx.Info, userID int64, do operation) error {
	return f.in(info, func(ctx context.Context, q *gendb.Queries) error {
		user, err := f.Lock(ctx, q, userID)
		if err != nil {
			return err
		}
		return do(ctx, f, q, user)
	})
}

// Every operation is recorded once, with the operation and the actor of the context. A
// second call changes nothing and records nothing.
func TestAdministration_RecordsChangesOnce(t *testing.T) {
	admin := *request
	admin.Actor = 1
	steps := []struct {
		do            operation
		event, reason string
	}{
		{setRole(accounts.RoleModerator), "authz_change", "user_to_moderator"},
		{setRole(accounts.RoleAdmin), "authz_change", "moderator_to_admin"},
		{setRole(accounts.RoleUser), "authz_change", "admin_to_user"},
		{markVerified, "user_updated", "email_verified"},
		{disable, "user_archived", "disabled"},
		{enable, "user_updated", "enabled"},
		{remove, "user_deleted", ""},
	}
	for name, by := range map[string]*reqctx.Info{"request": &admin, "command line": shell} {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, f *fixture) {
				f.create("admin", accounts.RoleAdmin)
				alice := f.create("alice", accounts.RoleUser)
				f.recorded()
				for _, step := range steps {
					f.must(f.administer(by, alice.ID, step.do))
					f.wantRecorded(event{by.Operation, step.event, step.reason, by.Actor, alice.ID})
					if step.event == "user_deleted" {
						break
					}
					f.must(f.administer(by, alice.ID, step.do))
					f.wantRecorded()
				}
			})
		})
	}
}

// A command that ends the sessions of a logged-in person has the operation of the command
// in both events.
func TestDisable_RecordsEndedSessionsWithOperationOfCommand(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		alice := f.create("alice", accounts.RoleUser)
		f.login(alice.ID)
		f.recorded()
		f.must(f.administer(shell, alice.ID, disable))
		f.wantRecorded(event{"shell", "user_archived", "disabled", 0, alice.ID}, event{"shell", "authn_token_revoked", "sessions_ended", 0, alice.ID})
	})
}

func TestEnable_KeepsPassword(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		alice := f.create("alice", accounts.RoleUser)
		for _, do := range []operation{disable, enable} {
			f.must(f.administer(request, alice.ID, do))
		}
		if got := f.user(alice.ID); got.DisabledAt != nil || *got.PasswordHash != *alice.PasswordHash || got.PasswordVersion != alice.PasswordVersion {
			t.Errorf("got %+v, want the account as it was", got)
		}
	})
}

func TestKeepAdmin_RejectsRemovalOfLastActiveAdmin(t *testing.T) {
	losses := map[string]operation{"role moderator": setRole(accounts.RoleModerator), "role user": setRole(accounts.RoleUser), "disable": disable, "delete": remove}
	for name, lose := range losses {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, f *fixture) {
				last, disabled := f.create("last", accounts.RoleAdmin), f.create("disabled", accounts.RoleAdmin)
				f.must(f.administer(request, disabled.ID, disable))
				f.login(last.ID)
				f.recorded()
				before := f.snapshot(last)
				wantProblem(t, name, f.administer(request, last.ID, lose), problem.LastAdmin)
				f.wantRecorded()
				if f.snapshot(last) != before || f.user(last.ID).Role != accounts.RoleAdmin {
					t.Error("the refusal has changed the account")
				}
				f.must(f.administer(request, last.ID, setRole(accounts.RoleAdmin))) // no change
				f.must(f.administer(request, disabled.ID, lose))                    // not active, so it does not count
				f.create("second", accounts.RoleAdmin)
				f.must(f.administer(request, last.ID, lose))
			})
		})
	}
}

// Of two administrators who lose the role concurrently, the second waits for the first
// and sees its result.
func TestKeepAdmin_ConcurrentRemovalsKeepOne(t *testing.T) {
	losses := []operation{setRole(accounts.RoleUser), disable, remove}
	run(t, func(t *testing.T, f *fixture) {
		for round := range 18 {
			admins := []gendb.User{f.create("first", accounts.RoleAdmin), f.create("second", accounts.RoleAdmin)}
			errs := make([]error, len(admins))
			var wait sync.WaitGroup
			for i, admin := range admins {
				lose := losses[(round/(1+2*i))%len(losses)]
				wait.Go(func() { errs[i] = f.administer(request, admin.ID, lose) })
			}
			wait.Wait()
			if refused := errors.Is(errs[0], problem.LastAdmin); refused == errors.Is(errs[1], problem.LastAdmin) || !refused && errs[0] != nil || refused && errs[1] != nil {
				t.Fatalf("round %d: got %v and %v, want one success and one last_admin", round, errs[0], errs[1])
			}
			if n := len(f.texts("SELECT username FROM users WHERE role = 'admin' AND disabled_at IS NULL")); n != 1 {
				t.Fatalf("round %d: got %d active administrators, want 1", round, n)
			}
			if _, err := f.DB.ExecContext(t.Context(), "DELETE FROM users"); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestDelete_DeletesEverythingOfTheAccount(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		alice, bob := f.create("alice", accounts.RoleUser), f.create("bob", accounts.RoleUser)
		for _, user := range []gendb.User{alice, bob} {
			f.issue(user, every...)
			f.queue(user, mail.VerifyEmail, mail.PasswordChanged)
			f.login(user.ID)
			f.must(f.in(request, func(ctx context.Context, q *gendb.Queries) error {
				if err := f.Mail.Add(ctx, q, mail.Message{Kind: mail.AlreadyRegistered, Address: address(t, user.Email)}); err != nil {
					return err
				}
				return f.Attempts.Trust(ctx, q, ratelimit.UserKey(user.ID), "192.0.2.1")
			}))
		}
		before := f.snapshot(bob)
		f.must(f.administer(request, alice.ID, remove))
		if f.snapshot(bob) != before {
			t.Error("the deletion has changed another account")
		}
		_, err := f.Find(t.Context(), alice.ID)
		wantProblem(t, "Find", err, problem.NotFound)
		for _, table := range []string{"sessions", "tokens", "outbox"} {
			owners := f.texts("SELECT COALESCE(user_id, 0) FROM " + table)
			for _, owner := range owners {
				if owner != "0" && owner != "2" {
					t.Errorf("%s has a row of the account %s, want none but of bob", table, owner)
				}
			}
		}
		wantList(t, "queued mails", f.outbox(), "verify_email to bob@example.com", "password_changed to bob@example.com", "already_registered to bob@example.com")
		if n := len(f.texts("SELECT subject FROM login_attempts")); n != 1 {
			t.Errorf("got %d rows of login attempts, want the one of bob", n)
		}
		f.Attempts = nil
		f.must(f.administer(request, bob.ID, remove))
		f.must(f.register(request, "alice", "alice@example.com"))
	})
}

// owner returns an account with or without a password.
func (f *fixture) owner(name, hash string) (user gendb.User) {
	f.t.Helper()
	f.must(f.in(request, func(ctx context.Context, q *gendb.Queries) (err error) {
		user, err = f.Create(ctx, q, accounts.New{
			Username: name, Address: email.Address{Display: name + "@example.com", Key: name + "@example.com"},
			Role: accounts.RoleUser, Locale: "en", PasswordHash: hash,
		})
		return err
	}))
	return user
}

func TestSendLink_InvitesOrResets(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		invited, active := f.owner("invited", ""), f.owner("active", "hash")
		send := func(ctx context.Context, f *fixture, q *gendb.Queries, user gendb.User) error {
			return f.SendLink(ctx, q, user)
		}
		f.recorded()
		for _, user := range []gendb.User{invited, active} {
			f.must(f.administer(shell, user.ID, send))
			f.wantRecorded(event{"shell", "authz_admin", "link_sent", 0, user.ID})
		}
		wantList(t, "queued mails", f.outbox(), "invitation to invited@example.com", "reset_password to active@example.com")
		f.must(f.administer(request, active.ID, disable))
		f.recorded()
		wantProblem(t, "disabled account", f.administer(shell, active.ID, send), problem.RecipientDisabled)
		f.Mail.Off = true
		wantProblem(t, "server without mail", f.administer(shell, invited.ID, send), problem.MailOff)
		f.wantRecorded()
	})
}

func TestLink_InvitesOrResetsAndReplacesOlderLink(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		invited, active := f.owner("invited", ""), f.owner("active", "hash")
		var link string
		show := func(ctx context.Context, f *fixture, q *gendb.Queries, user gendb.User) (err error) {
			link, err = f.Link(ctx, q, user)
			return err
		}
		f.recorded()
		for user, page := range map[*gendb.User]string{&invited: "accept-invitation", &active: "reset-password"} {
			f.must(f.administer(shell, user.ID, show))
			f.wantRecorded(event{"shell", "authz_admin", "link_shown", 0, user.ID})
			first := link
			f.must(f.administer(shell, user.ID, show))
			f.recorded()
			if prefix := "https://app.example.com/" + page + "#token="; !strings.HasPrefix(first, prefix) || !strings.HasPrefix(link, prefix) || first == link {
				t.Errorf("got %s, then %s, want two links that begin with %s", first, link, prefix)
			}
			if n := len(f.purposes(user.ID)); n != 1 {
				t.Errorf("got %d tokens, want 1", n)
			}
		}
		f.must(f.administer(request, active.ID, disable))
		f.recorded()
		wantProblem(t, "disabled account", f.administer(shell, active.ID, show), problem.RecipientDisabled)
		f.Links.FrontendURL = ""
		wantProblem(t, "no frontend", f.administer(shell, invited.ID, show), accounts.ErrNoFrontend)
		f.wantRecorded()
	})
}
