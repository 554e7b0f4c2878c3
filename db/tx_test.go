package db_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	gendb "github.com/techtreks/auth/gen/db"
)

// noon has more fractional digits than either database stores.
var noon = time.Date(2026, 3, 29, 12, 0, 0, 123456789, time.FixedZone("CEST", 2*60*60))

func newUser(name string) gendb.UserCreateParams {
	return gendb.UserCreateParams{
		Username: name, UsernameKey: name, Email: name + "@example.com", EmailKey: name + "@example.com",
		Role: "user", Now: noon,
	}
}

func mustCreate(t testing.TB, d *db.DB, name string) int64 {
	t.Helper()
	id, err := d.UserCreate(t.Context(), newUser(name))
	if err != nil {
		t.Fatalf("create %s: %v", name, err)
	}
	return id
}

func count(t testing.TB, d *db.DB, table string) (n int) {
	t.Helper()
	if err := d.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestOpen_IsReadyAndWritable(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		if err := d.Ready(t.Context()); err != nil {
			t.Errorf("not ready: %v", err)
		}
		mustCreate(t, d, "ada")
		if u, err := d.UserByUsernameKey(t.Context(), "ada"); err != nil || u.Email != "ada@example.com" {
			t.Errorf("read back %+v, %v", u, err)
		}
	})
}

// A row must have the same times on both databases and in every time zone.
func TestDB_ReturnsTimesInUTCMicroseconds(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		mustCreate(t, d, "ada")
		u, err := d.UserByUsernameKey(t.Context(), "ada")
		if err != nil {
			t.Fatal(err)
		}
		if want := noon.UTC().Truncate(time.Microsecond); u.CreatedAt != want {
			t.Errorf("time is %v, want %v", u.CreatedAt, want)
		}
		if _, err := d.ExecContext(t.Context(), "UPDATE users SET disabled_at = $1", noon); err != nil {
			t.Fatal(err)
		}
		u, err = d.UserByUsernameKey(t.Context(), "ada")
		if err != nil {
			t.Fatal(err)
		}
		if want := noon.UTC().Truncate(time.Microsecond); u.DisabledAt == nil || *u.DisabledAt != want {
			t.Errorf("nullable time is %v, want %v", u.DisabledAt, want)
		}
	})
}

func TestTx_CommitsOrRollsBack(t *testing.T) {
	failure := errors.New("no")
	tests := []struct {
		name  string
		fn    func(ctx context.Context, q *gendb.Queries) error
		err   error
		panic any
		rows  int
	}{
		{name: "commits", rows: 1, fn: func(ctx context.Context, q *gendb.Queries) error {
			_, err := q.UserCreate(ctx, newUser("ada"))
			return err
		}},
		{name: "sees its own writes", rows: 1, fn: func(ctx context.Context, q *gendb.Queries) error {
			if _, err := q.UserCreate(ctx, newUser("ada")); err != nil {
				return err
			}
			_, err := q.UserByUsernameKey(ctx, "ada")
			return err
		}},
		{name: "rolls back on an error", err: failure, fn: func(ctx context.Context, q *gendb.Queries) error {
			if _, err := q.UserCreate(ctx, newUser("ada")); err != nil {
				return err
			}
			return failure
		}},
		{name: "rolls back on a panic", panic: "boom", fn: func(ctx context.Context, q *gendb.Queries) error {
			if _, err := q.UserCreate(ctx, newUser("ada")); err != nil {
				return err
			}
			panic("boom")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dbtest.Run(t, func(t *testing.T, d *db.DB) {
				var recovered any
				err := func() error {
					defer func() { recovered = recover() }()
					return d.Tx(t.Context(), func(q *gendb.Queries) error { return tt.fn(t.Context(), q) })
				}()
				if !errors.Is(err, tt.err) || recovered != tt.panic {
					t.Errorf("got error %v, panic %v", err, recovered)
				}
				if n := count(t, d, "users"); n != tt.rows {
					t.Errorf("%d rows, want %d", n, tt.rows)
				}
				mustCreate(t, d, "bob") // the connection is usable again
			})
		})
	}
}

