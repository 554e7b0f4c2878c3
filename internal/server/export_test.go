package server

import "github.com/gin-gonic/gin"

// Routes returns what gin was told to route, for the test that compares it
// with the contract.
func (s *Server) Routes() (gin.RoutesInfo, error) {
	engine, err := s.engine()
	if err != nil {
		return nil, err
	}
	return engine.Routes(), nil
}

// LogFirst sets how many lines of the same refusal there are in a minute; zero
// is what a running server has.
func (s *Server) LogFirst(n int64) { s.refusals.First = n }

// Refusals is how many are told apart now.
func (s *Server) Refusals() int {
	s.refusals.mu.Lock()
	defer s.refusals.mu.Unlock()
	return len(s.refusals.seen)
}
