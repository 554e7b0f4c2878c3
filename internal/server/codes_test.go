package server

import (
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/techtreks/auth/api"
	"github.com/techtreks/auth/internal/contract"
)

// Every failure that the server can send is in the contract, under its status;
// and the contract has no code that no failure stands for.
func TestErrorsAreInTheContract(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	type failure struct {
		status int
		code   string
	}
	var documented []failure
	add := func(status int, ref *openapi3.ResponseRef) {
		if ref == nil || ref.Value.Content.Get("application/json") == nil || status < 400 {
			return
		}
		for _, code := range ref.Value.Content.Get("application/json").Schema.Value.Properties["code"].Value.Enum {
			documented = append(documented, failure{status, code.(string)})
		}
	}
	add(405, doc.Components.Responses["MethodNotAllowed"])
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			for status := 400; status < 600; status++ {
				add(status, op.Responses.Status(status))
			}
		}
	}
	sent := []failure{{400, "missing_fields"}, {400, "invalid_fields"}} // made by contract.describe
	for _, e := range []*contract.Error{
		errAmbiguousSession, errInvalidCredentials, errCrossOrigin, errAccountDisabled, errNotFound, errMethodNotAllowed,
		errUsernameTaken, errEmailTaken, errRegistrationClosed, errEmailUnverified, errInvalidToken, errInvalidResetToken,
		errPasswordIncorrect, errReauthRequired, errEmailInUse, errLastAdmin, errMailOff, errNoMailToDisabled, errInvalidCursor, errInternal, errBusy, errUnavailable, errShuttingDown,
		contract.ErrLoginRequired, contract.ErrRateLimited, contract.ErrForbidden, contract.ErrMalformedBody, contract.ErrBodyTooLarge, contract.ErrUnsupportedMediaType,
	} {
		sent = append(sent, failure{e.Status, e.Code})
	}
	for _, f := range sent {
		if !slices.Contains(documented, f) {
			t.Errorf("%d %s is not in the contract", f.status, f.code)
		}
	}
	for _, f := range documented {
		if !slices.Contains(sent, f) {
			t.Errorf("%d %s is in the contract, and nothing sends it", f.status, f.code)
		}
	}
}
