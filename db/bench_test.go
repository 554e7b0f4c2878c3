package db_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	gendb "github.com/techtreks/auth/gen/db"
)

// Every request with a session runs this query.
func BenchmarkSessionByTokenHash(b *testing.B) {
	dbtest.Run(b, func(b *testing.B, d *db.DB) {
		user := mustCreate(b, d, "ada")
		hash := []byte("0123456789abcdef0123456789abcdef")
		if _, err := d.SessionCreate(b.Context(), gendb.SessionCreateParams{
			TokenHash: hash, UserID: user, Now: noon, Amr: "pwd", ExpiresAt: noon.Add(time.Hour),
		}); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		b.ResetTimer() // exclude the creation of the database
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := d.SessionByTokenHash(b.Context(), gendb.SessionByTokenHashParams{
					TokenHash: hash, Now: noon, IdleSince: noon.Add(-time.Hour),
				}); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

func BenchmarkTx(b *testing.B) {
	dbtest.Run(b, func(b *testing.B, d *db.DB) {
		d.SetWait(time.Minute)
		var n atomic.Int64
		b.ReportAllocs()
		b.ResetTimer() // exclude the creation of the database
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := d.Tx(b.Context(), createUsers(b.Context(), fmt.Sprint("u", n.Add(1)))); err != nil {
					b.Error(err)
				}
			}
		})
	})
}
