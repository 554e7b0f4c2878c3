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
	"github.com/techtreks/auth/internal/problem"
)

// MaxBody is the maximum size of a request body in bytes. The validator reads the
// whole body, so the server applies the limit first (in the spirit of ASVS
// 5.0.0-4.3.1: an unauthenticated client must not cause a large allocation with
// one request).
const MaxBody = 64 << 10

// checkOptions are shared by all requests. KeepValidatedValue makes the
// generated handler use the validated value instead of decoding the bytes again:
// encoding/json ignores the case of names, so a second decoder could read another
// value than the first. Error texts contain no values: the default would print a
// rejected password.
var checkOptions = &openapi3filter.Options{
	MultiError:         true,
	KeepValidatedValue: true,
	// The Enforcer has checked session and role already.
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
	// The validator checks times with a pattern, which accepts a 30th of February.
	// time.Parse accepts a zone offset of a day, which cannot be formatted again. RFC
	// 3339 section 5.6 allows neither, and later code would fail on such values.
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
	switch {
	case body == nil:
		// The validator would read any body, and wait for one that does not arrive.
		r.Body = http.NoBody
	case !body.Value.Required && r.ContentLength == 0:
		// The body is optional and missing, so there is no media type or JSON to check.
	default:
		if err := readJSON(r); err != nil {
			return err
		}
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

// readJSON reads the body and replaces it by its bytes if they are exactly one
// JSON value. The check is stricter than encoding/json, which accepts two
// members of one name (the last wins), bytes after the value, and invalid UTF-8:
// with any of the three, two parsers can read different values from one request
// (RFC 8259 sections 4 and 8, I-JSON RFC 7493).
func readJSON(r *http.Request) error {
	mediaType, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := params["charset"]
	encoding := r.Header.Get("Content-Encoding")
	switch {
	case err != nil, mediaType != "application/json",
		charset != "" && !strings.EqualFold(charset, "utf-8"),
		encoding != "" && !strings.EqualFold(encoding, "identity"):
		return problem.UnsupportedMediaType
	case r.ContentLength > MaxBody:
		return problem.BodyTooLarge
	}
	data, err := io.ReadAll(r.Body)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return problem.BodyTooLarge
	}
	if err != nil || !jsontext.Value(data).IsValid() {
		return problem.MalformedBody.Because(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(data))
	r.GetBody = nil
	return nil
}
