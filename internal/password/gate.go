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

// Defaults for the zero fields of a [Gate].
const (
	DefaultQueue = 32
	DefaultWait  = 2 * time.Second
)

// ErrBusy matches every refusal of a [Gate] in errors.Is.
var ErrBusy = errors.New("password: too many hashes at once")

// BusyError is the error of a full [Gate]. It contains the time until a retry.
type BusyError struct {
	// RetryAfter is a whole number of seconds, at least one, for the HTTP header
	// Retry-After.
	RetryAfter time.Duration
}

func (e *BusyError) Error() string { return ErrBusy.Error() }

// Is makes errors.Is(err, ErrBusy) true.
func (e *BusyError) Is(target error) bool { return target == ErrBusy }

// Gate limits how many hashes run concurrently, how many callers wait and how long
// they wait. It refuses further callers immediately. The zero value works with the
// defaults; set the fields before the first call. A Gate must not be copied.
type Gate struct {
	// Slots is the number of concurrent hashes; zero means GOMAXPROCS, which
	// follows the CPU quota of a container. More slots only cost memory, because
	// hashing is limited by the processor.
	Slots int
	// Queue is the number of callers that may wait; zero means [DefaultQueue]. In a
	// longer queue, callers would wait for a response that comes too late.
	Queue int
	// Wait is the longest wait of one caller; zero means [DefaultWait].
	Wait time.Duration
	// Observer, if set, measures every call.
	Observer Observer

	init    sync.Once
	sem     *semaphore.Weighted
	waiting atomic.Int64
	running atomic.Int64
	started atomic.Int64
}

// An Observer measures the calls of a [Gate].
type Observer interface {
	// Observe is called when a call ends, with the context of the call.
	Observe(ctx context.Context, pass Pass)
}

// A Pass describes one call of [Gate.Do].
type Pass struct {
	Begin  time.Time
	Waited time.Duration // for a slot
	Worked time.Duration
	Err    error // the reason if the work was not started
}

// Do runs work in a free slot. It returns [ErrBusy] if the queue is full or the
// wait too long, and the error of the context if the caller has disconnected. After
// an error, work was not started. Otherwise a client that disconnects and retries
// could keep the processors busy with several requests at once.
func (g *Gate) Do(ctx context.Context, work func()) error {
	g.init.Do(g.setUp)
	pass := Pass{Begin: time.Now()}
	if g.Observer != nil {
		defer func() { g.Observer.Observe(ctx, pass) }()
	}
	if pass.Err = ctx.Err(); pass.Err != nil {
		return pass.Err
	}
	// TryAcquire fails while another caller waits, so the queue is fair.
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

// Started returns the number of calls that have started work. Tests use it to check
// that a login of an unknown user costs one hash.
func (g *Gate) Started() int64 { return g.started.Load() }

// Running returns the number of calls that are doing work now.
func (g *Gate) Running() int64 { return g.running.Load() }

// Waiting returns the number of callers in the queue now.
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

// enqueue waits for a slot. If it returns nil, the caller has the slot.
func (g *Gate) enqueue(ctx context.Context) error {
	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > int64(g.Queue) {
		return g.busy()
	}
	limited, cancel := context.WithTimeout(ctx, g.Wait)
	defer cancel()
	if err := g.sem.Acquire(limited, 1); err != nil {
		// If the caller's own context ended, the gate was not too busy.
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return g.busy()
	}
	// The context may have ended at the moment the slot became free.
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
