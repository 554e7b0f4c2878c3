// Package development shows the mails that a development server would have sent.
package development

import (
	"bytes"
	"context"
	_ "embed"
	"html/template"
	"strings"

	genapi "github.com/techtreks/auth/gen/api"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/reqctx"
)

//go:embed preview.html
var previewHTML string

var previewPage = template.Must(template.New("preview").Parse(previewHTML))

// The content security policies of the pages. Neither runs scripts. A mail contains text
// that clients chose, so it is in a sandbox as well; its links open outside of it.
const (
	listPolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
	mailPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)

// A Handler implements the operations of the tag development.
type Handler struct {
	// Preview holds the mails; nil in production and with a mail server.
	Preview *mail.Preview
}

// preview returns the mails, nil for a request from another machine: they contain links
// that open accounts, and a server without APP_ENV=production may be reachable from a
// network.
func (h *Handler) preview(ctx context.Context) *mail.Preview {
	if !reqctx.From(ctx).Local {
		return nil
	}
	return h.Preview
}

// ListPreviewedMail returns a page with the latest mails.
func (h *Handler) ListPreviewedMail(ctx context.Context, _ genapi.ListPreviewedMailRequestObject) (genapi.ListPreviewedMailResponseObject, error) {
	preview := h.preview(ctx)
	if preview == nil {
		return nil, problem.NotFound
	}
	var page bytes.Buffer
	if err := previewPage.Execute(&page, preview.List()); err != nil {
		return nil, err
	}
	policy := listPolicy
	return genapi.ListPreviewedMail200TextHTMLResponse{
		Body: &page, ContentLength: int64(page.Len()),
		Headers: genapi.ListPreviewedMail200ResponseHeaders{ContentSecurityPolicy: &policy},
	}, nil
}

// ShowPreviewedMail returns one mail as its reader would see it.
func (h *Handler) ShowPreviewedMail(ctx context.Context, in genapi.ShowPreviewedMailRequestObject) (genapi.ShowPreviewedMailResponseObject, error) {
	preview := h.preview(ctx)
	if preview == nil {
		return nil, problem.NotFound
	}
	found, ok := preview.Get(int64(in.ID))
	if !ok {
		return nil, problem.NotFound
	}
	policy := mailPolicy
	return genapi.ShowPreviewedMail200TextHTMLResponse{
		Body: strings.NewReader(found.HTML), ContentLength: int64(len(found.HTML)),
		Headers: genapi.ShowPreviewedMail200ResponseHeaders{ContentSecurityPolicy: &policy},
	}, nil
}
