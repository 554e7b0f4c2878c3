package apptest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// ServeOnce sends one request straight into a handler: what is measured is the
// server's own work, not the network's.
func ServeOnce(b *testing.B, handler http.Handler, method, path, body, cookie string, want int) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if w.Code != want {
		b.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	return w
}
