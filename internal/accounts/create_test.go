package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/accounts"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/reqctx"
)

// register creates an account with a password and returns the error.
func (f *fixture) register(info *reqctx.Info, username, mailbox string) error {
	f.t.Helper()
	return f.in(info, func(ctx context.Context, q *gendb.Queries) error {
		_, err := f.Create(ctx, q, accounts.New{
			Username: username, Address: address(f.t, mailbox), Role: accounts.RoleUser, Locale: "en", PasswordHash: "hash of " + username,
		})
		return err
	})
}

func TestCreate_StoresAccount(t *testing.T) {
	tests := map[string]struct {
		registration, hash string
		info               *reqctx.Info
		until              *time.Time
		want               event
	}{
		"registration":          {accounts.RegistrationOpen, "hash", request, nil, event{"op", "user_created", "registered", 1, 1}},
		"verified registration": {accounts.RegistrationVerified, "hash", request, pointer(now.Add(7 * 24 * time.Hour)), event{"op", "user_created", "registered", 1, 1}},
		"invitation":            {accounts.RegistrationVerified, "", request, nil, event{"op", "user_created", "invited_as_admin", 0, 1}},
		"command line":          {accounts.RegistrationClosed, "", shell, nil, event{"shell", "user_created", "invited_as_admin", 0, 1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, f *fixture) {
				f.Registration = test.registration
				var user gendb.User
				f.must(f.in(test.info, func(ctx context.Context, q *gendb.Queries) (err error) {
					user, err = f.Create(ctx, q, accounts.New{
						Username: "Alice.B", Address: address(t, "Alice@Bücher.example"), Role: accounts.RoleAdmin, Locale: "de", PasswordHash: test.hash,
					})
					return err
				}))
				if got := f.user(user.ID); got.Username != "Alice.B" || got.UsernameKey != "alice.b" || got.Email != "Alice@Bücher.example" ||
					got.EmailKey != "alice@xn--bcher-kva.example" || got.Role != accounts.RoleAdmin || got.Locale != "de" || got.EmailVerifiedAt != nil || got.DisabledAt != nil {
					t.Errorf("got %+v, want Alice.B, Alice@Bücher.example, admin, de", got)
				}
				if hash := f.user(user.ID).PasswordHash; (hash == nil) != (test.hash == "") || hash != nil && *hash != test.hash {
					t.Errorf("got the hash %v, want %q", hash, test.hash)
				}
				if got := f.user(user.ID).UnconfirmedUntil; (got == nil) != (test.until == nil) || got != nil && !got.Equal(*test.until) {
					t.Errorf("unconfirmed until: got %v, want %v", got, test.until)
				}
				f.wantRecorded(test.want)
				wantList(t, "reservations", f.texts("SELECT username_key FROM reservations"))
			})
		})
	}
}

func TestCreate_TakenUsernameOrEmail(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		f.create("alice", accounts.RoleUser)
		f.recorded()
		for _, test := range []struct {
			username, mailbox string
			want              error
		}{
			{"alice", "other@example.com", problem.UsernameTaken},
			{"ALICE", "other@example.com", problem.UsernameTaken},
			{"other", "alice@example.com", problem.EmailTaken},
			{"other", "ALICE@EXAMPLE.COM", problem.EmailTaken},
			{"Alice", "Alice@example.com", problem.UsernameTaken},
		} {
			wantProblem(t, test.username+" "+test.mailbox, f.register(request, test.username, test.mailbox), test.want)
		}
		f.wantRecorded()
		if err := f.register(request, "other", "other@example.com"); err != nil {
			t.Errorf("a refusal has reserved the username: %v", err)
		}
	})
}

// In verified mode, a registration with a taken address gets the same answer as any
// other. So its username must count as taken, with its password, for as long as the
// username of an unconfirmed registration.
func TestCreate_TakenEmailKeepsReservation(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		f.Registration = accounts.RegistrationVerified
		f.create("alice", accounts.RoleUser)
		f.must(f.in(request, func(ctx context.Context, q *gendb.Queries) error {
			_, err := f.Create(ctx, q, accounts.New{
				Username: "Other", Address: address(t, "alice@example.com"), Role: accounts.RoleUser, Locale: "en", PasswordHash: "hash of other",
			})
			wantProblem(t, "taken address", err, problem.EmailTaken)
			return nil // as the handler does, to keep the reservation
		}))
		wantHash := func(login, want string) {
			t.Helper()
			if got, err := f.ReservedHash(t.Context(), login); err != nil || got != want {
				t.Errorf("reserved hash of %q: got %q, %v, want %q", login, got, err, want)
			}
		}
		wantHash("OTHER", "hash of other")
		wantHash("alice", "")
		wantHash("other@example.com", "")
		wantHash("other\x00", "")
		f.clock = f.clock.Add(accounts.UnconfirmedFor - time.Microsecond)
		wantProblem(t, "reserved username", f.register(request, "other", "other@example.com"), problem.UsernameTaken)
		f.clock = f.clock.Add(time.Microsecond)
		wantHash("other", "")
		if n, err := f.SweepReservations(t.Context()); n != 1 || err != nil {
			t.Errorf("swept %d reservations, %v, want 1", n, err)
		}
		f.must(f.register(request, "other", "other@example.com"))
	})
}

