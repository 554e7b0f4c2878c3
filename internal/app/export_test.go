package app

import "github.com/gin-gonic/gin"

// Routes returns the routes of gin, for the test that compares them with the contract.
func (a *App) Routes() (gin.RoutesInfo, error) {
	engine, err := a.Edge.Engine(a.operations())
	if err != nil {
		return nil, err
	}
	return engine.Routes(), nil
}
