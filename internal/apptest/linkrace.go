package apptest

import (
	"strings"
)

// TokensTo delivers, and returns what was mailed to an address.
func (h *Harness) TokensTo(address string) (tokens []string) {
	h.T.Helper()
	for _, m := range h.Mails() {
		if _, token, ok := strings.Cut(m.Link, "#token="); ok && m.To == address {
			tokens = append(tokens, token)
		}
	}
	return tokens
}
