package server

import (
	"bytes"
	"context"
	"net/http"

	genapi "github.com/techtreks/auth/gen/api"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/docsui"
	"github.com/techtreks/auth/internal/problem"
)

// A Documentation implements the operations of the tag documentation.
type Documentation struct {
	Contract *contract.Contract
	Enabled  bool // without it every operation answers 404
}

// GetContractYAML serves the contract that this server enforces.
func (d *Documentation) GetContractYAML(context.Context, genapi.GetContractYAMLRequestObject) (genapi.GetContractYAMLResponseObject, error) {
	if !d.Enabled {
		return nil, problem.NotFound
	}
	return genapi.GetContractYAML200ApplicationYamlResponse{
		Body: bytes.NewReader(d.Contract.YAML), ContentLength: int64(len(d.Contract.YAML)),
	}, nil
}

// contractJSON is the document as it was loaded. The generated type would decode it and
// encode it in another order.
type contractJSON []byte

func (c contractJSON) VisitGetContractJSONResponse(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "application/json")
	_, err := w.Write(c)
	return err
}

// GetContractJSON serves the same document as JSON.
func (d *Documentation) GetContractJSON(context.Context, genapi.GetContractJSONRequestObject) (genapi.GetContractJSONResponseObject, error) {
	if !d.Enabled {
		return nil, problem.NotFound
	}
	return contractJSON(d.Contract.JSON), nil
}

// GetDocs serves the page of Swagger UI.
func (d *Documentation) GetDocs(_ context.Context, _ genapi.GetDocsRequestObject) (genapi.GetDocsResponseObject, error) {
	if !d.Enabled {
		return nil, problem.NotFound
	}
	page, policy := docsui.Index(), docsui.CSP
	return genapi.GetDocs200TextHTMLResponse{
		Body: bytes.NewReader(page), ContentLength: int64(len(page)),
		Headers: genapi.GetDocs200ResponseHeaders{ContentSecurityPolicy: &policy},
	}, nil
}

// GetDocsAsset serves a file of that page, which changes only with the version of the
// server.
func (d *Documentation) GetDocsAsset(_ context.Context, in genapi.GetDocsAssetRequestObject) (genapi.GetDocsAssetResponseObject, error) {
	if !d.Enabled {
		return nil, problem.NotFound
	}
	content, mediaType, ok := docsui.Asset(in.Asset)
	if !ok {
		return nil, problem.NotFound
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
