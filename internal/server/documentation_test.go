package server_test

import (
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/config"
)

func TestDocumentation_IsOffInProduction(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for _, path := range []string{"/docs", "/docs/swagger-ui.css", "/openapi.yaml", "/openapi.json"} {
			h.Browser().Call("GET", path, nil).Want(404, "not_found")
		}
		if got := string(h.Browser().Call("GET", "/", nil).Body); got != "ok" {
			t.Errorf("banner: got %q, want ok", got)
		}
	}, apptest.Production)
}

func TestGetContract_NamesThisServerAndItsCookie(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		text := string(b.Call("GET", "/openapi.yaml", nil).Body)
		for _, want := range []string{"url: https://auth.example.com", "name: __Host-session", "__Host-session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"} {
			if !strings.Contains(text, want) {
				t.Errorf("the YAML lacks %q", want)
			}
		}
		document := b.Call("GET", "/openapi.json", nil).JSON()
		if got := document["servers"].([]any)[0].(map[string]any)["url"]; got != "https://auth.example.com" {
			t.Errorf("server in the JSON: got %v, want https://auth.example.com", got)
		}
	}, apptest.Production, func(c *config.Config) { c.Docs = new(true) })
}

func TestGetDocs_LoadsOnlyExistingAssets(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		page := string(b.Call("GET", "/docs", nil).Want(200, "").Body)
		for _, name := range []string{"swagger-ui.css", "swagger-ui-bundle.js", "init.js", "favicon-32x32.png"} {
			if !strings.Contains(page, name) {
				t.Errorf("the page does not load %s", name)
			}
			b.Call("GET", "/docs/"+name, nil).Want(200, "")
		}
		b.Call("GET", "/docs/nothing.css", nil).Want(404, "not_found")
		b.Call("GET", "/docs/..%2f..%2fetc%2fpasswd", nil).Want(404, "not_found")
		b.Call("GET", "/docs/..%5cetc", nil).Want(400, "invalid_fields")
	})
}
