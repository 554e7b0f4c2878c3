package session

import (
	"net/http"
	"time"
)

// A Cookie holds the attributes of the session cookie, the same each time it is set.
// The defaults of the framework have no HttpOnly, no Secure, no SameSite and a lifetime
// of 30 days, so every attribute is set here.
type Cookie struct {
	Name     string
	Domain   string // empty for a host-only cookie
	Secure   bool
	SameSite http.SameSite
}

// set returns the cookie with a value. life is the longest lifetime of the session; the
// database decides when it ends.
func (c Cookie) set(value string, life time.Duration) *http.Cookie {
	return &http.Cookie{
		Name: c.Name, Value: value, Path: "/", Domain: c.Domain,
		MaxAge: int(life / time.Second), HttpOnly: true, Secure: c.Secure, SameSite: c.SameSite,
	}
}

// clear returns the cookie that deletes the cookie. It has the attributes of set,
// because a browser keeps a cookie with other attributes.
func (c Cookie) clear() *http.Cookie {
	cookie := c.set("", 0)
	cookie.MaxAge = -1
	return cookie
}

// Examples returns the Set-Cookie headers of a login and a logout for the served
// contract.
func (c Cookie) Examples(life time.Duration) (set, clear string) {
	return c.set(sampleValue, life).String(), c.clear().String()
}

// sampleValue has the form of a token and its signature, and is not valid.
const sampleValue = "q6v0Jm2tXe9cR4hLw8bS1zK7yN3uG5oA0dF6pIiV2TE.Wz5rY8kD1nB4xQ7mC0jH3vT6gL9sP2fE5aU8oR1iKbA"
