package metrics

import (
	"testing"
	"time"
)

// BenchmarkRequest measures the cost of the metrics for one response. It is part of the
// benchmarks of whole requests as well, because a server always counts.
func BenchmarkRequest(b *testing.B) {
	m := New(nil, nil)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m.Request(Request{Route: "/auth/current_user", Method: "GET", Status: 200, Took: time.Millisecond})
		}
	})
}
