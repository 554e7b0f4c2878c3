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

// R5: SQLite has one writer at a time. Fifty users write at the same moment, for a minute.
// They wait for each other, and no request fails because of another. They all write at
// each tick of a clock, which leaves processor time to other tests in between. With
// IN_EARNEST each user writes again at once, 99 % of the responses take less than a second
// and the slowest less than three. WRITE_SECONDS sets the duration.
func TestUpdateProfile_ConcurrentWritersDoNotFail(t *testing.T) {
	t.Parallel() // with tests that mostly wait
	eachKind(t, func(t *testing.T, kind db.Kind, url string) {
		t.Parallel()
		// PostgreSQL does not block writers of different rows.
		seconds := envInt(t, "WRITE_SECONDS", map[db.Kind]int{db.SQLite: 60, db.Postgres: 10}[kind])
		tick := 500 * time.Millisecond
		if inEarnest {
			tick = time.Nanosecond
		}
		// The shipped program: the race detector would change the times.
		p := serve(t, measuredSettings(url))
		w := newWriters(t, p.url, 50)
		w.write(time.Duration(seconds)*time.Second, tick)
		w.report(seconds)
		p.stop()
	})
}

// writers are logged-in clients. They write prepared bytes, so that the measured times do
// not include the work of an HTTP client.
type writers struct {
	t       *testing.T
	conns   []*rawConn
	cookies []string

	inProgress atomic.Int32 // current writes
	allAtOnce  atomic.Int32 // how often all clients were writing at the same time

	mu   sync.Mutex
	took []time.Duration
}

func newWriters(t *testing.T, server string, n int) *writers {
	t.Helper()
	w := &writers{t: t, conns: make([]*rawConn, n), cookies: make([]string, n)}
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i
	}
	err := each(numbers, func(i int) (err error) {
		c := newClient(t, server)
		if w.cookies[i], err = c.login(c.register(t)); err == nil && w.cookies[i] == "" {
			err = fmt.Errorf("writer %d cannot log in", i)
		}
		return err
	})
	if err != nil || t.Failed() {
		t.Fatal("not every writer is logged in: ", err)
	}
	for i := range w.conns { // after all logins, or the server would close idle connections
		w.conns[i] = dial(t, server)
		_ = w.conns[i].SetDeadline(time.Time{})
	}
	return w
}

// write makes every client change its username at each tick.
func (w *writers) write(d, tick time.Duration) {
	var ended sync.WaitGroup
	start := make(chan struct{})
	var begin time.Time
	for i := range w.conns {
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

// once changes the username of one writer.
func (w *writers) once(i, n int) {
	change := fmt.Sprintf(`{"username":"writer-%d-%d"}`, i, n)
	if int(w.inProgress.Add(1)) == len(w.conns) {
		w.allAtOnce.Add(1)
	}
	request := fmt.Sprintf("PUT /auth/update_profile HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nCookie: %s\r\nContent-Length: %d\r\n\r\n%s",
		w.cookies[i], len(change), change)
	begin := time.Now()
	_, err := io.WriteString(w.conns[i], request)
	var got *answer
	if err == nil {
		got, err = w.conns[i].answer()
	}
	took := time.Since(begin)
	w.inProgress.Add(-1)
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
	w.t.Logf("%d writes, all at once %d times; p50 %s, p99 %s, max %s",
		n, w.allAtOnce.Load(), w.took[n/2].Round(time.Millisecond), p99.Round(time.Millisecond), longest.Round(time.Millisecond))
	if int(w.allAtOnce.Load()) < seconds {
		w.t.Errorf("in %d seconds all clients were writing at the same time only %d times", seconds, w.allAtOnce.Load())
	}
	if inEarnest && (p99 >= time.Second || longest >= 3*time.Second) {
		w.t.Errorf("p99 is %s, max is %s", p99, longest)
	}
}
