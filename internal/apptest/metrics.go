package apptest

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
)

// Scrape is what a collector would read, by series.
func (h *Harness) Scrape() map[string]float64 {
	h.T.Helper()
	w := httptest.NewRecorder()
	h.Metrics.Handler(h.Logger).ServeHTTP(w, httptest.NewRequestWithContext(h.T.Context(), "GET", "/metrics", nil))
	if w.Code != http.StatusOK {
		h.T.Fatalf("the metrics answer %d\n%s", w.Code, w.Body)
	}
	series := make(map[string]float64)
	lines := bufio.NewScanner(w.Body)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		i := strings.LastIndexByte(lines.Text(), ' ')
		value, err := strconv.ParseFloat(lines.Text()[i+1:], 64)
		if err != nil {
			h.T.Fatalf("%q: %v", lines.Text(), err)
		}
		series[lines.Text()[:i]] = value
	}
	return series
}

// WantMetrics fails the test unless the series have these values; -1 is absent.
func (h *Harness) WantMetrics(want map[string]float64) {
	h.T.Helper()
	got := h.Scrape()
	for series, value := range want {
		if found, ok := got[series]; ok != (value != -1) || ok && found != value {
			h.T.Errorf("%s is %v (there: %v), want %v", series, found, ok, value)
		}
	}
}
