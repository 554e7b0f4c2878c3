package accounts_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	"github.com/techtreks/auth/internal/accounts"
)

// BenchmarkListMillion is what docs/administration.md says of the list: a page costs
// the same with a thousand accounts and with a million, and reads none but through an
// index. Filling takes a while, so that "make million" runs it and nothing else.
func BenchmarkListMillion(b *testing.B) {
	dbtest.Run(b, func(b *testing.B, d *db.DB) {
		size := 0
		for _, until := range []int{1_000, 1_000_000} {
			fill(b, d, size, until)
			if size = until; size > 20_000 {
				noListReadsAll(b, d) // of a few accounts PostgreSQL rightly reads all
			}
			k := &accounts.Manager{DB: d}
			for _, page := range []struct {
				name, from string
				filter     accounts.Filter
			}{
				{name: "the first page"},
				{name: "a page in the middle", from: strconv.Itoa(size / 2)},
				{name: "administrators", filter: accounts.Filter{Role: accounts.RoleAdmin}},
				{name: "disabled accounts", filter: accounts.Filter{Disabled: pointer(true)}},
				{name: "a name", filter: accounts.Filter{Search: fmt.Sprintf("user%d", size-7)}},
				{name: "the beginning of many names", filter: accounts.Filter{Search: "user1"}},
				{name: "administrators among many names", filter: accounts.Filter{Search: "user1", Role: accounts.RoleAdmin}},
			} {
				b.Run(fmt.Sprintf("%s of %d", page.name, size), func(b *testing.B) {
					for b.Loop() {
						if _, _, err := k.List(b.Context(), page.filter, page.from, 50); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
			b.Run(fmt.Sprintf("who logs in of %d", size), func(b *testing.B) {
				for b.Loop() {
					if _, err := accounts.ByLogin(b.Context(), d.Queries, "USER500@example.com"); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}
