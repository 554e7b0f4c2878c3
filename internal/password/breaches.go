package password

import (
	"bufio"
	"context"
	"crypto/sha1" // required by the protocol: a lookup key in a public list, not a protection
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Breaches looks passwords up in a corpus of breached passwords, with the range
// protocol of Have I Been Pwned. It sends the first five of the forty hexadecimal
// digits of a password's SHA-1. The response lists the rest of all hashes with
// these five digits, about a thousand. Neither the password nor its full hash
// leaves the server.
//
// If the lookup fails, the password is accepted: an outage of an external service
// must not prevent registrations.
type Breaches struct {
	// URL of the service, without /range/ and the five digits.
	URL    string
	Logger *slog.Logger
	// Outcomes, if set, counts the look-ups.
	Outcomes OutcomeCounter
	client   *http.Client
}

// An OutcomeCounter counts look-ups by outcome: found, clear, or unknown if there was
// no answer.
type OutcomeCounter interface {
	BreachCheck(outcome string)
}

const (
	breachTimeout = 1500 * time.Millisecond // for the whole exchange, because a user waits for it
	maxBreachBody = 256 << 10               // bytes; real responses have 40 KiB with padding
	rangePrefix   = 5                       // number of hexadecimal digits to send
)

// NewBreaches returns a Breaches for the service at url.
func NewBreaches(url string, logger *slog.Logger) *Breaches {
	return &Breaches{URL: strings.TrimSuffix(url, "/"), Logger: logger, client: &http.Client{
		// Ignore the proxy of the environment: it was configured for other programs.
		Transport: &http.Transport{
			Proxy: nil, DisableCompression: true, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute,
			MaxResponseHeaderBytes: 16 << 10,
		},
		// Follow no redirects to other hosts.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Has reports whether the corpus contains the password, and false if the lookup
// fails.
func (b *Breaches) Has(ctx context.Context, password string) bool {
	found, err := b.ask(ctx, password)
	outcome := "clear"
	switch {
	case err != nil:
		outcome = "unknown"
		b.Logger.WarnContext(ctx, "breached passwords not asked, the password is accepted", "error", err)
	case found:
		outcome = "found"
	}
	if b.Outcomes != nil {
		b.Outcomes.BreachCheck(outcome)
	}
	return found
}

func (b *Breaches) ask(ctx context.Context, password string) (found bool, err error) {
	sum := sha1.Sum([]byte(password))
	digits := strings.ToUpper(hex.EncodeToString(sum[:]))
	ctx, cancel := context.WithTimeout(ctx, breachTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.URL+"/range/"+digits[:rangePrefix], nil)
	if err != nil {
		return false, withoutURL(err)
	}
	// Without padding, the length of the response reveals the requested range.
	r.Header.Set("Add-Padding", "true")
	r.Header.Set("User-Agent", "techtreks")
	response, err := b.client.Do(r)
	if err != nil {
		return false, withoutURL(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return false, fmt.Errorf("status %d", response.StatusCode)
	}
	return hasSuffix(response.Body, digits[rangePrefix:])
}

// hasSuffix searches lines of the form SUFFIX:COUNT for the rest of a hash. Lines
// with a count of zero are padding.
func hasSuffix(body io.Reader, want string) (found bool, err error) {
	limited := &io.LimitedReader{R: body, N: maxBreachBody + 1}
	lines := bufio.NewScanner(limited)
	entries := 0
	for ; lines.Scan(); entries++ {
		suffix, count, ok := strings.Cut(strings.TrimSpace(lines.Text()), ":")
		if !ok || len(suffix) != len(want) || strings.Trim(suffix, "0123456789ABCDEFabcdef") != "" || count == "" || strings.Trim(count, "0123456789") != "" {
			return false, errors.New("the response is not a list of hashes")
		}
		if strings.EqualFold(suffix, want) && strings.Trim(count, "0") != "" {
			return true, nil
		}
	}
	if limited.N == 0 {
		return false, errors.New("the response is too long")
	}
	if err := lines.Err(); err != nil || entries > 0 {
		return false, err
	}
	return false, errors.New("the response is empty") // every range has entries
}

// withoutURL removes the URL with the five digits from an error. In the log, next to a
// username and a time, they would be a hint to the password.
func withoutURL(err error) error {
	var urlErr *url.Error
	if errors.As(err, &urlErr) {
		return urlErr.Err
	}
	return errors.New("the request to HIBP_URL failed")
}
