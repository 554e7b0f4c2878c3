package password

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// fill occupies every slot of g until the returned function is called.
func fill(t *testing.T, g *Gate) (release func()) {
	t.Helper()
	done := make(chan struct{})
	for range g.Slots {
		go func() {
			if err := g.Do(t.Context(), func() { <-done }); err != nil {
				t.Error(err)
			}
		}()
	}
	synctest.Wait()
	return func() { close(done); synctest.Wait() }
}

func TestGate_LimitsSlotsQueueAndWait(t *testing.T) {
	type outcome struct {
		err     error
		ran     bool
		elapsed time.Duration
	}
	// call calls a gate while its slots are occupied for the given time.
	call := func(t *testing.T, ctx context.Context, g *Gate, occupied time.Duration) outcome {
		t.Helper()
		release := fill(t, g)
		go func() { time.Sleep(occupied); release() }()
		began := time.Now()
		var o outcome
		o.err = g.Do(ctx, func() { o.ran = true })
		o.elapsed = time.Since(began)
		time.Sleep(occupied)
		synctest.Wait()
		return o
	}

	t.Run("runs when a slot becomes free", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := call(t, t.Context(), &Gate{Slots: 2}, DefaultWait-time.Nanosecond)
			if o.err != nil || !o.ran {
				t.Errorf("got %+v", o)
			}
		})
	})
	t.Run("busy after two seconds", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := call(t, t.Context(), &Gate{Slots: 2}, time.Hour)
			var busy *BusyError
			if !errors.Is(o.err, ErrBusy) || !errors.As(o.err, &busy) || o.ran {
				t.Fatalf("got %+v", o)
			}
			if o.elapsed != 2*time.Second || busy.RetryAfter != 2*time.Second {
				t.Errorf("waited %v, RetryAfter %v", o.elapsed, busy.RetryAfter)
			}
		})
	})
	t.Run("busy immediately when the queue is full", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := &Gate{Slots: 2}
			release := fill(t, g)
			var ran atomic.Int64
			var wg sync.WaitGroup
			for range DefaultQueue {
				wg.Go(func() {
					if err := g.Do(t.Context(), func() { ran.Add(1) }); err != nil {
						t.Error(err)
					}
				})
			}
			synctest.Wait()
			if got := g.Waiting(); got != DefaultQueue {
				t.Fatalf("%d waiting", got)
			}
			began := time.Now()
			if err := g.Do(t.Context(), func() { ran.Add(1) }); !errors.Is(err, ErrBusy) {
				t.Errorf("got %v", err)
			}
			if d := time.Since(began); d != 0 {
				t.Errorf("refused after %v", d)
			}
			release()
			wg.Wait()
			if ran.Load() != DefaultQueue || g.Waiting() != 0 {
				t.Errorf("%d ran, %d waiting", ran.Load(), g.Waiting())
			}
		})
	})
	t.Run("cancelled context does not start", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var g Gate
		if err := g.Do(ctx, func() { t.Error("started") }); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if g.Started() != 0 {
			t.Errorf("%d started", g.Started())
		}
	})
	t.Run("cancelled in the queue does not start", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			o := call(t, ctx, &Gate{Slots: 2}, time.Hour)
			if !errors.Is(o.err, context.Canceled) || o.ran || o.elapsed != time.Second {
				t.Errorf("got %+v", o)
			}
		})
	})
	t.Run("deadline of the caller is not busy", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			o := call(t, ctx, &Gate{Slots: 2}, time.Hour)
			if !errors.Is(o.err, context.DeadlineExceeded) || errors.Is(o.err, ErrBusy) || o.ran {
				t.Errorf("got %+v", o)
			}
		})
	})
	t.Run("panic frees the slot", func(t *testing.T) {
		g := &Gate{Slots: 1}
		func() {
			defer func() { _ = recover() }()
			_ = g.Do(t.Context(), func() { panic("hash") })
		}()
		if err := g.Do(t.Context(), func() {}); err != nil {
			t.Error(err)
		}
	})
	t.Run("retry after is whole seconds and not zero", func(t *testing.T) {
		for wait, want := range map[time.Duration]time.Duration{
			time.Millisecond:        time.Second,
			time.Second:             time.Second,
			1500 * time.Millisecond: 2 * time.Second,
		} {
			var busy *BusyError
			if err := (&Gate{Wait: wait}).busy(); !errors.As(err, &busy) || busy.RetryAfter != want {
				t.Errorf("%v: got %v", wait, busy.RetryAfter)
			}
		}
	})
}

func TestGate_NeverRunsMoreThanItsSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &Gate{Slots: 3, Queue: 100, Wait: time.Hour}
		var now, most atomic.Int64
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				err := g.Do(t.Context(), func() {
					n := now.Add(1)
					for {
						m := most.Load()
						if n <= m || most.CompareAndSwap(m, n) {
							break
						}
					}
					time.Sleep(30 * time.Millisecond) // on the fake clock of synctest
					now.Add(-1)
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if most.Load() != 3 || g.Started() != 100 {
			t.Errorf("at most %d at once, %d started", most.Load(), g.Started())
		}
	})
}
