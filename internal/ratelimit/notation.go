package ratelimit

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Key is what a limit counts by.
type Key int

const (
	// ByAddress limits count by the network address of the client. This is the
	// default.
	ByAddress Key = iota
	// ByAccount limits count by the account in the request, from any client.
	ByAccount
)

// A Limit is a number of requests per window of time.
type Limit struct {
	Requests int64 // 1 to [MaxRequests]
	Window   time.Duration
	Key      Key
	// InProcess limits are counted in the memory of each instance, without the
	// database.
	InProcess bool
}

// MaxRequests is the largest number of requests in a limit.
const MaxRequests = 1_000_000

var units = []struct {
	name   string
	length time.Duration
}{{"second", time.Second}, {"minute", time.Minute}, {"hour", time.Hour}, {"day", 24 * time.Hour}}

var notation = regexp.MustCompile(`^([1-9][0-9]{0,6}) per (second|minute|hour|day)( per account| in process)?$`)

// Parse parses a limit: "5 per minute", "3 per hour per account" or "600 per
// minute in process".
func Parse(text string) (Limit, error) {
	m := notation.FindStringSubmatch(text)
	if m == nil {
		return Limit{}, fmt.Errorf("%.60q is not a limit such as 5 per minute, 3 per hour per account or 600 per minute in process", text)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil || n > MaxRequests {
		return Limit{}, fmt.Errorf("a limit is at most %d", MaxRequests)
	}
	l := Limit{Requests: n, InProcess: m[3] == " in process"}
	if m[3] == " per account" {
		l.Key = ByAccount
	}
	for _, u := range units {
		if u.name == m[2] {
			l.Window = u.length
		}
	}
	return l, nil
}

// ParseList parses limits that apply together. Limits with the same key must have
// windows of different lengths, and all be counted in the database or all in process.
func ParseList(texts []string) ([]Limit, error) {
	limits := make([]Limit, 0, len(texts))
	for _, text := range texts {
		l, err := Parse(text)
		if err != nil {
			return nil, err
		}
		for _, other := range limits {
			if other.Key == l.Key && (other.Window == l.Window || other.InProcess != l.InProcess) {
				return nil, fmt.Errorf("%q and %q do not go together", other, l)
			}
		}
		limits = append(limits, l)
	}
	return limits, nil
}

// String returns the notation of the limit.
func (l Limit) String() string {
	text := fmt.Sprintf("%d per %s", l.Requests, l.Unit())
	switch {
	case l.Key == ByAccount:
		text += " per account"
	case l.InProcess:
		text += " in process"
	}
	return text
}

// Unit returns the window in one word: second, minute, hour or day.
func (l Limit) Unit() string {
	for _, u := range units {
		if u.length == l.Window {
			return u.name
		}
	}
	return l.Window.String()
}

// scope identifies a limit among those of one operation. It does not contain the
// number of requests, so that a changed limit continues with the current count.
func (l Limit) scope() string {
	if l.Key == ByAccount {
		return "account/" + l.Unit()
	}
	return l.Unit()
}

// Of returns the limits that count by key. It runs with every request, so it returns
// the list itself, without a copy, if all of its limits match.
func Of(limits []Limit, key Key) []Limit {
	other := func(l Limit) bool { return l.Key != key }
	if !slices.ContainsFunc(limits, other) {
		return limits
	}
	return slices.DeleteFunc(slices.Clone(limits), other)
}

// Replace returns by and all limits with a key that does not occur in by.
func Replace(limits, by []Limit) []Limit {
	kept := slices.DeleteFunc(slices.Clone(limits), func(l Limit) bool {
		return slices.ContainsFunc(by, func(b Limit) bool { return b.Key == l.Key })
	})
	return append(kept, by...)
}

// Default is the name in [Settings] for all operations that change data and have no
// limits of their own.
const Default = "default"

// Settings replace limits of the contract.
type Settings struct {
	// Off disables all limits.
	Off bool
	// Limits by operationId or [Default].
	Limits map[string][]Limit
}

// ParseSettings parses "off", or "login: 10 per minute; default: 500 per day,
// 100 per hour".
func ParseSettings(text string) (Settings, error) {
	if strings.TrimSpace(text) == "off" {
		return Settings{Off: true}, nil
	}
	s := Settings{Limits: map[string][]Limit{}}
	for entry := range strings.SplitSeq(text, ";") {
		if strings.TrimSpace(entry) == "" {
			continue
		}
		name, list, found := strings.Cut(entry, ":")
		name = strings.TrimSpace(name)
		if !found || name == "" {
			return Settings{}, fmt.Errorf("%.60q is not of the form OPERATION: LIMIT, LIMIT", strings.TrimSpace(entry))
		}
		if s.Limits[name] != nil {
			return Settings{}, fmt.Errorf("%.60q is named twice", name)
		}
		texts := strings.Split(list, ",")
		for i := range texts {
			texts[i] = strings.Join(strings.Fields(texts[i]), " ")
		}
		limits, err := ParseList(texts)
		if err != nil {
			return Settings{}, err
		}
		s.Limits[name] = limits
	}
	return s, nil
}
