package contract

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/techtreks/auth/internal/email"
)

// MaxBody is the size of the largest request body in bytes. The validator
// reads a body whole, so the limit stands before it (ASVS 5.0.0-4.3.1 in
// spirit: an unauthenticated caller must not buy much memory with one
// request).
const MaxBody = 64 << 10

// checkOptions are shared by all requests. KeepValidatedValue makes the
// generated handler bind the value that was validated instead of decoding the
// bytes a second time: encoding/json folds the case of names, so a second
// decoder could see another value than the first. Values stay out of error
// texts: the default would print a rejected password.
var checkOptions = &openapi3filter.Options{
	MultiError:         true,
	KeepValidatedValue: true,
	// Sessions and roles were checked before, by Enforcer.CheckRole.
	AuthenticationFunc:      openapi3filter.NoopAuthenticationFunc,
	SchemaValidationOptions: schemaOptions,
}

var schemaOptions = []openapi3.SchemaValidationOption{
	openapi3.DisableSchemaErrorDetails(),
	openapi3.EnableFormatValidation(),
	openapi3.WithStringFormatValidator("email", openapi3.NewCallbackValidator(func(s string) error {
		_, err := email.Parse(s)
		return err
	})),
	// The validator's own is a pattern, to which there is a 30th of February, and
	// time.Parse takes a zone that is a day away, which cannot be written again
	// (RFC 3339 section 5.6 has neither). What comes after would fail on them.
	openapi3.WithStringFormatValidator("date-time", openapi3.NewCallbackValidator(func(s string) error {
		t, err := time.Parse(time.RFC3339, s)
		if err == nil {
			_, err = t.MarshalText()
		}
		return err
	})),
}

func (op *Operation) checkRequest(r *http.Request, params map[string]string) error {
	body := op.route.Operation.RequestBody
	if body == nil {
		// The validator would read whatever comes, and wait for what does not.
		r.Body = http.NoBody
	} else if err := readJSON(r); err != nil {
		return err
	}
	if err := op.checkQuery(r); err != nil {
		return err
	}
	err := openapi3filter.ValidateRequest(r.Context(), &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: op.route, Options: checkOptions,
	})
	if err == nil {
		return nil
	}
	var root *openapi3.Schema
	if body != nil {
		root = body.Value.Content.Get("application/json").Schema.Value
	}
	return describe(err, root)
}

// readJSON reads the body and replaces it by its bytes, if they are one JSON
// value and nothing else. The check is stricter than encoding/json, which
// takes two members of one name (the last wins), bytes after the value, and
// invalid UTF-8: all three let two readers of one request disagree about what
// it says (RFC 8259 sections 4 and 8, I-JSON RFC 7493).
func readJSON(r *http.Request) error {
	mediaType, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := params["charset"]
	encoding := r.Header.Get("Content-Encoding")
	switch {
	case err != nil, mediaType != "application/json",
		charset != "" && !strings.EqualFold(charset, "utf-8"),
		encoding != "" && !strings.EqualFold(encoding, "identity"):
		return ErrUnsupportedMediaType
	case r.ContentLength > MaxBody:
		return ErrBodyTooLarge
	}
	data, err := io.ReadAll(r.Body)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return ErrBodyTooLarge
	}
	if err != nil || !jsontext.Value(data).IsValid() {
		return ErrMalformedBody.Because(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(data))
	r.GetBody = nil
	return nil
}
