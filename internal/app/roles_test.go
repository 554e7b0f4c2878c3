package app_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/techtreks/auth/api"
	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/ratelimit"
)

// Who gets an answer other than 401 and 403 for who they are.
var (
	everybody  = []string{"anonymous", "user", "unverified", "disabled", "moderator", "admin"}
	loggedIn   = []string{"user", "unverified", "moderator", "admin"}
	moderators = []string{"moderator", "admin"}
	admins     = []string{"admin"}
)

// mayCall is the whole of who may do what (ASVS 5.0.0-8.1.1): an operation that
// is not in it fails the test, whatever the contract says of it.
var mayCall = map[string][]string{
	"getBanner": everybody, "getHealth": everybody, "getReadiness": everybody,
	"listPreviewedMail": everybody, "showPreviewedMail": everybody,
	"getContractYAML": everybody, "getContractJSON": everybody, "getDocs": everybody, "getDocsAsset": everybody,

	"register": everybody, "login": everybody, "logout": everybody, "getCurrentUser": everybody,
	"verifyEmail": everybody, "verifyEmailByLink": everybody, "resendVerification": everybody, "confirmEmail": everybody,
	"requestReset": everybody, "resetPassword": everybody, "resetPasswordByLink": everybody,

	"getProfile": loggedIn, "updateProfile": loggedIn, "changePassword": loggedIn, "reauthenticate": loggedIn,
	"getActivity": loggedIn, "exportAccount": loggedIn, "deleteAccount": loggedIn,
	"listSessions": loggedIn, "endSession": loggedIn, "endOtherSessions": loggedIn,

	"listUsers": moderators, "getUser": moderators, "disableUser": moderators, "enableUser": moderators,
	"createUser": admins, "deleteUser": admins, "setUserRole": admins, "sendPasswordReset": admins, "markEmailVerified": admins,
	"listAuditEvents": admins, "listUserSessions": admins, "endUserSessions": admins, "endUserSession": admins,
}

// refusal is what somebody gets who may not.
func refusal(who string) (int, string) {
	if who == "anonymous" || who == "disabled" {
		return 401, "login_required"
	}
	return 403, "forbidden"
}

func TestEveryOperationIsForThoseItIsFor(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("keeper") // there is always another administrator
		h.SetRole("keeper", "admin")
		h.Browser().Register("target") // account 2, as in the examples of the contract
		for _, op := range h.Contract.Operations {
			may, known := mayCall[op.ID]
			if !known {
				t.Errorf("nobody has said who may call %s", op.ID)
			}
			for i, who := range everybody {
				b := h.Browser()
				if who != "anonymous" {
					b = h.LogInAs(fmt.Sprintf("%s%d", op.ID[:min(20, len(op.ID))], i), who)
				}
				path, body := h.Sample(op)
				// What the request says of the role counts for nothing.
				a := b.Call(op.Method, path, body, apptest.Header("X-User-Role", "admin"), apptest.Header("X-User-Id", "1"))
				status, code := refusal(who)
				refused := a.Status == status && a.JSON()["code"] == code
				if refused == slices.Contains(may, who) {
					t.Errorf("%s by %s: %d %s", op.ID, who, a.Status, a.Body)
				}
			}
		}
		for id := range mayCall {
			if h.Contract.Operation(id) == nil {
				t.Errorf("%s is no operation", id)
			}
		}
	})
}

// Everything under /auth/admin needs a role, and says so in the contract.
func TestAdministrationIsNeverOpen(t *testing.T) {
	c, err := contract.Load(api.OpenAPI, nil, ratelimit.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, op := range c.Operations {
		if !strings.HasPrefix(op.Path, "/auth/admin/") {
			continue
		}
		found++
		if op.Session != contract.SessionRequired || len(op.Roles) == 0 || slices.Contains(op.Roles, "user") {
			t.Errorf("%s is for %v", op.ID, op.Roles)
		}
	}
	if found < 12 {
		t.Errorf("only %d operations", found)
	}
}

// A role that is taken away, or an account that is disabled, counts at the next
// request, on the instance that was not asked as well (ASVS 5.0.0-8.3.2, 7.4.2).
func TestRolesCountAtOnceOnEveryInstance(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		other := h.StartAnother()
		root := h.Admin("alice")
		for name, take := range apptest.InOrder(map[string]struct {
			method, path string
			body         any
			status       int
			code         string
		}{
			"demoted":    {"PUT", "/role", apptest.Members{"role": "user"}, 403, "forbidden"},
			"moderating": {"PUT", "/role", apptest.Members{"role": "moderator"}, 403, "forbidden"},
			"disabled":   {"POST", "/disable", nil, 401, "login_required"},
			"deleted":    {"DELETE", "", nil, 401, "login_required"},
		}) {
			boss := h.Member(name, "admin")
			elsewhere := other.Browser()
			elsewhere.Login(name)
			for _, b := range []*apptest.Browser{boss, elsewhere} {
				b.Call("GET", "/auth/admin/users/1/sessions", nil).Want(200, "")
			}
			id := boss.Call("GET", "/auth/profile", nil).JSON()["id"]
			root.Call(take.method, fmt.Sprintf("/auth/admin/users/%v%s", id, take.path), take.body).Want(200, "")
			for _, b := range []*apptest.Browser{boss, elsewhere} {
				b.Call("GET", "/auth/admin/users/1/sessions", nil, func(r *http.Request) { r.Header.Set("X-User-Role", "admin") }).Want(take.status, take.code)
			}
		}
	})
}
