package mail

import (
	"fmt"
	"slices"
	"time"

	"golang.org/x/text/language"
)

// Languages that mails are written in. The first is the fallback.
var Languages = []string{"en", "de"}

var matcher = language.NewMatcher([]language.Tag{language.English, language.German})

// maxAcceptLanguage bounds the work on a header that any client can send.
const maxAcceptLanguage = 256

// Language returns the best of [Languages] for an Accept-Language header.
func Language(acceptLanguage string) string {
	if len(acceptLanguage) > maxAcceptLanguage {
		return Languages[0]
	}
	// A malformed header gives no tags, and no tags match the first language.
	wanted, _, _ := language.ParseAcceptLanguage(acceptLanguage)
	_, index, _ := matcher.Match(wanted...)
	return Languages[index]
}

// known returns locale if it is supported, and the fallback otherwise.
func known(locale string) string {
	if slices.Contains(Languages, locale) {
		return locale
	}
	return Languages[0]
}

// wording is how a language writes times and durations.
type wording struct {
	timeFormat           string // day, month, year, time of day
	months               [12]string
	minutes, hours, days [2]string // singular, plural
}

var wordings = map[string]wording{
	"en": {
		"%d %s %d, %s UTC",
		[12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
		[2]string{"minute", "minutes"}, [2]string{"hour", "hours"}, [2]string{"day", "days"},
	},
	"de": {
		"%d. %s %d, %s Uhr (UTC)",
		[12]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"},
		[2]string{"Minute", "Minuten"}, [2]string{"Stunde", "Stunden"}, [2]string{"Tag", "Tage"},
	},
}

// formatTime writes t in words, such as "2 December 2026, 00:22 UTC". The reader's time
// zone is unknown. The zero time is empty.
func formatTime(language string, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	w := wordings[known(language)]
	t = t.UTC()
	return fmt.Sprintf(w.timeFormat, t.Day(), w.months[t.Month()-1], t.Year(), t.Format("15:04"))
}

// formatDuration writes d in words, rounded down to the minute, in the largest unit that
// divides it: "90 minutes", "24 hours", "3 days".
func formatDuration(language string, d time.Duration) string {
	w := wordings[known(language)]
	n, unit := int(d/time.Minute), w.minutes
	switch {
	case n >= 48*60 && n%(24*60) == 0:
		n, unit = n/(24*60), w.days
	case n >= 60 && n%60 == 0:
		n, unit = n/60, w.hours
	}
	word := unit[1]
	if n == 1 {
		word = unit[0]
	}
	return fmt.Sprintf("%d %s", n, word)
}
