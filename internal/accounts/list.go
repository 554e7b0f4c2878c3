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

// A Filter says which accounts to list. What is empty or nil does not matter.
type Filter struct {
	Search   string // beginning of the user name or the address, in any case
	Role     string
	Disabled *bool
	Verified *bool // the address is confirmed
}

func (f Filter) keeps(u gendb.User) bool {
	return (f.Role == "" || f.Role == u.Role) &&
		(f.Disabled == nil || *f.Disabled == (u.DisabledAt != nil)) &&
		(f.Verified == nil || *f.Verified == (u.EmailVerifiedAt != nil))
}

// everybody reports whether the filter, its search aside, keeps all accounts.
func (f Filter) everybody() bool { return f.Role == "" && f.Disabled == nil && f.Verified == nil }

// List returns a page of accounts: at most limit of them, and where the next page
// begins, empty after the last. from is empty for the first page. What it costs does
// not depend on how many accounts there are.
//
// Without a search the oldest come first. With one come those whose name begins with
// it and then those whose address does. A search looks at [maxLooked] accounts for a
// page at most, so that a page can be short, or empty, and not be the last.
func (m *Manager) List(ctx context.Context, f Filter, from string, limit int) (page []gendb.User, next string, err error) {
	if f.Search != "" {
		return m.search(ctx, f, from, limit)
	}
	first := int64(1)
	if from != "" {
		if first, err = strconv.ParseInt(from, 10, 64); err != nil {
			return nil, "", fmt.Errorf("accounts: where the page begins: %w", err)
		}
	}
	page, err = m.byID(ctx, f, first, limit+1)
	if err == nil && len(page) > limit {
		next, page = strconv.FormatInt(page[limit].ID, 10), page[:limit]
	}
	return page, next, err
}

// byID reads the first n accounts that the filter keeps, from an id on. Accounts of one
// role and state are neighbours in an index, so each kind is asked for by itself and
// the answers are merged: a filter that lets a few through does not wade through all
// the others.
func (m *Manager) byID(ctx context.Context, f Filter, first int64, n int) ([]gendb.User, error) {
	if f.everybody() {
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
				some, err := m.ofKind(ctx, disabled, verified, gendb.UsersActiveVerifiedParams{Role: role, FromID: first, MaxRows: int64(n)})
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

func either(wanted *bool) []bool {
	if wanted != nil {
		return []bool{*wanted}
	}
	return []bool{false, true}
}

// ofKind asks the query for accounts of one state, all of which take the same
// parameters.
func (m *Manager) ofKind(ctx context.Context, disabled, verified bool, p gendb.UsersActiveVerifiedParams) ([]gendb.User, error) {
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

// maxLooked bounds the accounts that one page of a search looks at, by name and by
// address each.
const maxLooked = 500

// A search goes through the names first and the addresses after; where a page begins
// is one of these with the key of the first account that may be on it.
const (
	inNames  = "name:"
	inEmails = "email:"
)

func (m *Manager) search(ctx context.Context, f Filter, from string, limit int) (page []gendb.User, next string, err error) {
	name, address := UsernameKey(f.Search), emailKey(f.Search)
	if !printable(address) {
		return nil, "", nil // no key has such a character
	}
	if key, begun := strings.CutPrefix(from, inEmails); begun {
		return m.searchEmails(ctx, f, key, nil, limit)
	}
	key, begun := strings.CutPrefix(from, inNames)
	if !begun {
		key = name
	}
	look := maxLooked
	if f.everybody() {
		look = limit
	}
	rows, err := m.DB.UsersByName(ctx, gendb.UsersByNameParams{FromKey: key, Until: after(name), MaxRows: int64(look) + 1})
	if err != nil {
		return nil, "", err
	}
	for i, u := range rows {
		if i == look || len(page) == limit {
			return page, inNames + u.UsernameKey, nil
		}
		if f.keeps(u) {
			page = append(page, u)
		}
	}
	return m.searchEmails(ctx, f, address, page, limit)
}

// searchEmails goes on with a page, through the addresses. Who has been found by the
// name is not found again.
func (m *Manager) searchEmails(ctx context.Context, f Filter, key string, page []gendb.User, limit int) ([]gendb.User, string, error) {
	rows, err := m.DB.UsersByEmail(ctx, gendb.UsersByEmailParams{FromKey: key, Until: after(emailKey(f.Search)), MaxRows: maxLooked + 1})
	if err != nil {
		return nil, "", err
	}
	for i, u := range rows {
		if strings.HasPrefix(u.UsernameKey, UsernameKey(f.Search)) && i < maxLooked {
			continue
		}
		if i == maxLooked || len(page) == limit {
			return page, inEmails + u.EmailKey, nil
		}
		if f.keeps(u) {
			page = append(page, u)
		}
	}
	return page, "", nil
}

// emailKey is the beginning of the keys of addresses that begin like this. Of an
// international domain only the whole can be found: its ASCII form comes out of it.
func emailKey(beginning string) string {
	if address, err := email.Parse(beginning); err == nil {
		return address.Key
	}
	return UsernameKey(beginning)
}

// after is behind every key with that beginning: no key has a character beyond ASCII.
func after(beginning string) string { return beginning + "\x7f" }
