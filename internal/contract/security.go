package contract

import (
	"fmt"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// SessionScheme is the security scheme of the session cookie.
const SessionScheme = "session"

// enforcedSchemes are the security schemes that the server's Authorize checks. A contract
// that requires another one does not load: nothing would enforce it.
var enforcedSchemes = []string{SessionScheme}

// A SessionUse is how an operation uses the session cookie.
type SessionUse int

const (
	// SessionIgnored operations do not read the session, whatever cookies the request
	// has. It costs no query.
	SessionIgnored SessionUse = iota
	// SessionOptional operations read the session, and accept requests without one.
	SessionOptional
	// SessionRequired operations accept no other credential. They answer 401 without a
	// session.
	SessionRequired
)

// readSecurity sets what an operation requires of the credential of a request. The entries
// of a requirement list are alternatives, and an empty one admits requests without a
// credential. An entry with two schemes, or with scopes, is rejected: nothing enforces it.
func (op *Operation) readSecurity(requirements openapi3.SecurityRequirements, enforced []string) error {
	op.Anonymous = len(requirements) == 0
	for _, alternative := range requirements {
		op.Anonymous = op.Anonymous || len(alternative) == 0
		for scheme, scopes := range alternative {
			if len(alternative) > 1 || len(scopes) > 0 || !slices.Contains(enforced, scheme) {
				return fmt.Errorf("security scheme %q is not enforced by this server", scheme)
			}
			op.Schemes = append(op.Schemes, scheme)
		}
	}
	switch {
	case !slices.Contains(op.Schemes, SessionScheme):
		op.Session = SessionIgnored
	case op.Anonymous || len(op.Schemes) > 1:
		op.Session = SessionOptional
	default:
		op.Session = SessionRequired
	}
	return nil
}
