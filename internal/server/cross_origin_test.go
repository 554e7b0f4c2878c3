package server_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/config"
)

// The server compares whole origins. Each rejected origin has passed a check of some product:
// by prefix, by suffix, by a parser, or by ignoring the scheme (gin-contrib CVE-2019-25211,
// gorilla/csrf CVE-2025-47909).
func TestCORS_ComparesWholeOrigins(t *testing.T) {
	const listed, own, refused = "listed", "own", "refused"
	origins := map[string]string{
		apptest.ProdOrigin:                          listed,
		"https://{host}":                            own,
		"http://{host}":                             refused, // a network attacker can serve pages over http
		"http://app.example.com":                    refused,
		"https://app.example.com.evil":              refused,
		"https://evil-app.example.com":              refused,
		"https://evilapp.example.com":               refused,
		"https://x.app.example.com":                 refused,
		"https://example.com":                       refused,
		"https://app.example.com:443":               refused,
		"https://app.example.com:8443":              refused,
		"https://app.example.com.":                  refused,
		"https://app.example.com/":                  refused,
		"https://app.example.com@evil":              refused,
		"https://app.example.com%00evil":            refused,
		"https://app.example.com`.evil":             refused,
		"https://evil/https://app.example.com":      refused,
		"HTTPS://APP.EXAMPLE.COM":                   refused, // browsers send lower case
		"https://app.example.com https://evil":      refused,
		"https://localhost:3000":                    refused,
		"http://localhost:3000":                     refused, // allowed in development
		"null":                                      refused, // sandboxed frames and files
		"*":                                         refused,
		"file://":                                   refused,
		"chrome-extension://abcdefghijklmnopabcdef": refused,
	}
	requests := []struct {
		method, path, preflightFor string
		status                     int
	}{
		{"GET", "/healthz", "", 200}, {"GET", "/auth/profile", "", 401}, {"GET", "/nothing", "", 404}, {"HEAD", "/healthz", "", 200},
		{"POST", "/auth/logout", "", 200}, {"PUT", "/auth/logout", "", 405}, {"OPTIONS", "/auth/logout", "", 204},
		{"OPTIONS", "/auth/login", "POST", 204}, {"OPTIONS", "/auth/login", "DELETE", 204},
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		for origin, kind := range apptest.InOrder(origins) {
			origin = strings.ReplaceAll(origin, "{host}", strings.TrimPrefix(h.URL, "http://"))
			for _, r := range requests {
				a := b.Call(r.method, r.path, nil, apptest.Header("Origin", origin), func(request *http.Request) {
					if r.preflightFor != "" {
						request.Header.Set("Access-Control-Request-Method", r.preflightFor)
						request.Header.Set("Access-Control-Request-Headers", "content-type,x-evil")
					}
				})
				want, cors := r.status, map[string]string{}
				switch {
				case kind == refused:
					want = 403
				case kind == listed && r.preflightFor != "":
					cors = map[string]string{
						"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true", "Access-Control-Max-Age": "600",
						"Access-Control-Allow-Methods": "GET,POST,PUT,PATCH,DELETE,OPTIONS", "Access-Control-Allow-Headers": "Content-Type,Authorization",
					}
				case kind == listed && r.method != "OPTIONS":
					cors = map[string]string{
						"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true",
						"Access-Control-Expose-Headers": "Ratelimit,Ratelimit-Policy,Retry-After,X-Request-Id",
					}
				}
				got := map[string]string{}
				for name := range a.Header {
					if strings.HasPrefix(name, "Access-Control-") {
						got[name] = strings.Join(a.Header.Values(name), " | ")
					}
				}
				if a.Status != want || !maps.Equal(got, cors) {
					t.Errorf("%s from %s (%s): got %d %v, want %d %v", a.What, origin, kind, a.Status, got, want, cors)
				}
				// A cache must not serve the response for one origin to another.
				vary := strings.Split(strings.Join(a.Header.Values("Vary"), ", "), ", ")
				depends := []string{"Origin", "Cookie", "Sec-Fetch-Site"}
				if kind == listed && r.preflightFor != "" {
					depends = []string{"Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"}
				}
				for _, name := range depends {
					if !slices.Contains(vary, name) {
						t.Errorf("%s from %s: got Vary %q, want %s in it", a.What, origin, vary, name)
					}
				}
			}
		}
	}, apptest.Production)
}

