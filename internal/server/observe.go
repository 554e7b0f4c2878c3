package server

import (
	"bytes"

	"github.com/gin-gonic/gin"

	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/metrics"
	"github.com/techtreks/auth/internal/reqctx"
	"github.com/techtreks/auth/internal/tracing"
	"github.com/techtreks/auth/internal/webapp"
)

// measureRequest counts each request by operation and outcome.
func (s *Server) measureRequest(c *gin.Context) {
	start := s.Now()
	defer func() {
		ctx := c.Request.Context()
		r := metrics.Request{
			Route: route(ctx), Method: knownMethod(c.Request.Method),
			Status: c.Writer.Status(), Took: s.Now().Sub(start),
		}
		if failure := exchangeFrom(ctx).failure; failure != nil {
			r.Code = failure.Code
		}
		s.Metrics.Request(r)
	}()
	c.Next()
}

// traceRequest makes a span of the request. The spans of its queries and hashes are
// children of it.
func (s *Server) traceRequest(c *gin.Context) {
	if s.Tracer == nil {
		return
	}
	ctx, end := s.Tracer.Request(c.Request.Context(), c.Request.Header, s.Forwarded.fromProxy(c.Request))
	c.Request = c.Request.WithContext(ctx)
	defer func() {
		ctx := c.Request.Context()
		r := tracing.Request{
			ID: reqctx.From(ctx).RequestID, Method: knownMethod(c.Request.Method), Route: route(ctx), Status: c.Writer.Status(),
		}
		if failure := exchangeFrom(ctx).failure; failure != nil {
			r.Code = failure.Code
		}
		end(r)
	}()
	c.Next()
}

// verifyResponse compares an answer with the contract, if that is switched on. The client
// gets it either way: this is a report to the operator.
func (s *Server) verifyResponse(c *gin.Context) {
	if !s.VerifyResponses {
		return
	}
	record := &recorder{ResponseWriter: c.Writer}
	c.Writer = record
	c.Next()
	ctx := c.Request.Context()
	op := contract.OperationFrom(ctx)
	if op == nil && record.Header().Get("Content-Security-Policy") == webapp.CSP {
		return // a page or a file of the web app, which is not in the contract
	}
	err := s.Contract.Verify(c.Request, op, record.Status(), record.Header(), record.body.Bytes())
	if err != nil {
		s.Metrics.ContractViolation()
		s.Logger.ErrorContext(ctx, "answer breaks the contract", "request_id", reqctx.From(ctx).RequestID, "error", err)
	}
}

// recorder copies the body that is sent.
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
