package apptest

import (
	"net/http"
	"net/http/httptest"

	"github.com/techtreks/auth/db"
)

// inProcess hands requests to the handler without a network in between, where
// net/http would refuse the worst of them. Nothing of ours may rely on that.
type inProcess struct{ handler http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	if in.RemoteAddr == "" {
		in.RemoteAddr = "127.0.0.1:50000"
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	if in.Host == "" {
		in.Host = in.URL.Host
	}
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, in)
	return w.Result(), nil
}

// InProcess returns a browser whose requests take that way. Its answers are held
// against the contract like all others.
func (h *Harness) InProcess() *Browser {
	h.T.Helper()
	handler, err := h.Handler()
	if err != nil {
		h.T.Fatal(err)
	}
	b := h.Browser()
	b.Client.Transport = h.OnRecord(h.verified(inProcess{handler}))
	return b
}

// FailUserInserts makes the database refuse every new account for a reason that
// the server does not know.
func (h *Harness) FailUserInserts() {
	if h.DB.Kind == db.Postgres {
		h.Exec("ALTER TABLE users ADD CONSTRAINT refused CHECK (false) NOT VALID")
		return
	}
	h.Exec("CREATE TRIGGER refused BEFORE INSERT ON users BEGIN SELECT RAISE(ABORT, 'refused'); END")
}