// CORS headers on a response to a request without an origin would apply to every page: a cache
// would serve that response to pages that do send their origin.
func TestCORS_RequestWithoutOriginGetsNoHeaders(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		for _, r := range [][2]string{{"GET", "/auth/current_user"}, {"OPTIONS", "/auth/login"}, {"POST", "/auth/logout"}, {"GET", "/nothing"}} {
			a := b.Call(r[0], r[1], nil, apptest.Header("Access-Control-Request-Method", "POST"))
			for name := range a.Header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s: got %s: %s, want none", a.What, name, a.Header.Get(name))
				}
			}
			if got := strings.Join(a.Header.Values("Vary"), ", "); !strings.HasPrefix(got, "Origin") || !strings.Contains(got, "Sec-Fetch-Site") {
				t.Errorf("%s: got Vary %q, want Origin first and Sec-Fetch-Site", a.What, got)
			}
		}
	})
}

// The CORS library must not take an empty list for all origins.
func TestCORS_EmptyListAllowsNoOrigin(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for _, method := range []string{"GET", "OPTIONS", "POST"} {
			a := h.Browser().Call(method, "/auth/current_user", nil, apptest.Header("Origin", apptest.DevOrigin), apptest.Header("Access-Control-Request-Method", "GET"))
			if got := a.Header.Get("Access-Control-Allow-Origin"); a.Status != 403 || got != "" {
				t.Errorf("%s: got %d and allowed origin %q, want 403 and none", method, a.Status, got)
			}
		}
	}, func(c *config.Config) { c.AllowedOrigins = nil })
}

// In development, the pages of the server itself use http, because there is no certificate.
func TestCrossOrigin_OwnOriginMayBeHTTPInDevelopment(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Call("POST", "/auth/logout", nil, apptest.Header("Origin", h.URL)).Want(200, "")
		h.Browser().Call("POST", "/auth/logout", nil, apptest.Header("Origin", apptest.DevOrigin)).Want(200, "")
		h.Browser().Call("POST", "/auth/logout", nil, apptest.Header("Origin", "http://localhost:3001")).Want(403, "cross_origin_refused")
	})
}

// A proxy may send another Host header than the browser.
func TestCrossOrigin_PublicURLIsOwnOrigin(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		own := apptest.Header("Origin", "https://auth.example.com")
		h.Browser().Call("GET", "/auth/current_user", nil, own, apptest.Header("Sec-Fetch-Site", "same-origin")).Want(200, "")
		h.Browser().Call("POST", "/auth/logout", nil, own).Want(200, "")
		h.Browser().Call("POST", "/auth/logout", nil, apptest.Header("Origin", "http://auth.example.com")).Want(403, "cross_origin_refused")
	}, apptest.Production, func(c *config.Config) { c.AllowedOrigins = nil })
}

