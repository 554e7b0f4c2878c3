package config

import (
	"strconv"
	"strings"
	"time"
)

// A Period is a duration that may be written in days of 24 hours, such as 90d.
type Period time.Duration

// UnmarshalText parses a whole number of days or a Go duration.
func (p *Period) UnmarshalText(text []byte) error {
	if days, ok := strings.CutSuffix(string(text), "d"); ok {
		n, err := strconv.ParseInt(days, 10, 16) // 16 bits: no overflow
		*p = Period(time.Duration(n) * 24 * time.Hour)
		return err
	}
	d, err := time.ParseDuration(string(text))
	*p = Period(d)
	return err
}
