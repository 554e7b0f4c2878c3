package accounts_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/accounts"
)

var now = time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)

func pointer[T any](v T) *T { return &v }

// add makes accounts of every kind, n of each: user0, user1 and so on.
func add(t testing.TB, d *db.DB, n int) {
	t.Helper()
	roles := []string{accounts.RoleUser, accounts.RoleModerator, accounts.RoleAdmin}
	for i := range n * 12 {
		name := fmt.Sprintf("user%d", i)
		err := d.Tx(t.Context(), func(q *gendb.Queries) error {
			id, err := q.UserCreate(t.Context(), gendb.UserCreateParams{
				Username: name, UsernameKey: name, Email: name + "@example.com", EmailKey: name + "@example.com",
				Role: roles[i%3], Locale: "en", Now: now,
			})
			if err == nil && i/3%2 == 0 {
				_, err = q.UserMarkVerified(t.Context(), gendb.UserMarkVerifiedParams{ID: id, Now: &now})
			}
			if err == nil && i/6%2 == 0 {
				_, err = q.UserSetDisabled(t.Context(), gendb.UserSetDisabledParams{ID: id, DisabledAt: &now, Now: now})
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// filters are all combinations of the filters beside the search.
func filters() (list []accounts.Filter) {
	for _, role := range []string{"", accounts.RoleUser, accounts.RoleModerator, accounts.RoleAdmin} {
		for _, disabled := range []*bool{nil, pointer(false), pointer(true)} {
			for _, verified := range []*bool{nil, pointer(false), pointer(true)} {
				list = append(list, accounts.Filter{Role: role, Disabled: disabled, Verified: verified})
			}
		}
	}
	return list
}

func named(f accounts.Filter) string {
	name := fmt.Sprintf("search=%q role=%q", f.Search, f.Role)
	if f.Disabled != nil {
		name += fmt.Sprintf(" disabled=%v", *f.Disabled)
	}
	if f.Verified != nil {
		name += fmt.Sprintf(" verified=%v", *f.Verified)
	}
	return name
}

// everyPage walks through the pages and returns the names on them.
func everyPage(t testing.TB, k *accounts.Manager, f accounts.Filter, limit int) (names []string) {
	t.Helper()
	from := ""
	for {
		page, next, err := k.List(t.Context(), f, from, limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) > limit {
			t.Errorf("%s: %d accounts on a page of %d", named(f), len(page), limit)
		}
		for _, u := range page {
			names = append(names, u.Username)
		}
		if next == "" {
			return names
		}
		if next == from {
			t.Fatalf("%s: the page at %q leads to itself", named(f), from)
		}
		from = next
	}
}

// Every account that a filter keeps comes once, in the same order, whatever the
// size of the pages.
func TestPagesOfEveryFilterAddUpToTheList(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		add(t, d, 3)
		k := &accounts.Manager{DB: d}
		for _, f := range filters() {
			var want []string
			for i := range 36 {
				u := user(i)
				if (f.Role == "" || f.Role == u.role) && (f.Disabled == nil || *f.Disabled == u.disabled) && (f.Verified == nil || *f.Verified == u.verified) {
					want = append(want, u.name)
				}
			}
			for _, limit := range []int{1, 2, 5, 200} {
				if got := everyPage(t, k, f, limit); !slices.Equal(got, want) {
					t.Errorf("%s by %d: got %v, want %v", named(f), limit, got, want)
				}
			}
			f.Search = "USER1"
			slices.Sort(want)
			want = slices.DeleteFunc(want, func(name string) bool { return !strings.HasPrefix(name, "user1") })
			for _, limit := range []int{1, 2, 5, 200} {
				if got := everyPage(t, k, f, limit); !slices.Equal(got, want) {
					t.Errorf("%s by %d: got %v, want %v", named(f), limit, got, want)
				}
			}
		}
	})
}

type expected struct {
	name, role         string
	disabled, verified bool
}

// user says what add has made of the i-th account.
func user(i int) expected {
	roles := []string{accounts.RoleUser, accounts.RoleModerator, accounts.RoleAdmin}
	return expected{fmt.Sprintf("user%d", i), roles[i%3], i/6%2 == 0, i/3%2 == 0}
}

func TestSearchFindsNamesAndThenAddresses(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		for name, address := range map[string]string{
			"anna": "zoe@example.com", "Anton": "anton@example.com", "berta": "Anna.B@example.com", "carl": "carl@xn--bcher-kva.example", "an_x": "q@example.com", "a.b": "r@example.com",
		} {
			_, err := d.UserCreate(t.Context(), gendb.UserCreateParams{
				Username: name, UsernameKey: accounts.UsernameKey(name), Email: address, EmailKey: strings.ToLower(address),
				Role: accounts.RoleUser, Locale: "en", Now: now,
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		k := &accounts.Manager{DB: d}
		for search, want := range map[string][]string{
			"an": {"an_x", "anna", "Anton", "berta"}, "ANN": {"anna", "berta"}, "anna": {"anna", "berta"}, "anna.b@": {"berta"},
			"an_": {"an_x"}, "an%": nil, "_n": nil, "nna": nil, "carl@bücher.example": {"carl"}, "carl@bü": nil, "carl@x": {"carl"},
			"' OR 1=1 --": nil, "a.b": {"a.b"}, "a\\": nil, "\xff\xfe": nil, "zoe@example.com": {"anna"}, "\U0010ffff": nil, strings.Repeat("a", 254): nil,
		} {
			for _, limit := range []int{1, 3, 200} {
				if got := everyPage(t, k, accounts.Filter{Search: search}, limit); !slices.Equal(got, want) {
					t.Errorf("%q by %d: got %q, want %q", search, limit, got, want)
				}
			}
		}
	})
}
