package password

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// What a [Gate] uses for the fields that are left zero.
const (
	DefaultQueue = 32
	DefaultWait  = 2 * time.Second
)

// ErrBusy is what every refusal of a [Gate] is, by errors.Is.
var ErrBusy = errors.New("password: too many hashes at once")

// BusyError is the refusal itself; it says when to come back.
type BusyError struct {
	// RetryAfter is a whole number of seconds, at least one, as the HTTP header
	// of that name wants it.
	RetryAfter time.Duration
}

func (e *BusyError) Error() string { return ErrBusy.Error() }

// Is makes errors.Is(err, ErrBusy) true.
func (e *BusyError) Is(target error) bool { return target == ErrBusy }

// Gate lets a bounded number of hashes run, a bounded number wait for a bounded
// time, and refuses the rest at once. The zero value is ready to use with the
// defaults; set the fields before the first call. A Gate must not be copied.
type Gate struct {
	// Slots is how many hashes run at once; zero means GOMAXPROCS, which in a
	// container follows its CPU quota. More only costs memory: hashing is bound by
	// the processor.
	Slots int
	// Queue is how many callers may wait; zero means [DefaultQueue]. A longer queue
	// only makes people wait for an answer that comes too late.
	Queue int
	// Wait is how long one caller waits; zero means [DefaultWait].
	Wait time.Duration
	// Observe, if set, is told of every call when it ends.
	Observe func(context.Context, Pass)

	init    sync.Once
	sem     *semaphore.Weighted
	waiting atomic.Int64
	running atomic.Int64
	started atomic.Int64
}

// A Pass is one caller's way through a [Gate].
type Pass struct {
	Begin  time.Time
	Waited time.Duration // for a slot
	Worked time.Duration
	Err    error // why the work was not started; nil when it was
}

// Do runs work when there is room. It returns an error that is [ErrBusy] when the
// queue is full or the wait too long, and the context's own error when the caller
// has gone away. Whenever it returns an error, work was not started: nobody
// reads that answer, and a client that hangs up and asks again must not be able to
// keep the processors busy with both.
func (g *Gate) Do(ctx context.Context, work func()) error {
	g.init.Do(g.setUp)
	pass := Pass{Begin: time.Now()}
	if g.Observe != nil {
		defer func() { g.Observe(ctx, pass) }()
	}
	if pass.Err = ctx.Err(); pass.Err != nil {
		return pass.Err
	}
	// TryAcquire never overtakes a waiting caller, so the queue is fair.
	if !g.sem.TryAcquire(1) {
		pass.Err = g.enqueue(ctx)
		pass.Waited = time.Since(pass.Begin)
		if pass.Err != nil {
			return pass.Err
		}
	}
	defer g.sem.Release(1)
	g.started.Add(1)
	g.running.Add(1)
	defer g.running.Add(-1)
	work()
	pass.Worked = time.Since(pass.Begin) - pass.Waited
	return nil
}

// Started counts the work that this gate has let through since the start. A test
// reads it to prove that an unknown user costs a hash like everyone else.
func (g *Gate) Started() int64 { return g.started.Load() }

// Running is how much work is being done now.
func (g *Gate) Running() int64 { return g.running.Load() }

// Waiting is how many callers are in the queue now.
func (g *Gate) Waiting() int64 { return g.waiting.Load() }

func (g *Gate) setUp() {
	if g.Slots <= 0 {
		g.Slots = runtime.GOMAXPROCS(0)
	}
	if g.Queue <= 0 {
		g.Queue = DefaultQueue
	}
	if g.Wait <= 0 {
		g.Wait = DefaultWait
	}
	g.sem = semaphore.NewWeighted(int64(g.Slots))
}

// enqueue waits for a slot and holds it when it returns nil.
func (g *Gate) enqueue(ctx context.Context) error {
	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > int64(g.Queue) {
		return g.busy()
	}
	limited, cancel := context.WithTimeout(ctx, g.Wait)
	defer cancel()
	if err := g.sem.Acquire(limited, 1); err != nil {
		// Whose patience ended? The caller's own deadline or departure is not our
		// being busy, and must not be answered as such.
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return g.busy()
	}
	// The slot and the departure may have come together; departure wins.
	if err := ctx.Err(); err != nil {
		g.sem.Release(1)
		return err
	}
	return nil
}

func (g *Gate) busy() error {
	seconds := max(1, (g.Wait+time.Second-1)/time.Second)
	return &BusyError{RetryAfter: seconds * time.Second}
}
