package server

import (
	"fmt"
	"sync"

	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/ratelimit"
)

// Neither a contract nor the templates that the server comes with are changed once
// they are loaded, and loading them is most of what a server's start costs under the
// race detector.
func init() {
	type result struct {
		contract *contract.Contract
		err      error
	}
	var (
		mu     sync.Mutex
		loaded = map[string]result{}
	)
	loadContract = func(source []byte, overrides map[string]any, limits ratelimit.Settings) (*contract.Contract, error) {
		key := fmt.Sprintf("%#v %#v", overrides, limits)
		mu.Lock()
		defer mu.Unlock()
		r, ok := loaded[key]
		if !ok {
			r.contract, r.err = contract.Load(source, overrides, limits)
			loaded[key] = r
		}
		return r.contract, r.err
	}

	own := sync.OnceValues(func() (*mail.Templates, error) { return mail.LoadTemplates("") })
	loadTemplates = func(folder string) (*mail.Templates, error) {
		if folder == "" {
			return own()
		}
		return mail.LoadTemplates(folder)
	}
}