func TestCreate_ReplacesExpiredRegistration(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		f.Registration = accounts.RegistrationVerified
		expired := f.create("alice", accounts.RoleUser)
		f.clock = f.clock.Add(accounts.UnconfirmedFor - time.Microsecond)
		wantProblem(t, "unconfirmed for less than a week", f.register(request, "alice", "new@example.com"), problem.UsernameTaken)
		f.clock = f.clock.Add(time.Microsecond)
		if !accounts.Expired(f.user(expired.ID), f.clock) {
			t.Error("the registration is not expired after a week")
		}
		f.must(f.register(request, "bob", "alice@example.com"))
		_, err := f.Find(t.Context(), expired.ID)
		wantProblem(t, "the expired registration", err, problem.NotFound)
	})
}

func TestSweepUnconfirmed_DeletesExpiredRegistrationsOnly(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		open := f.create("open", accounts.RoleUser)
		f.Registration = accounts.RegistrationVerified
		f.create("expired", accounts.RoleUser)
		confirmed, promoted := f.create("confirmed", accounts.RoleUser), f.create("promoted", accounts.RoleUser)
		f.must(f.change(confirmed.ID, func(ctx context.Context, q *gendb.Queries, user gendb.User) error {
			_, err := f.MarkVerified(ctx, q, user)
			return err
		}))
		f.must(f.change(promoted.ID, func(ctx context.Context, q *gendb.Queries, user gendb.User) error {
			_, err := f.SetRole(ctx, q, user, accounts.RoleModerator)
			return err
		}))
		f.clock = f.clock.Add(accounts.UnconfirmedFor)
		if n, err := f.SweepUnconfirmed(t.Context()); n != 1 || err != nil {
			t.Errorf("swept %d registrations, %v, want 1", n, err)
		}
		for _, kept := range []gendb.User{open, confirmed, promoted} {
			f.user(kept.ID)
		}
	})
}

// The unique indexes decide which of two concurrent requests gets the name.
func TestCreate_ConcurrentDuplicatesCreateOneAccount(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		for round := range 10 {
			errs := make([]error, 4)
			var wait sync.WaitGroup
			for i := range errs {
				wait.Go(func() {
					username, mailbox := fmt.Sprintf("round%d", round), fmt.Sprintf("mailbox%d@example.com", round)
					if i%2 == 1 { // the same address, another username
						username = fmt.Sprintf("round%d.%d", round, i)
					}
					errs[i] = f.register(request, username, mailbox)
				})
			}
			wait.Wait()
			created := 0
			for _, err := range errs {
				switch {
				case err == nil:
					created++
				case !errors.Is(err, problem.UsernameTaken) && !errors.Is(err, problem.EmailTaken):
					t.Errorf("got %v, want a taken username or email", err)
				}
			}
			if created != 1 {
				t.Errorf("created %d accounts, want 1", created)
			}
		}
	})
}

// In verified mode, an unconfirmed account cannot be found by email. Otherwise a
// registration with a known password, and a login with it, would reveal whether the
// address had an account before.
func TestForLogin_IgnoresUnconfirmedEmailAndExpiredRegistration(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		f.Registration = accounts.RegistrationVerified
		alice := f.create("alice", accounts.RoleUser)
		finds := func(login string, want bool) {
			t.Helper()
			user, err := f.ForLogin(t.Context(), login)
			if found := err == nil && user.ID == alice.ID; found != want {
				t.Errorf("%q: got %+v, %v, want found %v", login, user, err, want)
			}
		}
		finds("ALICE", true)
		finds("alice@example.com", false)
		finds("bob", false)
		finds("alice\x00", false)
		finds("alice@", false)
		f.clock = f.clock.Add(accounts.UnconfirmedFor)
		finds("alice", false)
		f.clock = now
		f.must(f.change(alice.ID, func(ctx context.Context, q *gendb.Queries, user gendb.User) error {
			_, err := f.MarkVerified(ctx, q, user)
			return err
		}))
		f.clock = f.clock.Add(accounts.UnconfirmedFor)
		finds("Alice@Example.com", true)
		finds("alice", true)
	})
}
