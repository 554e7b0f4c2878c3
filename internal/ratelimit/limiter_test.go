package ratelimit_test

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"testing"
	"time"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/ratelimit"
)

// overLimit is a store in which every key is over its limit.
type overLimit struct{ queries int }

func (o *overLimit) RateLimitHit(_ context.Context, p gendb.RateLimitHitParams) (gendb.RateLimitHitRow, error) {
	o.queries++
	return gendb.RateLimitHitRow{Hits: 1000, ExpiresAt: p.ExpiresAt}, nil
}

func (o *overLimit) Tx(context.Context, func(*gendb.Queries) error) error {
	return errors.New("a single limit needs no transaction")
}

// L8: a million addresses take the memory of a hundred thousand, and they do not evict
// the key of a persistent attacker.
func TestLimiter_MemoryIsBoundedAndKeepsAttacker(t *testing.T) {
	start := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
	for name, text := range map[string]string{"refused": "5 per minute", "in process": "5 per minute in process"} {
		t.Run(name, func(t *testing.T) {
			limit, err := ratelimit.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			store := &overLimit{}
			l := &ratelimit.Limiter{Store: store, Now: func() time.Time { return start }, Signer: unhashed{}}
			take := func(who string) ratelimit.Outcome {
				out, err := l.Take(t.Context(), "login", who, []ratelimit.Limit{limit})
				if err != nil {
					t.Fatal(err)
				}
				return out
			}
			for range 6 {
				take("attacker")
			}
			queries := store.queries
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			for i := range 1_000_000 {
				take(strconv.Itoa(i))
				if i%50_000 == 0 && take("attacker").Refused == nil {
					t.Fatalf("after %d other addresses a request of the attacker is accepted", i)
				}
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<20 {
				t.Errorf("%d MiB more", grown>>20)
			} else {
				t.Logf("%d KiB more", grown>>10)
			}
			if !limit.InProcess && store.queries-queries != 1_000_000 {
				t.Errorf("%d queries, want one for each other address", store.queries-queries)
			}
			runtime.KeepAlive(l)
		})
	}
}

func TestParse_AcceptsOnlyTheExactNotation(t *testing.T) {
	for _, text := range []string{"1 per second", "5 per minute", "200 per day", "3 per hour per account", "600 per minute in process"} {
		if l, err := ratelimit.Parse(text); err != nil || l.String() != text {
			t.Errorf("%s: %s, %v", text, l, err)
		}
	}
	for _, text := range []string{"", "5", "5 per", "0 per minute", "-1 per minute", "05 per minute", "5 per minutes", "5/minute", "5 per minute per account in process", "5 Per minute", " 5 per minute", "5 per minute\n", "1000001 per day"} {
		if l, err := ratelimit.Parse(text); err == nil {
			t.Errorf("%q is %s", text, l)
		}
	}
}

func TestDelay_DoublesUpToMaxDelay(t *testing.T) {
	for failures, want := range map[int64]time.Duration{0: 0, 4: 0, 5: time.Second, 6: 2 * time.Second, 10: 32 * time.Second, 11: time.Minute, 12: time.Minute, 1 << 60: time.Minute} {
		if got := ratelimit.Delay(failures); got != want {
			t.Errorf("after %d failures %s, want %s", failures, got, want)
		}
	}
}

// unhashed keeps values as they are, because the tests hash a million of them.
type unhashed struct{}

func (unhashed) Keyed(_, value string) string { return value }
