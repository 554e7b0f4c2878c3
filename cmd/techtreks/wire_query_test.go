package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/techtreks/auth/db"
)

// L16: net/http ignores all cookies if there are too many. net/url drops the parts of a
// query that it cannot parse, and everything if there are too many parameters. The server
// must not treat such a request as one without a session or filter. It keeps the
// connection.
func TestWire_DroppedCookiesAndParametersAreErrors(t *testing.T) {
	eachHandler(t, func(t *testing.T, handler http.Handler, d *db.DB) {
		w := newTestServer(t, handler, func(*http.Server) {})
		_, session := newAdmin(t, w.url, d)
		newClient(t, w.url).register(t) // an account that the filter excludes
		const users = "/auth/admin/users?"
		c := dial(t, w.url)
		for _, tc := range []struct {
			target, cookies string
			status          int
			code            string
		}{
			{"/auth/profile", session, 200, ""},
			{"/auth/profile", session + strings.Repeat("; a=b", tooManyCookies), 401, "login_required"},
			{"/auth/profile", strings.Repeat("a=b; ", tooManyCookies) + session, 401, "login_required"},
			{"/auth/profile", session + strings.Repeat("; a=b", tooManyCookies-1), 200, ""},
			{users + "role=admin", session, 200, ""},
			{users + "role=admin" + strings.Repeat("&", tooManyParameters), session, 400, "invalid_fields"},
			{users + strings.Repeat("&", tooManyParameters) + "role=admin", session, 400, "invalid_fields"},
			{users + "role=admin" + strings.Repeat("&", tooManyParameters-1), session, 200, ""},
			{users + "role=admin;x", session, 400, "invalid_fields"},
			{users + "role=%zz", session, 400, "invalid_fields"},
			{users + "%zz&role=admin", session, 400, "invalid_fields"},
			{users + "limit=1&limit=2", session, 400, "invalid_fields"},
			{users + "role=admin&role=user", session, 400, "invalid_fields"},
			{"/auth/profile", session, 200, ""},
		} {
			c.send(getBytes(tc.target, "Cookie: "+tc.cookies))
			got, err := c.answer()
			if err != nil {
				t.Fatalf("%.80s with %.80s: %v", tc.target, tc.cookies, err)
			}
			if code, _ := got.member("code").(string); !got.is(tc.status) || code != tc.code {
				t.Errorf("%.80s with %.80s: %s; want %d %s", tc.target, tc.cookies, got, tc.status, tc.code)
			}
			if list, ok := got.member("users").([]any); ok && len(list) != 1 {
				t.Errorf("%.80s: %d accounts, but only one is an administrator", tc.target, len(list))
			}
		}
	})
}