// Cross-site request forgery: a page of another site makes the victim's browser send a request
// with the cookie. Forms need no preflight and can send four of these media types. Login and
// registration are included, because an attacker's page could log the victim in to another
// account.
func TestCrossOrigin_OtherSitesChangeNothing(t *testing.T) {
	senders := map[string]map[string]string{
		"unlisted origin":                  {"Origin": "https://evil.example"},
		"unlisted origin, cross-site":      {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
		"unlisted origin, same-origin":     {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
		"unlisted origin, none":            {"Origin": "https://evil.example", "Sec-Fetch-Site": "none"},
		"null":                             {"Origin": "null"},
		"null, cross-site":                 {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
		"cross-site":                       {"Sec-Fetch-Site": "cross-site"},
		"same-site without an origin":      {"Sec-Fetch-Site": "same-site"},
		"same-site, unlisted":              {"Origin": "http://localhost:8000", "Sec-Fetch-Site": "same-site"},
		"https variant of a listed origin": {"Origin": "https://localhost:3000", "Sec-Fetch-Site": "same-site"},
		"unknown value":                    {"Sec-Fetch-Site": "whatever"},
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		h.SetRole("alice", "admin")
		b.Login("alice")
		before := h.Dump()
		for _, op := range h.Changing() {
			path, body := h.Sample(op)
			for contentType, text := range apptest.InOrder(bodies(body)) {
				for name, headers := range apptest.InOrder(senders) {
					a := b.Call(op.Method, path, text, contentTypeOf(contentType), headersOf(headers))
					if a.Status != 403 || a.JSON()["code"] != "cross_origin_refused" || a.Header.Get("Set-Cookie") != "" {
						t.Errorf("%s as %q from %s: got %d %v, want 403 without a cookie", op.ID, contentType, name, a.Status, a.Header)
					}
				}
				// A form from a browser that sends neither header: only the media type is left
				// to reject it.
				if contentType != "application/json" && body != nil {
					b.Call(op.Method, path, text, contentTypeOf(contentType)).Want(415, "unsupported_media_type")
				}
			}
			if after := h.Dump(); after != before {
				t.Fatalf("%s changed the database: got\n%s\nwant\n%s", op.ID, after, before)
			}
		}
		// The rejections above prove something only if these requests are valid: each changes
		// something when it comes from an allowed page.
		for _, headers := range []map[string]string{
			{}, // no browser
			{"Origin": apptest.DevOrigin, "Sec-Fetch-Site": "same-site"},
			{"Origin": apptest.DevOrigin, "Sec-Fetch-Site": "cross-site"}, // a listed front end on another site
			{"Origin": apptest.DevOrigin},                                 // an old browser
			{"Sec-Fetch-Site": "same-origin"},                             // the documentation page
		} {
			// These operations accept the example in the contract any number of times.
			for _, id := range []string{"register", "login", "logout", "requestReset", "resendVerification", "createUser"} {
				op := h.Contract.Operation(id)
				h.Exec("DELETE FROM users WHERE username_key IN ('planted', 'dave', 'erin')")
				b.Login("alice")
				before := h.Dump()
				path, body := h.Sample(op)
				if a := b.Call(op.Method, path, body, headersOf(headers)); a.Status >= 300 {
					t.Errorf("%s with %v: got %d %s, want 2xx", op.ID, headers, a.Status, a.Body)
				}
				if h.Dump() == before {
					t.Errorf("%s with %v changed nothing", op.ID, headers)
				}
			}
		}
	})
}

// bodies encodes a request in every way that a page can send it.
func bodies(body any) map[string]string {
	text, form, parts := apptest.Quoted(body), url.Values{}, ""
	if fields, ok := body.(map[string]any); ok {
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			value := fields[name]
			form.Set(name, fmt.Sprint(value))
			parts += fmt.Sprintf("--x\r\nContent-Disposition: form-data; name=%q\r\n\r\n%v\r\n", name, value)
		}
	}
	return map[string]string{
		"text/plain":                        text,
		"text/plain; charset=utf-8":         text,
		"application/x-www-form-urlencoded": form.Encode(),
		"multipart/form-data; boundary=x":   parts + "--x--\r\n",
		"":                                  text,
		"text/plain, application/json":      text, // passes a search for the media type
		"application/json":                  text,
	}
}

func contentTypeOf(value string) func(*http.Request) {
	return func(r *http.Request) {
		if r.Header.Del("Content-Type"); value != "" {
			r.Header.Set("Content-Type", value)
		}
	}
}

func headersOf(all map[string]string) func(*http.Request) {
	return func(r *http.Request) {
		for name, value := range all {
			r.Header.Set(name, value)
		}
	}
}

// Login CSRF: an attacker's page logs the victim in to the attacker's account, to read later
// what the victim stores there. The victim's own session must survive.
func TestLogin_RejectsOtherSites(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("mallory")
		b.Register("alice")
		b.Login("alice")
		for _, origin := range []string{"https://evil.example", "null"} {
			a := b.Call("POST", "/auth/login", apptest.Members{"username": "mallory", "password": apptest.GoodPassword}, apptest.Header("Origin", origin))
			a.Want(403, "cross_origin_refused")
			if a.Header.Get("Set-Cookie") != "" {
				t.Error("the rejected login sets a cookie")
			}
		}
		if got := b.Call("GET", "/auth/profile", nil).Want(200, "").JSON()["username"]; got != "alice" {
			t.Errorf("got user %v, want alice", got)
		}
	})
}

func TestOptions_NamesTheMethodsOfEveryPath(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		methods := map[string][]string{}
		for _, op := range h.Contract.Operations {
			path, _ := h.Sample(op)
			methods[path] = append(methods[path], op.Method)
			if op.Method == "GET" {
				methods[path] = append(methods[path], "HEAD")
			}
		}
		for path, want := range apptest.InOrder(methods) {
			a := h.Browser().Call("OPTIONS", path, nil).Want(204, "")
			got := strings.Split(a.Header.Get("Allow"), ", ")
			slices.Sort(got)
			want = append(want, "OPTIONS")
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s: got Allow %v, want %v", path, got, want)
			}
		}
		h.Browser().Call("OPTIONS", "/nothing", nil).Want(404, "not_found")
	})
}
