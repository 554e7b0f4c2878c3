package server

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/techtreks/auth/db"
	genapi "github.com/techtreks/auth/gen/api"
	"github.com/techtreks/auth/internal/problem"
)

// A Service implements the operations of the tag service. All fields are required unless
// they say otherwise.
type Service struct {
	DB        *db.DB
	Forwarded *Forwarded
	Now       func() time.Time
	// Production hides what the server is.
	Production bool
	Port       int // for the banner
	// Draining makes readiness fail, so that a load balancer sends no new requests while
	// those in flight finish.
	Draining atomic.Bool

	mu      sync.Mutex
	checked time.Time // the latest check of the database
	err     error     // its result
}

// GetBanner answers at the root path.
func (s *Service) GetBanner(context.Context, genapi.GetBannerRequestObject) (genapi.GetBannerResponseObject, error) {
	if s.Production {
		return genapi.GetBanner200TextResponse{Body: "ok"}, nil
	}
	return genapi.GetBanner200TextResponse{Body: fmt.Sprintf("Backend is running on port %d!", s.Port)}, nil
}

// GetHealth answers as long as the process runs.
func (s *Service) GetHealth(context.Context, genapi.GetHealthRequestObject) (genapi.GetHealthResponseObject, error) {
	return genapi.GetHealth200JSONResponse{Body: genapi.Health{Ok: true}}, nil
}

// GetReadiness reports whether the server should get requests.
func (s *Service) GetReadiness(ctx context.Context, _ genapi.GetReadinessRequestObject) (genapi.GetReadinessResponseObject, error) {
	if s.Draining.Load() {
		return nil, problem.ShuttingDown
	}
	if err := s.databaseReady(ctx); err != nil {
		return nil, problem.Unavailable.Because(err)
	}
	ready := genapi.Readiness{Ok: true}
	if s.Forwarded.ignored() {
		ready.Warnings = &[]genapi.ReadinessWarning{genapi.ReadinessWarningForwardedForIgnored}
	}
	return genapi.GetReadiness200JSONResponse{Body: ready}, nil
}

// The result of a check is reused for readyFor, and a check takes at most readyTimeout.
// Probes cost one check a second, however many there are.
const (
	readyFor     = time.Second
	readyTimeout = 2 * time.Second
)

// databaseReady checks the database, or returns the latest result. Concurrent requests
// wait for one check.
func (s *Service) databaseReady(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if age := s.Now().Sub(s.checked); s.checked.IsZero() || age < 0 || age >= readyFor {
		// Without the client's deadline: its disconnection says nothing about the database.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTimeout)
		defer cancel()
		s.err = s.DB.Ready(ctx)
		s.checked = s.Now()
	}
	return s.err
}
