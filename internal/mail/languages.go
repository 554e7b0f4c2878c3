package mail

import (
	"slices"

	"golang.org/x/text/language"
)

// Languages that mails are written in. The first one stands in for any other.
var Languages = []string{"en", "de"}

var matcher = language.NewMatcher([]language.Tag{language.English, language.German})

// maxAcceptLanguage bounds the work on a header that anybody can send.
const maxAcceptLanguage = 256

// Language chooses the language for somebody whose browser sends this Accept-Language.
func Language(acceptLanguage string) string {
	if len(acceptLanguage) > maxAcceptLanguage {
		return Languages[0]
	}
	// What cannot be read leaves no tags, and no tags match the first language.
	wanted, _, _ := language.ParseAcceptLanguage(acceptLanguage)
	_, index, _ := matcher.Match(wanted...)
	return Languages[index]
}

// known is a stored language, if it is still one of ours.
func known(locale string) string {
	if slices.Contains(Languages, locale) {
		return locale
	}
	return Languages[0]
}
