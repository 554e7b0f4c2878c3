package docsui

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// references returns the addresses in the src and href attributes of the page.
func references(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(string(Index()), -1) {
		found = append(found, m[1])
	}
	if len(found) == 0 {
		t.Fatal("the page has no references")
	}
	return found
}

func TestAsset_ExistsForExactlyTheFilesOfThePage(t *testing.T) {
	needed := map[string]bool{}
	for _, ref := range references(t) {
		if ref == "openapi.yaml" {
			continue // the contract, which is not below docs/
		}
		name, found := strings.CutPrefix(ref, "docs/")
		if !found {
			t.Errorf("%q is not below docs/", ref)
			continue
		}
		needed[name] = true
		if content, _, ok := Asset(name); !ok || len(content) == 0 {
			t.Errorf("the page refers to %q, which does not exist", ref)
		}
	}
	want, got := slices.Sorted(maps.Keys(needed)), slices.Sorted(maps.Keys(assets()))
	if !slices.Equal(want, got) {
		t.Errorf("the page needs %v, the package has %v", want, got)
	}
}

func TestAsset_UnknownName(t *testing.T) {
	for _, name := range []string{"", "index.html", "oauth2-redirect.html", "swagger-ui.css.gz", "../docsui.go", "INIT.JS"} {
		if _, _, ok := Asset(name); ok {
			t.Errorf("Asset(%q) exists", name)
		}
	}
}

func TestAsset_MediaTypes(t *testing.T) {
	types := map[string]string{
		".css": "text/css",
		".js":  "text/javascript",
		".png": "image/png",
	}
	for name := range assets() {
		content, got, _ := Asset(name)
		ending := name[strings.LastIndexByte(name, '.'):]
		if got != types[ending] {
			t.Errorf("%s is %q, want %q", name, got, types[ending])
		}
		// A file that is still compressed would be served with the wrong media type.
		sniffed, _, _ := strings.Cut(http.DetectContentType(content), ";")
		if want := map[string]string{".png": "image/png"}[ending]; want != "" && sniffed != want {
			t.Errorf("%s contains %s", name, sniffed)
		} else if want == "" && sniffed != "text/plain" {
			t.Errorf("%s contains %s", name, sniffed)
		}
	}
}

// TestIndex_ObeysCSP searches for content that the policy forbids. A browser would
// report it only in its console.
func TestIndex_ObeysCSP(t *testing.T) {
	for what, forbidden := range map[string]string{
		"an inline script":       `(?is)<script[^>]*>\s*[^<\s]`,
		"a script without a src": `(?i)<script(?:\s+(?:defer|async))*\s*>`,
		"an inline style":        `(?i)<style|\sstyle\s*=`,
		"an event attribute":     `(?i)\son[a-z]+\s*=`,
		"a script address":       `(?i)javascript:`,
		"another server":         `(?i)(?:https?:)?//[a-z0-9]`,
	} {
		if found := regexp.MustCompile(forbidden).Find(Index()); found != nil {
			t.Errorf("index.html has %s: %q", what, found)
		}
	}
	script, _, _ := Asset("init.js")
	for _, forbidden := range []string{"http:", "https:", "eval(", "Function(", "innerHTML", `"/`} {
		if strings.Contains(string(script), forbidden) {
			t.Errorf("init.js has %s", forbidden)
		}
	}
	if !strings.Contains(string(script), `url: "openapi.json"`) || !strings.Contains(string(script), "validatorUrl: null") {
		t.Error("init.js does not load the contract from this server only")
	}
}

func TestCSP_IsStrict(t *testing.T) {
	if !strings.HasPrefix(CSP, "default-src 'none'; ") {
		t.Error("the policy does not start with default-src 'none'")
	}
	for _, forbidden := range []string{"unsafe", "*", "http", "blob:", "\n"} {
		if strings.Contains(CSP, forbidden) {
			t.Errorf("the policy has %q", forbidden)
		}
	}
	for _, directive := range []string{"script-src 'self';", "style-src 'self';", "connect-src 'self';", "frame-ancestors 'none'"} {
		if !strings.Contains(CSP, directive) {
			t.Errorf("the policy lacks %q", directive)
		}
	}
}
