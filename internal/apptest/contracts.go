package apptest

import (
	"fmt"
	"sync"

	"github.com/techtreks/auth/internal/app"
	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/mail"
)

// The contract and the email templates of the program do not change after they are
// loaded. Loading them takes most of the start of a server under the race detector, so all
// tests share one copy per set of settings.
var (
	contracts = struct {
		sync.Mutex
		loaded map[string]loadedContract
	}{loaded: map[string]loadedContract{}}
	ownTemplates = sync.OnceValues(func() (*mail.Templates, error) { return mail.LoadTemplates("") })
)

type loadedContract struct {
	contract *contract.Contract
	err      error
}

func loadContract(cfg *config.Config) (*contract.Contract, error) {
	key := fmt.Sprintf("%#v", []any{
		cfg.Env, cfg.PublicURL, cfg.CookieDomain, cfg.CookieSameSite, cfg.SessionAbsolute, cfg.PasswordPolicy, cfg.RateLimits,
	})
	contracts.Lock()
	defer contracts.Unlock()
	c, ok := contracts.loaded[key]
	if !ok {
		c.contract, c.err = app.LoadContract(cfg)
		contracts.loaded[key] = c
	}
	return c.contract, c.err
}

func loadTemplates(folder string) (*mail.Templates, error) {
	if folder == "" {
		return ownTemplates()
	}
	return mail.LoadTemplates(folder)
}
