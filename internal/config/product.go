package config

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/techtreks/auth/internal/email"
)

// Support returns the support contact as people read it and as a link. Both are empty if
// none is set.
func (c Config) Support() (text, link string) {
	switch {
	case c.SupportURL != "":
		return c.SupportURL, c.SupportURL
	case c.SupportEmail != "":
		// The part before the @ may contain characters with a meaning in a URL.
		return c.SupportEmail, "mailto:" + url.PathEscape(c.SupportEmail)
	}
	return "", ""
}

// isProductName accepts names that are safe in a subject: without control characters or
// invisible formatting characters, such as those that reverse the text direction.
func isProductName(s string) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= maxProductName &&
		!strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) })
}

func isAddress(s string) bool {
	_, err := email.Parse(s)
	return err == nil
}
