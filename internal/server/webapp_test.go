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

// The app is no operation of the contract. Next to it everything is as ever:
// what is neither is a 404 of the contract, under /app/ too.
func TestWebAppStandsBesideTheContract(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		client := http.Client{Transport: h.OnRecord(http.DefaultTransport)} // no answer of the contract
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
			t.Errorf("without WEB: %d %s", status, body)
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
				t.Errorf("%s: %d %q %v", path, status, body, header)
			}
		}
		for _, path := range []string{"/app/assets/none.js", "/apps", "/nothing"} {
			h.Browser().Call("GET", path, nil).Want(404, "not_found")
		}
		h.Browser().Call("POST", "/app/", nil).Want(404, "not_found")
		h.Browser().Call("GET", "/auth/profile", nil).Want(401, "login_required")
		if n := h.Violations(); n != 0 {
			t.Errorf("%d answers were taken for breaches of the contract", n)
		}
	})
}
