package server

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/singleflight"

	genapi "github.com/techtreks/auth/gen/api"
)

// GetBanner answers at the server's address itself. In production it says
// nothing about what it is.
func (s *Server) GetBanner(context.Context, genapi.GetBannerRequestObject) (genapi.GetBannerResponseObject, error) {
	if s.Production {
		return genapi.GetBanner200TextResponse{Body: "ok"}, nil
	}
	return genapi.GetBanner200TextResponse{Body: fmt.Sprintf("Backend is running on port %d!", s.Port)}, nil
}

// GetHealth answers as long as the process does.
func (s *Server) GetHealth(context.Context, genapi.GetHealthRequestObject) (genapi.GetHealthResponseObject, error) {
	return genapi.GetHealth200JSONResponse{Body: genapi.Health{Ok: true}}, nil
}

// GetReadiness says whether requests should be sent here.
func (s *Server) GetReadiness(ctx context.Context, _ genapi.GetReadinessRequestObject) (genapi.GetReadinessResponseObject, error) {
	if s.Draining.Load() {
		return nil, errShuttingDown
	}
	if err := s.databaseReady(ctx); err != nil {
		return nil, errUnavailable.Because(err)
	}
	ready := genapi.Readiness{Ok: true}
	if s.ignoresForwarding() {
		ready.Warnings = &[]genapi.ReadinessWarning{genapi.ReadinessWarningForwardedForIgnored}
	}
	return genapi.GetReadiness200JSONResponse{Body: ready}, nil
}

// readyFor is how long a look at the database counts, and readyWithin how long
// one may take. Probes cost one look a second, however many there are.
const (
	readyFor    = time.Second
	readyWithin = 2 * time.Second
)

// readiness is what the last look at the database has found. One request looks
// at a time, and those that come meanwhile get what it finds.
type readiness struct {
	looking singleflight.Group
	checked time.Time
	err     error
}

// databaseReady asks the database, or remembers what it said.
func (s *Server) databaseReady(ctx context.Context) error {
	result := s.ready.looking.DoChan("", func() (outcome any, _ error) {
		// It runs beside the requests, where a panic would end the process.
		defer func() { outcome = recover() }()
		if s.ready.checked.IsZero() || s.Now().Sub(s.ready.checked) >= readyFor {
			// Not the first caller's own patience: its leaving is no verdict on
			// the database.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyWithin)
			defer cancel()
			s.ready.err = s.DB.Ready(ctx)
			s.ready.checked = s.Now()
		}
		return nil, s.ready.err
	})
	select {
	case r := <-result:
		if r.Val != nil {
			panic(r.Val) // in the request, which answers for it
		}
		return r.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}
