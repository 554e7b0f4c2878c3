package apptest

import (
	"net/http/httptest"
)

// Flood sends n requests to an address without looking at the answers, which
// would take longer than they do, and so without recording them.
func (h *Harness) Flood(n int, path string, peer func(i int) string) {
	h.T.Helper()
	handler, err := h.Handler()
	if err != nil {
		h.T.Fatal(err)
	}
	for i := range n {
		r := httptest.NewRequestWithContext(h.T.Context(), "GET", path, nil)
		r.RemoteAddr = peer(i)
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
}

// CountRefusals adds up lines about refusals: those that were written, and the
// numbers that stand for the rest.
func (h *Harness) CountRefusals(code string) (lines, repeats, reports int) {
	h.T.Helper()
	for _, line := range h.Logs.Lines(h.T) {
		if line["code"] != code {
			continue
		}
		switch line["msg"] {
		case "request":
			lines++
		case "requests like those before":
			reports++
			repeats += int(line["repeats"].(float64))
		}
	}
	return lines, repeats, reports
}
