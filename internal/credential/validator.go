package credential

import (
	"context"
	"strings"

	"github.com/techtreks/auth/internal/confusable"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/password"
	"github.com/techtreks/auth/internal/problem"
)

// The schemas of the contract with rules that a schema cannot express.
const (
	schemaPassword = "NewPassword"
	schemaUsername = "Username"
)

const usernameReserved = "username_reserved"

// A Validator checks new passwords and usernames. All fields are required.
type Validator struct {
	Contract  *contract.Contract
	Policy    *password.Policy
	Passwords *password.Hasher
}

// CheckContract returns an error if the contract lacks a refusal that can occur.
func CheckContract(c *contract.Contract) error {
	for _, refusal := range password.Refusals {
		if err := c.HasRefusals(schemaPassword, string(refusal)); err != nil {
			return err
		}
	}
	return c.HasRefusals(schemaUsername, usernameReserved)
}

// HashPassword checks a new password against the policy and hashes it. Its refusal is
// reported together with those of other fields. It depends only on what the client sent
// and what the owner of the account knows, so it does not reveal who has an account.
func (v *Validator) HashPassword(ctx context.Context, field, given string, owner password.Owner, others ...problem.Field) (string, error) {
	refused := others
	if refusal := v.Policy.Check(ctx, given, owner); refusal != "" {
		refused = append(refused, v.Contract.Refusal(field, schemaPassword, string(refusal)))
	}
	if err := problem.Invalid(refused...); err != nil {
		return "", err
	}
	return v.Passwords.Hash(ctx, given)
}

// Username returns the refusal of a reserved username: one that people could mistake
// for the operator of the service. It is for people who choose their own name; an
// administrator may assign such a name.
func (v *Validator) Username(username string) []problem.Field {
	if !isReserved(username) {
		return nil
	}
	return []problem.Field{v.Contract.Refusal("username", schemaUsername, usernameReserved)}
}

// reserved are the relevant names of RFC 2142, and those of operators and moderators.
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

// isReserved ignores case, punctuation and digits that look like letters: A.d.m.1.n is
// admin.
func isReserved(username string) bool {
	bare := strings.Map(func(r rune) rune {
		if strings.ContainsRune("._-", r) {
			return -1
		}
		return r
	}, username)
	return reserved[confusable.Skeleton(bare)]
}
