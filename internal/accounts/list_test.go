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

// addAccounts creates n accounts of every combination: user0, user1 and so on.
func addAccounts(t testing.TB, d *db.DB, n int) {
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

// filters returns all combinations of the filters, without a search.
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

// named returns a text for failure messages.
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

// allPages returns the usernames on all pages.
func allPages(t testing.TB, m *accounts.Manager, f accounts.Filter, limit int) (names []string) {
	t.Helper()
	from := ""
	for {
		page, next, err := m.List(t.Context(), f, from, limit)
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
			t.Fatalf("%s: the page at %q has itself as the next page", named(f), from)
		}
		from = next
	}
}

// Every matching account is on exactly one page, in the same order for every page size.
func TestList_PagesContainEachMatchOnce(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		addAccounts(t, d, 3)
		m := &accounts.Manager{DB: d}
		for _, f := range filters() {
			var want []string
			for i := range 36 {
				u := user(i)
				if (f.Role == "" || f.Role == u.role) && (f.Disabled == nil || *f.Disabled == u.disabled) && (f.Verified == nil || *f.Verified == u.verified) {
					want = append(want, u.name)
				}
			}
			for _, limit := range []int{1, 2, 5, 200} {
				if got := allPages(t, m, f, limit); !slices.Equal(got, want) {
					t.Errorf("%s, limit %d: got %v, want %v", named(f), limit, got, want)
				}
			}
			f.Search = "USER1"
			slices.Sort(want)
			want = slices.DeleteFunc(want, func(name string) bool { return !strings.HasPrefix(name, "user1") })
			for _, limit := range []int{1, 2, 5, 200} {
				if got := allPages(t, m, f, limit); !slices.Equal(got, want) {
					t.Errorf("%s, limit %d: got %v, want %v", named(f), limit, got, want)
				}
			}
		}
	})
}

type expected struct {
	name, role         string
	disabled, verified bool
}

// user returns the expected account number i of addAccounts.
func user(i int) expected {
	roles := []string{accounts.RoleUser, accounts.RoleModerator, accounts.RoleAdmin}
	return expected{fmt.Sprintf("user%d", i), roles[i%3], i/6%2 == 0, i/3%2 == 0}
}

func TestList_SearchReturnsUsernamesThenAddresses(t *testing.T) {
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
		m := &accounts.Manager{DB: d}
		for search, want := range map[string][]string{
			"an": {"an_x", "anna", "Anton", "berta"}, "ANN": {"anna", "berta"}, "anna": {"anna", "berta"}, "anna.b@": {"berta"},
			"an_": {"an_x"}, "an%": nil, "_n": nil, "nna": nil, "carl@bücher.example": {"carl"}, "carl@bü": nil, "carl@x": {"carl"},
			"' OR 1=1 --": nil, "a.b": {"a.b"}, "a\\": nil, "\xff\xfe": nil, "zoe@example.com": {"anna"}, "\U0010ffff": nil, strings.Repeat("a", 254): nil,
		} {
			for _, limit := range []int{1, 3, 200} {
				if got := allPages(t, m, accounts.Filter{Search: search}, limit); !slices.Equal(got, want) {
					t.Errorf("%q, limit %d: got %q, want %q", search, limit, got, want)
				}
			}
		}
	})
}
