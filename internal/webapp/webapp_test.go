package webapp_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/techtreks/auth/internal/webapp"
)

var page = `<!doctype html><meta name="registration" content="open" />` + strings.Repeat("<p>text</p>", 50)

var built = fstest.MapFS{
	".gitkeep":           {},
	"index.html":         {Data: []byte(page)},
	"icon.svg":           {Data: []byte("<svg/>")},
	"assets/app-1a2b.js": {Data: []byte(strings.Repeat("run();", 100))},
}

func get(t *testing.T, app *webapp.App, method, path string, headers ...string) (*http.Response, bool) {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	served := app.Serve(w, r)
	return w.Result(), served
}

func newApp(t *testing.T) *webapp.App {
	t.Helper()
	app, err := webapp.New(built, map[string]string{"registration": "verified"})
	if err != nil {
		t.Fatal(err)
	}
	return app
}

func TestServe_FilesAndPages(t *testing.T) {
	const index, immutable = "text/html; charset=utf-8", "public, max-age=31536000, immutable"
	app := newApp(t)
	for name, c := range map[string]struct{ method, path, mediaType, cache string }{
		"start page":           {"GET", "/app/", index, "no-cache"},
		"page":                 {"GET", "/app/account/sessions", index, "no-cache"},
		"page with head":       {"HEAD", "/app/login", index, "no-cache"},
		"hashed file":          {"GET", "/app/assets/app-1a2b.js", "text/javascript; charset=utf-8", immutable},
		"other file":           {"GET", "/app/icon.svg", "image/svg+xml", "no-cache"},
		"missing hashed file":  {"GET", "/app/assets/app-0000.js", "", ""},
		"folder":               {"GET", "/app/assets/", "", ""},
		"missing file":         {"GET", "/app/robots.txt", "", ""},
		"hidden file":          {"GET", "/app/.gitkeep", "", ""},
		"index by file name":   {"GET", "/app/index.html", "", ""},
		"path traversal":       {"GET", "/app/../../etc/hosts.txt", "", ""},
		"path of the api":      {"GET", "/auth/profile", "", ""},
		"path with the prefix": {"GET", "/application", "", ""},
		"post":                 {"POST", "/app/", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			res, served := get(t, app, c.method, c.path)
			if served != (c.mediaType != "") {
				t.Fatalf("served: %v", served)
			}
			if !served {
				return
			}
			header := res.Header
			if res.StatusCode != 200 || header.Get("Content-Type") != c.mediaType || header.Get("Cache-Control") != c.cache {
				t.Errorf("%d %v", res.StatusCode, header)
			}
			if header.Get("Content-Security-Policy") != webapp.CSP {
				t.Errorf("policy %q", header.Get("Content-Security-Policy"))
			}
			body, _ := io.ReadAll(res.Body)
			if c.method == "HEAD" && len(body) != 0 {
				t.Errorf("a body of %d bytes", len(body))
			}
		})
	}
}

func TestServe_RedirectsToSlash(t *testing.T) {
	res, _ := get(t, newApp(t), "GET", "/app")
	if res.StatusCode != 301 || res.Header.Get("Location") != "/app/" {
		t.Errorf("%d to %q", res.StatusCode, res.Header.Get("Location"))
	}
}

func TestServe_NotModified(t *testing.T) {
	app := newApp(t)
	first, _ := get(t, app, "GET", "/app/")
	again, _ := get(t, app, "GET", "/app/", "If-None-Match", first.Header.Get("ETag"))
	if body, _ := io.ReadAll(again.Body); again.StatusCode != 304 || len(body) != 0 {
		t.Errorf("%d with %d bytes", again.StatusCode, len(body))
	}
}

func TestServe_CompressesOnlyIfAccepted(t *testing.T) {
	app := newApp(t)
	res, _ := get(t, app, "GET", "/app/assets/app-1a2b.js", "Accept-Encoding", "gzip, br")
	if res.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("%v", res.Header)
	}
	r, err := gzip.NewReader(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(r); err != nil || string(body) != string(built["assets/app-1a2b.js"].Data) {
		t.Errorf("%q, %v", body, err)
	}
	if res, _ := get(t, app, "GET", "/app/assets/app-1a2b.js"); res.Header.Get("Content-Encoding") != "" {
		t.Errorf("compressed without Accept-Encoding: %v", res.Header)
	}
}

func TestNew_WritesSettingsIntoPage(t *testing.T) {
	res, _ := get(t, newApp(t), "GET", "/app/")
	if body, _ := io.ReadAll(res.Body); !strings.Contains(string(body), `name="registration" content="verified"`) {
		t.Errorf("got %.100q", body)
	}
	if _, err := webapp.New(built, map[string]string{"no-such": "x"}); err == nil {
		t.Error("no error for a setting without a meta element")
	}
	if _, err := webapp.New(fstest.MapFS{}, nil); err == nil {
		t.Error("no error for an app without an index page")
	}
}
