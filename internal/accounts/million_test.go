package accounts_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	"github.com/techtreks/auth/internal/accounts"
)

// BenchmarkListMillion proves the claim of docs/administration.md about long lists: a
// page costs the same with a thousand accounts and with a million, and its queries use
// indexes. Inserting takes a while, so only "make million" runs it.
func BenchmarkListMillion(b *testing.B) {
	dbtest.Run(b, func(b *testing.B, d *db.DB) {
		size := 0
		for _, until := range []int{1_000, 1_000_000} {
			fill(b, d, size, until)
			if size = until; size > 20_000 {
				noListReadsAll(b, d) // PostgreSQL rightly reads the whole of a small table
			}
			k := &accounts.Manager{DB: d}
			for _, page := range []struct {
				name, from string
				filter     accounts.Filter
			}{
				{name: "first page"},
				{name: "middle page", from: strconv.Itoa(size / 2)},
				{name: "administrators", filter: accounts.Filter{Role: accounts.RoleAdmin}},
				{name: "disabled accounts", filter: accounts.Filter{Disabled: pointer(true)}},
				{name: "one username", filter: accounts.Filter{Search: fmt.Sprintf("user%d", size-7)}},
				{name: "prefix of many usernames", filter: accounts.Filter{Search: "user1"}},
				{name: "administrators with a prefix of many usernames", filter: accounts.Filter{Search: "user1", Role: accounts.RoleAdmin}},
			} {
				b.Run(fmt.Sprintf("%s of %d", page.name, size), func(b *testing.B) {
					for b.Loop() {
						if _, _, err := k.List(b.Context(), page.filter, page.from, 50); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
			b.Run(fmt.Sprintf("login among %d", size), func(b *testing.B) {
				for b.Loop() {
					if _, err := accounts.ByLogin(b.Context(), d.Queries, "USER500@example.com"); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}
