package main

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/techtreks/auth/db"
)

// SQLite has one writer at a time. Fifty people who write at once wait for each
// other, and nobody is told so: no request fails because another one writes.
func TestWritersDoNotFailOneAnother(t *testing.T) {
	const writers = 50
	eachKind(t, func(t *testing.T, _ db.Kind, url string) {
		p := serve(t, serving(url))
		each := rounds(t, "WRITES_EACH", 20)
		var wg sync.WaitGroup
		for w := range writers {
			c := newClient(t, p.url)
			a := c.register(t)
			cookie, err := c.login(a)
			if err != nil || cookie == "" {
				t.Fatalf("login of %s: %v", a.name, err)
			}
			wg.Go(func() {
				for i := range each {
					change := map[string]string{"username": fmt.Sprintf("writer-%d-%d", w, i)}
					got, err := c.try("PUT", "/auth/update_profile", cookie, change)
					if err != nil || !got.is(http.StatusOK) {
						t.Errorf("writer %d: %v, %v", w, got, err)
						return
					}
				}
			})
		}
		wg.Wait()
		p.stop()
	})
}
