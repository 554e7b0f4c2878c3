package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/techtreks/auth/api"
	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/ratelimit"
)

// Callers that an operation does not reject because of their role or session.
var (
	anyone     = []string{"anonymous", "user", "unverified", "disabled", "moderator", "admin"}
	loggedIn   = []string{"user", "unverified", "moderator", "admin"}
	moderators = []string{"moderator", "admin"}
	admins     = []string{"admin"}
)

// mayCall is the complete authorization table (ASVS 5.0.0-8.1.1): an operation that is not
// in it fails the test, whatever its roles in the contract are.
var mayCall = map[string][]string{
	"getBanner": anyone, "getHealth": anyone, "getReadiness": anyone,
	"listPreviewedMail": anyone, "showPreviewedMail": anyone,
	"getContractYAML": anyone, "getContractJSON": anyone, "getDocs": anyone, "getDocsAsset": anyone,

	"register": anyone, "login": anyone, "logout": anyone, "getCurrentUser": anyone,
	"verifyEmail": anyone, "verifyEmailByLink": anyone, "resendVerification": anyone, "confirmEmail": anyone,
	"requestReset": anyone, "resetPassword": anyone, "resetPasswordByLink": anyone,

	"getProfile": loggedIn, "updateProfile": loggedIn, "changePassword": loggedIn, "reauthenticate": loggedIn,
	"getActivity": loggedIn, "exportAccount": loggedIn, "deleteAccount": loggedIn,
	"listSessions": loggedIn, "endSession": loggedIn, "endOtherSessions": loggedIn,

	"listUsers": moderators, "getUser": moderators, "disableUser": moderators, "enableUser": moderators,
	"createUser": admins, "deleteUser": admins, "setUserRole": admins, "sendPasswordReset": admins, "markEmailVerified": admins,
	"listAuditEvents": admins, "listUserSessions": admins, "endUserSessions": admins, "endUserSession": admins,
}

// refusal returns the status and code for a caller who is not allowed.
func refusal(caller string) (int, string) {
	if caller == "anonymous" || caller == "disabled" {
		return 401, "login_required"
	}
	return 403, "forbidden"
}

func TestOperations_AllowExactlyTheDocumentedCallers(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("keeper") // another administrator
		h.SetRole("keeper", "admin")
		h.Browser().Register("target") // account 2, as in the examples of the contract
		for _, op := range h.Contract.Operations {
			allowed, known := mayCall[op.ID]
			if !known {
				t.Errorf("mayCall lacks %s", op.ID)
			}
			for i, caller := range anyone {
				b := h.Browser()
				if caller != "anonymous" {
					b = logInAs(h, fmt.Sprintf("%s%d", op.ID[:min(20, len(op.ID))], i), caller)
				}
				path, body := h.Sample(op)
				// Headers with a role or an id have no effect.
				a := b.Call(op.Method, path, body, apptest.Header("X-User-Role", "admin"), apptest.Header("X-User-Id", "1"))
				status, code := refusal(caller)
				refused := a.Status == status && a.JSON()["code"] == code
				if refused == slices.Contains(allowed, caller) {
					t.Errorf("%s by %s: got %d %s, want allowed %t", op.ID, caller, a.Status, a.Body, refused)
				}
			}
		}
		for id := range mayCall {
			if h.Contract.Operation(id) == nil {
				t.Errorf("mayCall has %s, which is not an operation", id)
			}
		}
	})
}

// Every operation under /auth/admin has a role in the contract.
func TestAdministration_AlwaysRequiresRole(t *testing.T) {
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
			t.Errorf("%s: got the roles %v, want a session and a role above user", op.ID, op.Roles)
		}
	}
	if found < 12 {
		t.Errorf("got %d operations, want at least 12", found)
	}
}

// A changed role or a disabled account takes effect at the next request, also on the other
// instance (ASVS 5.0.0-8.3.2, 7.4.2).
func TestSetUserRole_TakesEffectOnBothInstances(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		other := h.StartAnother()
		root := h.Admin("alice")
		for name, test := range apptest.InOrder(map[string]struct {
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
			admin := h.Member(name, "admin")
			elsewhere := other.Browser()
			elsewhere.Login(name)
			for _, b := range []*apptest.Browser{admin, elsewhere} {
				b.Call("GET", "/auth/admin/users/1/sessions", nil).Want(200, "")
			}
			id := admin.Call("GET", "/auth/profile", nil).JSON()["id"]
			root.Call(test.method, fmt.Sprintf("/auth/admin/users/%v%s", id, test.path), test.body).Want(200, "")
			for _, b := range []*apptest.Browser{admin, elsewhere} {
				b.Call("GET", "/auth/admin/users/1/sessions", nil, apptest.Header("X-User-Role", "admin")).Want(test.status, test.code)
			}
		}
	})
}

// logInAs registers an account of one kind and logs it in. The kinds are the roles,
// "unverified" and "disabled"; all but the unverified account have a verified email.
func logInAs(h *apptest.Harness, name, kind string) *apptest.Browser {
	h.T.Helper()
	role := kind
	if !slices.Contains([]string{"moderator", "admin"}, kind) {
		role = "user"
	}
	b := h.Member(name, role)
	switch kind {
	case "unverified":
		return b
	case "disabled":
		h.Exec("UPDATE users SET disabled_at = created_at WHERE username = $1", name)
	}
	h.Exec("UPDATE users SET email_verified_at = created_at WHERE username = $1", name)
	return b
}
