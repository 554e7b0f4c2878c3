package mail

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	gendb "github.com/techtreks/auth/gen/db"
)

// A worker is killed while it sends. Another one sends the mail after the lease expires.
func TestWorker_KilledWhileSendingResendsAfterLease(t *testing.T) {
	for name, sent := range map[string]bool{"before the server has the mail": false, "after the server has the mail": true} {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, b *bundle) {
				_, a := b.user(t, "alice", true)
				b.add(t, Message{Kind: ResetPassword, Address: a})
				row, err := b.claim(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				m, err := b.write(t.Context(), row)
				if err == nil && sent {
					err = b.smtp.Send(t.Context(), m)
				}
				if err != nil {
					t.Fatal(err)
				}
				start(t, b.another(b.DB))
				before := 0
				if sent {
					before = 1
				}
				pass(lease - 1)
				if n := len(b.server.Mails()); n != before {
					t.Errorf("%d mails while the lease runs", n)
				}
				pass(poll + 1)
				if sent {
					same(t, b.server.Mails())
				} else if n := len(b.server.Mails()); n != 1 {
					t.Errorf("%d mails", n)
				}
				if len(b.rows(t)) != 0 {
					t.Error("the row is still there")
				}
			})
		})
	}
}

// A worker that lost its lease must not send the mail that another one has claimed.
func TestWorker_ExpiredLeaseSendsNothing(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		_, a := b.user(t, "alice", true)
		b.add(t, Message{Kind: ResetPassword, Address: a})
		stale, _ := b.claim(t.Context())
		time.Sleep(lease)
		current, err := b.claim(t.Context())
		if err != nil {
			t.Fatalf("the lease does not run out: %v", err)
		}
		b.handle(t.Context(), stale)
		if len(b.server.Mails()) != 0 {
			t.Error("sent without a lease")
		}
		b.handle(t.Context(), current)
		if len(b.server.Mails()) != 1 || len(b.rows(t)) != 0 {
			t.Errorf("%d mails, %+v", len(b.server.Mails()), b.rows(t))
		}
	})
}

// Two instances share one outbox (R16).
func TestWorker_TwoInstancesSendEachMailOnce(t *testing.T) {
	const n = 1000
	for _, kind := range dbtest.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			url := dbtest.URL(t, kind)
			synctest.Test(t, func(t *testing.T) {
				open := func() *db.DB {
					d, err := db.Open(t.Context(), url)
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { _ = d.Close() })
					return d
				}
				b := newBundle(t, open())
				var sending, most atomic.Int64
				b.Sender = senderFunc(func(ctx context.Context, m Rendered) error {
					defer sending.Add(-1)
					if n := sending.Add(1); n > most.Load() {
						most.Store(n)
					}
					return b.smtp.Send(ctx, m)
				})
				second := b.another(open())
				id, _ := b.user(t, "alice", true)
				err := b.DB.Tx(t.Context(), func(q *gendb.Queries) error {
					for i := range n {
						m := Message{Kind: PasswordChanged, UserID: id, Address: address(t, fmt.Sprintf("u%d@example.com", i))}
						if err := b.Outbox.Add(t.Context(), q, m); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				start(t, b.Worker)
				start(t, second)
				for deadline := time.Now().Add(time.Hour); len(b.rows(t)) > 0 && time.Now().Before(deadline); {
					pass(time.Second)
				}
				times := make(map[string]int)
				for _, m := range b.server.Mails() {
					times[m.To[0]]++
				}
				first, other := b.Counters.Sent.Load(), second.Counters.Sent.Load()
				if len(times) != n || len(b.server.Mails()) != n || first+other != n || first == 0 || other == 0 {
					t.Errorf("%d mails to %d people, by %d and %d", len(b.server.Mails()), len(times), first, other)
				}
				if most.Load() > 2*maxSends {
					t.Errorf("%d sends at once", most.Load())
				}
			})
		})
	}
}
