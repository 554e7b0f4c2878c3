package audit

import (
	"net/netip"
	"sync"
	"time"

	gendb "github.com/techtreks/auth/gen/db"
)

// What strangers can make us write. Of one event from one network, the first
// floodRows in a floodWindow are recorded and the others counted.
const (
	floodRows    = 10
	floodWindow  = time.Minute
	floodTracked = 10_000 // networks and events at once; about 5 MB
)

// flood keeps refusals from filling the database. The zero value is ready.
type flood struct {
	mu      sync.Mutex
	windows map[floodKey]*window
}

type floodKey struct{ event, network string }

// A window is what came of one event from one network within a minute.
type window struct {
	start   time.Time
	rows    int
	counted int64                // instead of recorded, and not told yet
	last    gendb.AuditAddParams // of those
}

// admit says whether a row is to be written, and how many before it were not.
func (f *flood) admit(row gendb.AuditAddParams) (repeats int64, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := floodKey{row.Event, network(row.Ip)}
	w := f.windows[key]
	if w == nil && len(f.windows) >= floodTracked {
		// More networks than anybody has: whoever comes now shares one.
		key.network = "others"
		w = f.windows[key]
	}
	if w == nil {
		if f.windows == nil {
			f.windows = map[floodKey]*window{}
		}
		w = &window{start: row.Now}
		f.windows[key] = w
	}
	if row.Now.Sub(w.start) >= floodWindow {
		w.start, w.rows = row.Now, 0
	}
	if w.rows >= floodRows {
		w.counted++
		w.last = row
		return 0, false
	}
	w.rows++
	repeats, w.counted = w.counted, 0
	return repeats, true
}

// take forgets the windows that have ended, or all of them, and returns a row
// for each that has something to tell: the last one that was counted, standing
// for those before it.
func (f *flood) take(now time.Time, all bool) (rows []gendb.AuditAddParams) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, w := range f.windows {
		if !all && now.Sub(w.start) < floodWindow {
			continue
		}
		if w.counted > 0 {
			w.last.Repeats += w.counted - 1
			rows = append(rows, w.last)
		}
		delete(f.windows, key)
	}
	return rows
}

// network is what one client can have all addresses of: in IPv6 a /64.
func network(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil || addr.Is4() {
		return ip
	}
	prefix, err := addr.Prefix(64)
	if err != nil {
		return ip
	}
	return prefix.String()
}
