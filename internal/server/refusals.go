package server

import (
	"context"
	"strings"

	"github.com/techtreks/auth/internal/confusable"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/password"
)

// Schemas of the contract whose values are refused for more than what a schema
// can say.
const (
	schemaPassword = "NewPassword"
	schemaUsername = "Username"
)

const usernameReserved = "username_reserved"

// checkRefusals says whether the contract has every refusal that can occur.
func checkRefusals(c *contract.Contract) error {
	for _, refusal := range password.Refusals {
		if err := c.HasRefusals(schemaPassword, string(refusal)); err != nil {
			return err
		}
	}
	return c.HasRefusals(schemaUsername, usernameReserved)
}

// hashNew asks the policy about a password that is to be set, and hashes it. Its
// refusal is told together with those of other fields. It depends on nothing but
// what the caller has sent and what the owner of the account knows, so it tells
// nobody who has one.
func (s *Server) hashNew(ctx context.Context, field, given string, owner password.Owner, others ...contract.Field) (string, error) {
	refused := others
	if refusal := s.PasswordPolicy.Check(ctx, given, owner); refusal != "" {
		refused = append(refused, s.Contract.Refusal(field, schemaPassword, string(refusal)))
	}
	if err := contract.Refuse(refused...); err != nil {
		return "", err
	}
	return s.Passwords.Hash(ctx, given)
}

// refusedUsername refuses names that people could take for somebody who speaks
// for the service. Only who chooses a name for themselves is asked: an
// administrator may give such a name to whom it belongs to.
func (s *Server) refusedUsername(username string) []contract.Field {
	if !isReserved(username) {
		return nil
	}
	return []contract.Field{s.Contract.Refusal("username", schemaUsername, usernameReserved)}
}

// reserved are the names of RFC 2142 that matter here, and those of whoever runs
// or guards a service.
var reserved = func() map[string]bool {
	names := map[string]bool{"": true} // nothing but punctuation, such as ...
	for name := range strings.FieldsSeq(`
		admin admins administrator administrators root superuser sysadmin system
		moderator moderators mod staff team owner operator official
		support help helpdesk info contact security abuse
		postmaster hostmaster webmaster noreply mailerdaemon
		anonymous nobody everyone null undefined
		techtreks`) {
		names[confusable.Skeleton(name)] = true
	}
	return names
}()

// isReserved looks through case, punctuation and digits that stand for letters:
// A.d.m.1.n is admin.
func isReserved(username string) bool {
	bare := strings.Map(func(r rune) rune {
		if strings.ContainsRune("._-", r) {
			return -1
		}
		return r
	}, username)
	return reserved[confusable.Skeleton(bare)]
}
