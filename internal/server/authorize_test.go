package server_test

import (
	"errors"
	"fmt"
	"testing"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/ratelimit"
	"github.com/techtreks/auth/internal/server"
	"github.com/techtreks/auth/internal/session"
)

func TestAuthorize_ChecksSessionAndRoles(t *testing.T) {
	const text = `openapi: 3.0.3
info: {title: t, version: "1"}
components:
  securitySchemes: {session: {type: apiKey, in: cookie, name: session}}
paths:
  /any:   {get: {operationId: any, security: [{session: []}], responses: {'200': {description: d}}}}
  /admin: {get: {operationId: admin, security: [{session: []}], x-roles: [admin], responses: {'200': {description: d}}}}
  /open:  {get: {operationId: open, responses: {'200': {description: d}}}}
`
	c, err := contract.Load([]byte(text), nil, ratelimit.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		role string // empty without session
		path string
		want string
	}{
		{"", "/open", ""}, {"", "/any", "login_required"}, {"", "/admin", "login_required"},
		{"user", "/any", ""}, {"user", "/admin", "forbidden"}, {"moderator", "/admin", "forbidden"}, {"admin", "/admin", ""},
		{"Admin", "/admin", "forbidden"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("role %q at %s", test.role, test.path), func(t *testing.T) {
			ctx := t.Context()
			if test.role != "" {
				ctx = session.With(ctx, &session.Session{User: gendb.User{Role: test.role}})
			}
			err := (&server.Server{}).Authorize(ctx, c.Find("GET", test.path))
			if code := codeOf(err); code != test.want {
				t.Errorf("got %q, want %q", code, test.want)
			}
		})
	}
}

// codeOf returns the code of a problem, "" for other errors.
func codeOf(err error) string {
	var refused *problem.Error
	if !errors.As(err, &refused) {
		return ""
	}
	return refused.Code
}
