package server

import (
	"bytes"

	"github.com/gin-gonic/gin"

	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/webapp"
)

// verifyResponse holds an answer against the contract, if that is switched on.
// The client gets it either way: this is a report to the operator, and the
// tests' own check stands in the client.
func (s *Server) verifyResponse(c *gin.Context) {
	if !s.VerifyResponses {
		return
	}
	record := &recorder{ResponseWriter: c.Writer}
	c.Writer = record
	c.Next()
	op := contract.OperationFrom(c.Request.Context())
	if op == nil && record.Header().Get("Content-Security-Policy") == webapp.CSP {
		return // a page or a file of the web app, which the contract says nothing about
	}
	err := s.Contract.Verify(c.Request, op, record.Status(), record.Header(), record.body.Bytes())
	if err != nil {
		s.Violations.Add(1)
		s.Logger.ErrorContext(c.Request.Context(), "answer breaks the contract",
			"request_id", requestFrom(c.Request.Context()).id, "error", err)
	}
}

// recorder keeps a copy of the body that goes out.
type recorder struct {
	gin.ResponseWriter
	body bytes.Buffer
}

func (r *recorder) Write(b []byte) (int, error) {
	r.body.Write(b)
	return r.ResponseWriter.Write(b)
}

func (r *recorder) WriteString(s string) (int, error) {
	r.body.WriteString(s)
	return r.ResponseWriter.WriteString(s)
}
