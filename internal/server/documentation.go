package server

import (
	"bytes"
	"context"
	"net/http"

	genapi "github.com/techtreks/auth/gen/api"
	"github.com/techtreks/auth/internal/docsui"
)

// GetContractYAML serves the contract that this server enforces.
func (s *Server) GetContractYAML(context.Context, genapi.GetContractYAMLRequestObject) (genapi.GetContractYAMLResponseObject, error) {
	if !s.Docs {
		return nil, errNotFound
	}
	return genapi.GetContractYAML200ApplicationYamlResponse{
		Body: bytes.NewReader(s.Contract.YAML), ContentLength: int64(len(s.Contract.YAML)),
	}, nil
}

// contractJSON is the document as it was loaded. The generated type would
// decode it and write it again in another order.
type contractJSON []byte

func (c contractJSON) VisitGetContractJSONResponse(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "application/json")
	_, err := w.Write(c)
	return err
}

// GetContractJSON serves the same document as JSON.
func (s *Server) GetContractJSON(context.Context, genapi.GetContractJSONRequestObject) (genapi.GetContractJSONResponseObject, error) {
	if !s.Docs {
		return nil, errNotFound
	}
	return contractJSON(s.Contract.JSON), nil
}

// GetDocs serves the page to explore the contract.
func (s *Server) GetDocs(_ context.Context, _ genapi.GetDocsRequestObject) (genapi.GetDocsResponseObject, error) {
	if !s.Docs {
		return nil, errNotFound
	}
	page, policy := docsui.Index(), docsui.CSP
	return genapi.GetDocs200TextHTMLResponse{
		Body: bytes.NewReader(page), ContentLength: int64(len(page)),
		Headers: genapi.GetDocs200ResponseHeaders{ContentSecurityPolicy: &policy},
	}, nil
}

// GetDocsAsset serves a file of that page. Its content changes only with the
// server's version.
func (s *Server) GetDocsAsset(_ context.Context, in genapi.GetDocsAssetRequestObject) (genapi.GetDocsAssetResponseObject, error) {
	if !s.Docs {
		return nil, errNotFound
	}
	content, mediaType, ok := docsui.Asset(in.Asset)
	if !ok {
		return nil, errNotFound
	}
	body, size := bytes.NewReader(content), int64(len(content))
	keep := "public, max-age=3600"
	headers := genapi.GetDocsAsset200ResponseHeaders{CacheControl: &keep}
	switch mediaType {
	case "text/css":
		return genapi.GetDocsAsset200TextCSSResponse{Body: body, ContentLength: size, Headers: headers}, nil
	case "text/javascript":
		return genapi.GetDocsAsset200TextJavascriptResponse{Body: body, ContentLength: size, Headers: headers}, nil
	}
	return genapi.GetDocsAsset200ImagePngResponse{Body: body, ContentLength: size, Headers: headers}, nil
}