func TestTx_CancelledContextRollsBack(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		err := d.Tx(ctx, func(q *gendb.Queries) error {
			_, err := q.UserCreate(ctx, newUser("ada"))
			cancel()
			return err
		})
		if !errors.Is(err, context.Canceled) || db.IsUnavailable(err) {
			t.Errorf("got %v, unavailable %v", err, db.IsUnavailable(err))
		}
		if n := count(t, d, "users"); n != 0 {
			t.Errorf("%d rows, want none", n)
		}
	})
}

func TestView_SeesOneSnapshotAndCannotWrite(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		mustCreate(t, d, "ada")
		err := d.View(t.Context(), func(q *gendb.Queries) error {
			before, err := q.UserByUsernameKey(t.Context(), "ada")
			if err != nil {
				return err
			}
			mustCreate(t, d, "bob")
			if _, err := d.ExecContext(t.Context(), "UPDATE users SET role = 'admin'"); err != nil {
				return err
			}
			if after, err := q.UserByUsernameKey(t.Context(), "ada"); err != nil || after != before {
				t.Errorf("the row changed inside the view: %+v, %v", after, err)
			}
			if _, err := q.UserByUsernameKey(t.Context(), "bob"); !errors.Is(err, sql.ErrNoRows) {
				t.Errorf("a row that was inserted later: %v", err)
			}
			if _, err := q.UserCreate(t.Context(), newUser("carl")); err == nil {
				t.Error("a view wrote a row")
			}
			return nil
		})
		if n := count(t, d, "users"); err != nil || n != 2 {
			t.Errorf("%d accounts, %v", n, err)
		}
	})
}

// The unique index decides who gets a name. A check before the insert would let
// two concurrent registrations pass.
func TestIsUnique_OneOfManyInsertsWins(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		const n = 100
		var won, lost atomic.Int64
		each(n, func(i int) {
			_, err := d.ExecContext(t.Context(), `INSERT INTO users
				(username, username_key, email, email_key, role, created_at, updated_at)
				VALUES ('ada', 'ada', $1, $1, 'user', $2, $2)`, fmt.Sprint(i), noon)
			switch {
			case err == nil:
				won.Add(1)
			case db.IsUnique(err) && !db.IsUnavailable(err):
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
		if won.Load() != 1 || lost.Load() != n-1 {
			t.Errorf("%d won and %d lost", won.Load(), lost.Load())
		}
	})
}

// A transaction that reads and then writes fails with SQLITE_BUSY on SQLite if it
// begins without the write lock. Four handles stand for four processes on one
// database.
func TestTx_ReadThenWriteDoesNotFailWithBusy(t *testing.T) {
	everyKind(t, func(t *testing.T, _ db.Kind, url string) {
		const n, rounds = 50, 4
		handles := make([]*db.DB, 4)
		for i := range handles {
			handles[i] = openURL(t, url)
			handles[i].SetWait(time.Minute) // this test does not measure speed
		}
		each(n, func(i int) {
			d := handles[i%len(handles)]
			for round := range rounds {
				name := fmt.Sprintf("u%d.%d", i, round)
				err := d.Tx(t.Context(), func(q *gendb.Queries) error {
					if _, err := q.UserByUsernameKey(t.Context(), name); err == nil {
						return errors.New("the user exists already")
					}
					_, err := q.UserCreate(t.Context(), newUser(name))
					return err
				})
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
		if got := count(t, handles[0], "users"); got != n*rounds {
			t.Errorf("%d rows, want %d", got, n*rounds)
		}
	})
}

// each runs fn n times in parallel and starts all calls together.
func each(n int, fn func(i int)) {
	var done sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		done.Go(func() {
			<-start
			fn(i)
		})
	}
	close(start)
	done.Wait()
}

type queries = gendb.Queries

var rehash = gendb.UserPasswordRehashParams{Now: noon}

func createUsers(ctx context.Context, names ...string) func(*queries) error {
	return func(q *queries) error {
		for _, name := range names {
			if _, err := q.UserCreate(ctx, newUser(name)); err != nil {
				return err
			}
		}
		return nil
	}
}
