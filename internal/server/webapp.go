package server

import "github.com/gin-gonic/gin"

// serveWebApp answers for the pages under /app/. They are not in the contract. A path that
// is neither a page nor a file of the app goes on to the contract's 404.
func (s *Server) serveWebApp(c *gin.Context) {
	if s.WebApp != nil && s.WebApp.Serve(c.Writer, c.Request) {
		c.Abort()
	}
}
