package server

import (
	"fmt"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/techtreks/auth/internal/contract"
)

// Limit implements [contract.Edge]: it counts a call by the client's network and sets the
// RateLimit headers.
func (s *Server) Limit(c *gin.Context, op *contract.Operation) error {
	uses, err := s.Throttle.Client(c.Request.Context(), op)
	if len(uses) == 0 {
		return err
	}
	var left, policy []string
	for _, u := range uses {
		left = append(left, fmt.Sprintf("%q;r=%d;t=%d", u.Limit.Unit(), u.Remaining, seconds(u.Reset)))
		policy = append(policy, fmt.Sprintf("%q;q=%d;w=%d", u.Limit.Unit(), u.Limit.Requests, seconds(u.Limit.Window)))
	}
	c.Header("RateLimit", strings.Join(left, ", "))
	c.Header("RateLimit-Policy", strings.Join(policy, ", "))
	return err
}
