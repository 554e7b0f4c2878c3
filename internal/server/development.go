package server

import (
	"bytes"
	"context"
	_ "embed"
	"html/template"
	"net"
	"net/netip"
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

// preview is where the mails are, for whoever sits at this machine. They have
// links in them that are ways into accounts, and a server that was started
// without APP_ENV=production may be open to a network. The name it is called by
// counts as well: a page elsewhere can have its own name lead here (DNS
// rebinding), and would then be of the same origin.
func (s *Server) preview(ctx context.Context) *mail.Preview {
	if !requestFrom(ctx).local {
		return nil
	}
	return s.Preview
}

// isLocal reports whether a request comes from this machine and asked for it by
// a name that cannot lead elsewhere. host may have a port.
func isLocal(ip netip.Addr, host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	named, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return ip.IsLoopback() && (host == "localhost" || err == nil && named.IsLoopback())
}

// ListPreviewedMail shows what would have been mailed.
func (s *Server) ListPreviewedMail(ctx context.Context, _ genapi.ListPreviewedMailRequestObject) (genapi.ListPreviewedMailResponseObject, error) {
	preview := s.preview(ctx)
	if preview == nil {
		return nil, errNotFound
	}
	var page bytes.Buffer
	if err := previewPage.Execute(&page, preview.List()); err != nil {
		return nil, err
	}
	policy := previewListPolicy
	return genapi.ListPreviewedMail200TextHTMLResponse{
		Body: &page, ContentLength: int64(page.Len()),
		Headers: genapi.ListPreviewedMail200ResponseHeaders{ContentSecurityPolicy: &policy},
	}, nil
}

// ShowPreviewedMail shows one mail as its reader would see it.
func (s *Server) ShowPreviewedMail(ctx context.Context, in genapi.ShowPreviewedMailRequestObject) (genapi.ShowPreviewedMailResponseObject, error) {
	var found mail.Previewed
	preview := s.preview(ctx)
	ok := preview != nil
	if ok {
		found, ok = preview.Get(int64(in.ID))
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
