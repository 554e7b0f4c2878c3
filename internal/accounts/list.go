package accounts

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/email"
)

// A Filter selects the accounts to list. Empty and nil fields select all.
type Filter struct {
	Search   string // beginning of the username or the address, in upper or lower case
	Role     string
	Disabled *bool
	Verified *bool // the address is confirmed
}

// matches reports whether the filter selects an account, without the search.
func (f Filter) matches(u gendb.User) bool {
	return (f.Role == "" || f.Role == u.Role) &&
		(f.Disabled == nil || *f.Disabled == (u.DisabledAt != nil)) &&
		(f.Verified == nil || *f.Verified == (u.EmailVerifiedAt != nil))
}

// matchesAll reports whether the filter selects all accounts, without the search.
func (f Filter) matchesAll() bool { return f.Role == "" && f.Disabled == nil && f.Verified == nil }

// List returns a page of at most limit accounts, and the cursor of the next page, which is
// empty after the last page. from is the cursor, empty for the first page. The cost does not
// depend on the number of accounts.
//
// Without a search, the order is by age, the oldest account first. A search returns the
// accounts with a matching username, then those with a matching address. It examines at most
// [maxExamined] accounts per page, so that a page may be short or empty without being the
// last.
func (m *Manager) List(ctx context.Context, f Filter, from string, limit int) (page []gendb.User, next string, err error) {
	if f.Search != "" {
		return m.search(ctx, f, from, limit)
	}
	first := int64(1)
	if from != "" {
		if first, err = strconv.ParseInt(from, 10, 64); err != nil {
			return nil, "", fmt.Errorf("accounts: invalid cursor: %w", err)
		}
	}
	page, err = m.byID(ctx, f, first, limit+1)
	if err == nil && len(page) > limit {
		next, page = strconv.FormatInt(page[limit].ID, 10), page[:limit]
	}
	return page, next, err
}

// byID returns the first n matching accounts with an id of at least first. Accounts of the
// same role and state are adjacent in an index. So byID runs a query for each combination
// and merges the results, and a selective filter does not read the other accounts.
func (m *Manager) byID(ctx context.Context, f Filter, first int64, n int) ([]gendb.User, error) {
	if f.matchesAll() {
		return m.DB.UsersFrom(ctx, gendb.UsersFromParams{FromID: first, MaxRows: int64(n)})
	}
	roles := []string{RoleUser, RoleModerator, RoleAdmin}
	if f.Role != "" {
		roles = []string{f.Role}
	}
	var all []gendb.User
	for _, role := range roles {
		for _, disabled := range either(f.Disabled) {
			for _, verified := range either(f.Verified) {
				some, err := m.withState(ctx, disabled, verified, gendb.UsersActiveVerifiedParams{Role: role, FromID: first, MaxRows: int64(n)})
				if err != nil {
					return nil, err
				}
				all = append(all, some...)
			}
		}
	}
	slices.SortFunc(all, func(a, b gendb.User) int { return cmp.Compare(a.ID, b.ID) })
	return all[:min(n, len(all))], nil
}

// either returns the values of a flag to query: the given one, or both.
func either(wanted *bool) []bool {
	if wanted != nil {
		return []bool{*wanted}
	}
	return []bool{false, true}
}

// withState runs the query for one combination of disabled and verified. All of these queries
// have the same parameters.
func (m *Manager) withState(ctx context.Context, disabled, verified bool, p gendb.UsersActiveVerifiedParams) ([]gendb.User, error) {
	switch {
	case !disabled && verified:
		return m.DB.UsersActiveVerified(ctx, p)
	case !disabled:
		return m.DB.UsersActiveUnverified(ctx, gendb.UsersActiveUnverifiedParams(p))
	case verified:
		return m.DB.UsersDisabledVerified(ctx, gendb.UsersDisabledVerifiedParams(p))
	}
	return m.DB.UsersDisabledUnverified(ctx, gendb.UsersDisabledUnverifiedParams(p))
}

// maxExamined bounds the accounts that one page of a search examines, by username and by
// address separately.
const maxExamined = 500

// A search examines usernames first and then addresses. Its cursor is one of these prefixes
// with the key of the first account of the next page.
const (
	inNames  = "name:"
	inEmails = "email:"
)

// search returns a page of a search.
func (m *Manager) search(ctx context.Context, f Filter, from string, limit int) (page []gendb.User, next string, err error) {
	name, address := UsernameKey(f.Search), emailKey(f.Search)
	if !printable(address) {
		return nil, "", nil // no key contains such a character
	}
	if key, found := strings.CutPrefix(from, inEmails); found {
		return m.searchEmails(ctx, f, key, nil, limit)
	}
	key, found := strings.CutPrefix(from, inNames)
	if !found {
		key = name
	}
	rowLimit := maxExamined
	if f.matchesAll() {
		rowLimit = limit
	}
	rows, err := m.DB.UsersByName(ctx, gendb.UsersByNameParams{FromKey: key, Until: after(name), MaxRows: int64(rowLimit) + 1})
	if err != nil {
		return nil, "", err
	}
	for i, u := range rows {
		if i == rowLimit || len(page) == limit {
			return page, inNames + u.UsernameKey, nil
		}
		if f.matches(u) {
			page = append(page, u)
		}
	}
	return m.searchEmails(ctx, f, address, page, limit)
}

// searchEmails continues a page with matching addresses. It skips accounts with a
// matching username, because the search has already returned them.
func (m *Manager) searchEmails(ctx context.Context, f Filter, key string, page []gendb.User, limit int) ([]gendb.User, string, error) {
	rows, err := m.DB.UsersByEmail(ctx, gendb.UsersByEmailParams{FromKey: key, Until: after(emailKey(f.Search)), MaxRows: maxExamined + 1})
	if err != nil {
		return nil, "", err
	}
	for i, u := range rows {
		if strings.HasPrefix(u.UsernameKey, UsernameKey(f.Search)) && i < maxExamined {
			continue
		}
		if i == maxExamined || len(page) == limit {
			return page, inEmails + u.EmailKey, nil
		}
		if f.matches(u) {
			page = append(page, u)
		}
	}
	return page, "", nil
}

// emailKey returns the prefix of the keys of matching addresses. An internationalised domain
// matches only as a whole, because its ASCII form is derived from the whole name.
func emailKey(beginning string) string {
	if address, err := email.Parse(beginning); err == nil {
		return address.Key
	}
	return UsernameKey(beginning)
}

// after returns a string that sorts after every key with a prefix, because keys are ASCII.
func after(beginning string) string { return beginning + "\x7f" }
