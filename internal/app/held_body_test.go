package app_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/contract"
)

// A request is authorized before its body is read. Its sender can hold the body back until
// the session, the role, the account or the fresh login is gone.

// heldRequests has, for every operation with a session and a body, the requests that a
// client could hold back. The caller is an administrator; SELF and OTHER in a path stand for
// the ids of the caller and of another account.
var heldRequests = map[string][]heldRequest{
	"updateProfile":  {{"/auth/update_profile", apptest.Members{"username": "malice"}, false}, {"/auth/update_profile", apptest.Members{"email": "malice@example.com"}, true}},
	"changePassword": {{"/auth/change_password", apptest.Members{"current_password": apptest.GoodPassword, "new_password": apptest.NewPassword}, false}},
	"reauthenticate": {{"/auth/reauthenticate", apptest.Members{"password": apptest.GoodPassword}, false}},
	"deleteAccount":  {{"/auth/account", apptest.Members{}, true}, {"/auth/account", apptest.Members{"password": apptest.GoodPassword}, false}},
	"createUser":     {{"/auth/admin/users", apptest.Members{"username": "mallory", "email": "mallory@example.com", "role": "admin"}, true}},
	"setUserRole": {
		{"/auth/admin/users/SELF/role", apptest.Members{"role": "admin"}, true},
		{"/auth/admin/users/OTHER/role", apptest.Members{"role": "admin"}, true},
	},
}

type heldRequest struct {
	path  string
	body  apptest.Members
	fresh bool // a fresh login is what authorizes it
}

func TestOperations_HeldBodyHasNoEffectAfterRevocation(t *testing.T) {
	revocations := map[string]struct {
		revoke  func(h *apptest.Harness, caller string)
		applies func(op *contract.Operation, r heldRequest) bool
		status  int
		code    string
	}{
		"session ended": {func(h *apptest.Harness, caller string) {
			h.Exec("DELETE FROM sessions WHERE user_id = (SELECT id FROM users WHERE username = $1)", caller)
		}, always, 401, "login_required"},
		"session idle": {func(h *apptest.Harness, _ string) { h.Clock.Advance(h.Config.SessionIdle) }, func(_ *contract.Operation, r heldRequest) bool { return !r.fresh }, 401, "login_required"},
		"account disabled": {func(h *apptest.Harness, caller string) {
			h.Exec("UPDATE users SET disabled_at = created_at WHERE username = $1", caller)
		}, always, 401, "login_required"},
		"account deleted":       {func(h *apptest.Harness, caller string) { h.Exec("DELETE FROM users WHERE username = $1", caller) }, always, 401, "login_required"},
		"role lost":             {func(h *apptest.Harness, caller string) { h.SetRole(caller, "user") }, func(op *contract.Operation, _ heldRequest) bool { return op.Roles != nil }, 403, "forbidden"},
		"login no longer fresh": {func(h *apptest.Harness, _ string) { h.Clock.Advance(11 * time.Minute) }, func(_ *contract.Operation, r heldRequest) bool { return r.fresh }, 403, "reauth_required"},
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for _, op := range h.Contract.Operations {
			if _, body := h.Sample(op); op.Session == contract.SessionRequired && body != nil && heldRequests[op.ID] == nil {
				t.Errorf("heldRequests lacks %s", op.ID)
			}
		}
		h.Admin("keeper") // an administrator remains
		tries := 0
		for id, requests := range apptest.InOrder(heldRequests) {
			op := h.Contract.Operation(id)
			for _, r := range requests {
				for name, test := range apptest.InOrder(revocations) {
					if !test.applies(op, r) {
						continue
					}
					tries++
					caller, other := fmt.Sprintf("caller%d", tries), fmt.Sprintf("other%d", tries)
					h.Browser().Register(other)
					admin := h.Member(caller, "admin")
					path := strings.NewReplacer("SELF", fmt.Sprint(h.IDOf(caller)), "OTHER", fmt.Sprint(h.IDOf(other))).Replace(r.path)
					send := hold(h, admin, op.Method, path, r.body)
					test.revoke(h, caller)
					before := h.Dump()
					status, code := send()
					if status != test.status || code != test.code {
						t.Errorf("%s %v, %s: got %d %s, want %d %s", id, r, name, status, code, test.status, test.code)
					}
					if h.Dump() != before {
						t.Errorf("%s %v, %s: the database has changed", id, r, name)
					}
				}
			}
		}
	})
}

func always(*contract.Operation, heldRequest) bool { return true }

// hold sends the header of a request and waits until the server asks for the body, which is
// after authorization. The returned function sends the body and reads the answer.
func hold(h *apptest.Harness, b *apptest.Browser, method, path string, body apptest.Members) (send func() (status int, code string)) {
	h.T.Helper()
	text := apptest.Quoted(body)
	cookie := b.Client.Jar.Cookies(&url.URL{Scheme: "http", Host: strings.TrimPrefix(h.URL, "http://")})[0].Value
	host := strings.TrimPrefix(h.URL, "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		h.T.Fatal(err)
	}
	_, err = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\nCookie: session=%s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n",
		method, path, host, cookie, len(text))
	if err != nil {
		h.T.Fatal(err)
	}
	in := bufio.NewReader(conn)
	if line, err := in.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		h.T.Fatalf("%s %s: got %q, %v before the body", method, path, line, err)
	}
	if _, err := in.ReadString('\n'); err != nil {
		h.T.Fatal(err)
	}
	return func() (int, string) {
		defer func() { _ = conn.Close() }()
		if _, err := io.WriteString(conn, text); err != nil {
			h.T.Fatal(err)
		}
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			h.T.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		var answer struct{ Code string }
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
			h.T.Fatal(err)
		}
		return response.StatusCode, answer.Code
	}
}
