package main

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
)

// R5: SQLite has one writer at a time. Fifty people who write at the same moment,
// for a minute, wait for each other, and nobody is told so: no request fails because
// another one writes. They write at each tick of a clock, all of them at once, and leave
// the processors to other tests in between. In earnest each of them writes again as soon
// as it is answered, of a hundred 99 are answered within a second, and none waits for
// three. WRITE_SECONDS sets how long this goes on.
func TestWritersDoNotFailOneAnother(t *testing.T) {
	t.Parallel() // with tests that wait
	eachKind(t, func(t *testing.T, kind db.Kind, url string) {
		t.Parallel()
		// On PostgreSQL writers of different rows do not meet.
		seconds := numberFrom(t, "WRITE_SECONDS", map[db.Kind]int{db.SQLite: 60, db.Postgres: 10}[kind])
		tick := 500 * time.Millisecond
		if inEarnest {
			tick = time.Nanosecond
		}
		// As it ships: under the race detector the time would be its own.
		p := serve(t, measured(url))
		w := newWriters(t, p.url, 50)
		w.write(time.Duration(seconds)*time.Second, tick)
		w.report(seconds)
		p.stop()
	})
}

// writers are people who are logged in. They speak bytes: what they cost themselves
// is not to be in the times that they measure.
type writers struct {
	t       *testing.T
	wires   []*rawConn
	cookies []string

	underWay, together atomic.Int32 // writes now, and those that began as the last of all

	mu   sync.Mutex
	took []time.Duration
}

func newWriters(t *testing.T, server string, n int) *writers {
	t.Helper()
	w := &writers{t: t, wires: make([]*rawConn, n), cookies: make([]string, n)}
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i
	}
	err := each(numbers, func(i int) (err error) {
		c := newClient(t, server)
		if w.cookies[i], err = c.login(c.register(t)); err == nil && w.cookies[i] == "" {
			err = fmt.Errorf("writer %d is not let in", i)
		}
		return err
	})
	if err != nil || t.Failed() {
		t.Fatal("not everybody is let in: ", err)
	}
	for i := range w.wires { // not before, or the server would let go of them
		w.wires[i] = dial(t, server)
		_ = w.wires[i].SetDeadline(time.Time{})
	}
	return w
}

// write has all of them change their names at each tick.
func (w *writers) write(d, tick time.Duration) {
	var ended sync.WaitGroup
	start := make(chan struct{})
	var begin time.Time
	for i := range w.wires {
		ended.Go(func() {
			<-start
			for n := 0; time.Since(begin) < d && !w.t.Failed(); n++ {
				w.once(i, n)
				<-time.After(time.Until(begin.Add((time.Since(begin)/tick + 1) * tick)))
			}
		})
	}
	begin = time.Now()
	close(start)
	ended.Wait()
}

// once changes the name of a writer.
func (w *writers) once(i, n int) {
	change := fmt.Sprintf(`{"username":"writer-%d-%d"}`, i, n)
	if int(w.underWay.Add(1)) == len(w.wires) {
		w.together.Add(1)
	}
	request := fmt.Sprintf("PUT /auth/update_profile HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nCookie: %s\r\nContent-Length: %d\r\n\r\n%s",
		w.cookies[i], len(change), change)
	begin := time.Now()
	_, err := io.WriteString(w.wires[i], request)
	var got *answer
	if err == nil {
		got, err = w.wires[i].answer()
	}
	took := time.Since(begin)
	w.underWay.Add(-1)
	if err != nil || !got.is(http.StatusOK) {
		w.t.Errorf("write %d of writer %d: %v, %v", n, i, got, err)
	} else {
		got.verify(w.t, request)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.took = append(w.took, took)
}

func (w *writers) report(seconds int) {
	w.t.Helper()
	slices.Sort(w.took)
	n := len(w.took)
	p99, longest := w.took[n*99/100], w.took[n-1]
	w.t.Logf("%d writes, all at once %d times; half within %s, 99 of 100 within %s, the longest %s",
		n, w.together.Load(), w.took[n/2].Round(time.Millisecond), p99.Round(time.Millisecond), longest.Round(time.Millisecond))
	if int(w.together.Load()) < seconds {
		w.t.Errorf("in %d seconds they were under way all at once only %d times", seconds, w.together.Load())
	}
	if inEarnest && (p99 >= time.Second || longest >= 3*time.Second) {
		w.t.Errorf("99 of 100 within %s, the longest %s", p99, longest)
	}
}
