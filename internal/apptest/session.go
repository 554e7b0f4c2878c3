package apptest

import (
	"net/http"
	"strings"
)

func SessionCookie(value string) func(*http.Request) { return Header("Cookie", "session="+value) }

func SwapCase(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 32
		case 'A' <= r && r <= 'Z':
			return r + 32
		}
		return r
	}, s)
}
