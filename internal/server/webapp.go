package server

import (
	"errors"

	"github.com/gin-gonic/gin"

	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/webapp"
	"github.com/techtreks/auth/web"
)

var errNoWebApp = errors.New("WEB is true, but this program was built without the web app: build it with `make build` where Node is installed")

// newWebApp prepares the app that is part of the program, nil where it is off.
// What of the settings the app must know stands in its page.
func newWebApp(cfg *config.Config) (*webapp.App, error) {
	if !cfg.Web {
		return nil, nil
	}
	files, ok := web.App()
	if !ok {
		return nil, errNoWebApp
	}
	return webapp.New(files, map[string]string{"password-policy": cfg.PasswordPolicy, "registration": cfg.Registration})
}

// serveWebApp answers for the pages under /app/. They are no operations of the
// contract, so nothing that follows is for them; what is not a page or a file
// of the app goes on, to the contract's own 404.
func (s *Server) serveWebApp(c *gin.Context) {
	if s.WebApp == nil {
		return
	}
	if s.WebApp.Serve(c.Writer, c.Request) {
		c.Abort()
	}
}
