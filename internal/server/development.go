package server

import (
	"bytes"
	"context"
	_ "embed"
	"html/template"
	"strings"

	genapi "github.com/techtreks/auth/gen/api"
	"github.com/techtreks/auth/internal/mail"
)

//go:embed preview.html
var previewHTML string

var previewPage = template.Must(template.New("preview").Parse(previewHTML))

// The policies of the pages with mails. Neither runs scripts. The mail itself
// is what a template has made of what strangers have typed, so it is kept in a
// sandbox as well; its links open outside.
const (
	previewListPolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
	previewMailPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)

// ListPreviewedMail shows what would have been mailed.
func (s *Server) ListPreviewedMail(context.Context, genapi.ListPreviewedMailRequestObject) (genapi.ListPreviewedMailResponseObject, error) {
	if s.Preview == nil {
		return nil, errNotFound
	}
	var page bytes.Buffer
	if err := previewPage.Execute(&page, s.Preview.List()); err != nil {
		return nil, err
	}
	policy := previewListPolicy
	return genapi.ListPreviewedMail200TextHTMLResponse{
		Body: &page, ContentLength: int64(page.Len()),
		Headers: genapi.ListPreviewedMail200ResponseHeaders{ContentSecurityPolicy: &policy},
	}, nil
}

// ShowPreviewedMail shows one mail as its reader would see it.
func (s *Server) ShowPreviewedMail(_ context.Context, in genapi.ShowPreviewedMailRequestObject) (genapi.ShowPreviewedMailResponseObject, error) {
	var found mail.Previewed
	ok := s.Preview != nil
	if ok {
		found, ok = s.Preview.Get(int64(in.ID))
	}
	if !ok {
		return nil, errNotFound
	}
	policy := previewMailPolicy
	return genapi.ShowPreviewedMail200TextHTMLResponse{
		Body: strings.NewReader(found.HTML), ContentLength: int64(len(found.HTML)),
		Headers: genapi.ShowPreviewedMail200ResponseHeaders{ContentSecurityPolicy: &policy},
	}, nil
}
