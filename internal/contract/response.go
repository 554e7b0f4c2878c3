package contract

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/go-json-experiment/json/jsontext"
)

// promised are the headers about which the contract is exact: an answer that
// documents one has it, and an answer that has one documents it. Headers that
// every answer carries in the same way, such as those for browsers' security,
// are described once, in docs/security.md.
var promised = []string{"Allow", "Cache-Control", "Retry-After", "Set-Cookie", "X-Request-Id"}

// Verify says whether an answer is one that the contract allows: its status,
// its headers, its media type and its body. op is nil for an address that is
// not in the contract.
func (c *Contract) Verify(r *http.Request, op *Operation, status int, header http.Header, body []byte) error {
	if r.Method == http.MethodOptions {
		return verifyOptions(status, header, body)
	}
	if op == nil || status == http.StatusMethodNotAllowed {
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
	for _, name := range promised {
		_, documented := ref.Value.Headers[documentName(name)]
		if present := header.Get(name) != ""; present != documented {
			return fmt.Errorf("header %s: documented %t, present %t", name, documented, present)
		}
	}
	for _, name := range []string{"RateLimit", "RateLimit-Policy"} {
		_, documented := ref.Value.Headers[name]
		present := header.Get(name) != ""
		// Other failures may say it too: how many attempts a wrong password leaves.
		if status < 300 && present && !documented || status == http.StatusTooManyRequests && (!present || !documented) {
			return fmt.Errorf("header %s: documented %t, present %t", name, documented, present)
		}
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
	// Only JSON has a structure to look into; the rest is text or bytes.
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

// verifyOptions checks the one answer that is the same for every path.
func verifyOptions(status int, header http.Header, body []byte) error {
	switch {
	case status == http.StatusForbidden || status == http.StatusNotFound:
		return nil
	case status != http.StatusNoContent:
		return fmt.Errorf("OPTIONS answered %d", status)
	case len(body) != 0:
		return errors.New("OPTIONS answered with a body")
	case header.Get("Allow") == "" && header.Get("Access-Control-Allow-Methods") == "":
		return errors.New("OPTIONS answered without the methods")
	}
	return nil
}

// documentName is a header's name as the document spells it.
func documentName(canonical string) string {
	if canonical == "X-Request-Id" {
		return "X-Request-ID"
	}
	return canonical
}
