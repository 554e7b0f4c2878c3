package server_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/webapp"
)

// The web app is no operation of the contract. All other paths stay unchanged: a path that is
// neither the app nor an operation is a 404 of the contract, also under /app/.
func TestWebApp_LeavesOtherPathsToTheContract(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		client := http.Client{Transport: h.OnRecord(http.DefaultTransport)} // not checked against the contract
		page := func(path string) (int, string, http.Header) {
			t.Helper()
			res, err := client.Get(h.URL + path)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			body, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			return res.StatusCode, string(body), res.Header
		}
		if status, body, _ := page("/app/"); status != 404 || !strings.Contains(body, `"not_found"`) {
			t.Errorf("without the app: got %d %s, want 404 not_found", status, body)
		}

		pages, err := webapp.New(fstest.MapFS{"index.html": {Data: []byte("<p>the app</p>")}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		h.Edge.WebApp, h.Edge.VerifyResponses = pages, true
		for _, path := range []string{"/app/", "/app/account/sessions"} {
			status, body, header := page(path)
			if status != 200 || body != "<p>the app</p>" || header.Get("Content-Security-Policy") != webapp.CSP ||
				header.Get("X-Content-Type-Options") != "nosniff" || header.Get("X-Request-ID") == "" {
				t.Errorf("%s: got %d %q %v, want the app with its headers", path, status, body, header)
			}
		}
		for _, path := range []string{"/app/assets/none.js", "/apps", "/nothing"} {
			h.Browser().Call("GET", path, nil).Want(404, "not_found")
		}
		h.Browser().Call("POST", "/app/", nil).Want(404, "not_found")
		h.Browser().Call("GET", "/auth/profile", nil).Want(401, "login_required")
		if n := h.Violations(); n != 0 {
			t.Errorf("got %d responses that break the contract, want 0", n)
		}
	})
}
