package session

import (
	"net/http"
	"time"
)

// A Cookie is how the session cookie looks, the same whenever it is set.
// Nothing is left to defaults: those of the framework have no HttpOnly, no
// Secure, no SameSite and a life of 30 days.
type Cookie struct {
	Name     string
	Domain   string // empty: for this host alone
	Secure   bool
	SameSite http.SameSite
}

// set returns the cookie with a value, for as long as a session can live. How
// much of that is left is the server's to know: the database decides.
func (c Cookie) set(value string, life time.Duration) *http.Cookie {
	return &http.Cookie{
		Name: c.Name, Value: value, Path: "/", Domain: c.Domain,
		MaxAge: int(life / time.Second), HttpOnly: true, Secure: c.Secure, SameSite: c.SameSite,
	}
}

// clear returns the cookie that removes the cookie. Every attribute is that of
// set, or a browser would keep the old one.
func (c Cookie) clear() *http.Cookie {
	cookie := c.set("", 0)
	cookie.MaxAge = -1
	return cookie
}

// Examples returns the Set-Cookie headers of a login and a logout, for the
// contract that this server serves.
func (c Cookie) Examples(life time.Duration) (set, clear string) {
	return c.set(sampleValue, life).String(), c.clear().String()
}

// sampleValue is of the form of a token and its signature, and is neither.
const sampleValue = "q6v0Jm2tXe9cR4hLw8bS1zK7yN3uG5oA0dF6pIiV2TE.Wz5rY8kD1nB4xQ7mC0jH3vT6gL9sP2fE5aU8oR1iKbA"
