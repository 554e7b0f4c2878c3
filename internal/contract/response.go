package contract

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/go-json-experiment/json/jsontext"
)

// promised lists the headers that a response must have if the contract describes them, and must not
// have otherwise. Headers that every response has, such as those for browser security, are
// described once, in docs/security.md.
var promised = []string{"Allow", "Cache-Control", "Retry-After", "Set-Cookie", "X-Request-Id"}

// unpromised are the headers that any response may have without a description in its operation: those
// of HTTP itself, and those for browsers, which every response has (docs/security.md).
var unpromised = []string{
	"Connection", "Content-Length", "Content-Type", "Date", "Vary",
	"Content-Security-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Referrer-Policy",
	"Strict-Transport-Security", "X-Content-Type-Options", "X-Frame-Options", "X-Xss-Protection",
	"Access-Control-Allow-Credentials", "Access-Control-Allow-Headers", "Access-Control-Allow-Methods",
	"Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "Access-Control-Max-Age",
}

// Verify reports whether the contract allows a response: its status, headers, media type and body.
// op is nil for a path or method that is not in the contract.
func (c *Contract) Verify(r *http.Request, op *Operation, status int, header http.Header, body []byte) error {
	if r.Method == http.MethodOptions && status < 300 {
		return verifyOptions(status, header, body)
	}
	if op == nil || r.Method == http.MethodOptions {
		op = c.unrouted
	}
	if err := op.verify(r, status, header, body); err != nil {
		return fmt.Errorf("%s %d: %w", op.ID, status, err)
	}
	return nil
}

func (op *Operation) verify(r *http.Request, status int, header http.Header, body []byte) error {
	ref := op.route.Operation.Responses.Status(status)
	if ref == nil {
		return errors.New("the contract does not have this status")
	}
	if err := verifyHeaders(ref.Value, status, header); err != nil {
		return err
	}
	contentType := header.Get("Content-Type")
	mediaType, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return fmt.Errorf("content type %q: %w", contentType, err)
	}
	isJSON := mediaType == "application/json"
	if isText := isJSON || strings.HasPrefix(mediaType, "text/") || mediaType == "application/yaml"; isText && params["charset"] != "utf-8" {
		return fmt.Errorf("content type %q lacks charset=utf-8", contentType)
	}
	options := *checkOptions
	options.IncludeResponseStatus = true
	// Only JSON has a structure to validate; the rest is text or bytes.
	options.ExcludeResponseBody = !isJSON
	err = openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, Route: op.route},
		Status:                 status,
		Header:                 header,
		Body:                   io.NopCloser(bytes.NewReader(body)),
		Options:                &options,
	})
	switch {
	case err != nil:
		return err
	case r.Method == http.MethodHead:
		return nil
	case isJSON && !jsontext.Value(body).IsValid():
		return errors.New("the body is not valid JSON")
	}
	media := ref.Value.Content.Get(mediaType)
	if media == nil {
		return fmt.Errorf("content type %q is not documented", contentType)
	}
	if !isJSON && media.Schema.Value.Format != "binary" {
		return media.Schema.Value.VisitJSON(string(body), schemaOptions...)
	}
	return nil
}

// verifyHeaders checks which headers are present. The validator checks their values.
func verifyHeaders(response *openapi3.Response, status int, header http.Header) error {
	for _, name := range promised {
		_, documented := response.Headers[documentName(name)]
		if count := len(header.Values(name)); count > 1 || (count == 1) != documented {
			return fmt.Errorf("header %s: documented %t, present %d times", name, documented, count)
		}
	}
	for name := range header {
		_, documented := response.Headers[documentName(name)]
		// An error, such as a wrong password, may carry the limits without describing them.
		limit := name == "Ratelimit" || name == "Ratelimit-Policy"
		if !documented && !slices.Contains(unpromised, name) && !(limit && status >= 400) {
			return fmt.Errorf("header %s: not documented", name)
		}
	}
	if status == http.StatusTooManyRequests && (header.Get("RateLimit") == "" || header.Get("RateLimit-Policy") == "") {
		return errors.New("a refusal by a limit without the limit")
	}
	return nil
}

// verifyOptions checks the response to OPTIONS, which is the same for every path.
func verifyOptions(status int, header http.Header, body []byte) error {
	switch {
	case status != http.StatusNoContent:
		return fmt.Errorf("OPTIONS answered %d", status)
	case len(body) != 0:
		return errors.New("OPTIONS answered with a body")
	case header.Get("Allow") == "" && header.Get("Access-Control-Allow-Methods") == "":
		return errors.New("OPTIONS answered without the methods")
	case header.Get("X-Request-ID") == "" || header.Get("Cache-Control") != "no-store":
		return errors.New("OPTIONS answered without X-Request-ID or Cache-Control")
	}
	return nil
}

// documentName returns the name of a header as the document spells it.
func documentName(canonical string) string {
	switch canonical {
	case "X-Request-Id":
		return "X-Request-ID"
	case "Ratelimit":
		return "RateLimit"
	case "Ratelimit-Policy":
		return "RateLimit-Policy"
	}
	return canonical
}
