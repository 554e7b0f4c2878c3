package metrics

import (
	"testing"
	"time"
)

// BenchmarkRequest is what the metrics add to each answer; the benchmarks of
// internal/server have it in them, as a server is never without.
func BenchmarkRequest(b *testing.B) {
	m := New(nil, nil)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m.Request(Request{Route: "/auth/current_user", Method: "GET", Status: 200, Took: time.Millisecond})
		}
	})
}
