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
