package app

import (
	"github.com/goccy/go-yaml"

	"github.com/techtreks/auth/api"
	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/credential"
	"github.com/techtreks/auth/internal/throttle"
)

// LoadContract returns the contract as a server with these settings enforces and serves
// it.
func LoadContract(cfg *config.Config) (*contract.Contract, error) {
	limits, err := rateLimits(cfg)
	if err != nil {
		return nil, err
	}
	overrides, err := overrides(cfg)
	if err != nil {
		return nil, err
	}
	c, err := contract.Load(api.OpenAPI, overrides, limits)
	if err != nil {
		return nil, err
	}
	if err := throttle.CheckContract(c); err != nil {
		return nil, err
	}
	return c, credential.CheckContract(c)
}

// overrides returns the values of the contract that depend on settings, by YAML path.
func overrides(cfg *config.Config) (map[string]any, error) {
	own := map[string]any{}
	if cfg.PasswordPolicy == "length" {
		if err := yaml.UnmarshalWithOptions(api.PasswordLength, &own, yaml.UseOrderedMap()); err != nil {
			return nil, err
		}
	}
	address := cfg.PublicURL
	if address == "" {
		address = "/"
	}
	cookie := cookie(cfg)
	set, clear := cookie.Examples(cfg.SessionAbsolute)
	own["$.servers[0].url"] = address
	own["$.components.securitySchemes.session.name"] = cookie.Name
	own["$.components.headers.SetSessionCookie.example"] = set
	own["$.components.headers.ClearSessionCookie.example"] = clear
	return own, nil
}
