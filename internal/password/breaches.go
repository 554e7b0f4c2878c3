package password

import (
	"bufio"
	"context"
	"crypto/sha1" // the protocol's own: it names entries of a public list and protects nothing here
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

// Breaches asks a corpus of breached passwords, by the range protocol of Have I
// Been Pwned: it is sent the first five of the forty hexadecimal digits of a
// password's SHA-1, which some thousand passwords share, and answers with all
// that it has under them. Neither the password nor its hash leaves.
//
// Whatever goes wrong, the password is accepted: somebody else's server must
// not decide whether people can register here.
type Breaches struct {
	// URL of the service; /range/ and the five digits follow.
	URL    string
	Logger *slog.Logger
	// Observe, if set, is told the outcome of each question: found, clear or, when
	// there was no answer, unknown.
	Observe func(outcome string)
	client  *http.Client
}

const (
	breachTimeout = 1500 * time.Millisecond // the whole exchange: somebody waits for it
	maxBreachBody = 256 << 10               // bytes; real answers have 40 KiB with padding
	rangePrefix   = 5                       // hexadecimal digits that are sent
)

// NewBreaches asks the service at a URL.
func NewBreaches(url string, logger *slog.Logger) *Breaches {
	return &Breaches{URL: strings.TrimSuffix(url, "/"), Logger: logger, client: &http.Client{
		// The environment's proxy is not asked: it was set up for something else.
		Transport: &http.Transport{
			Proxy: nil, DisableCompression: true, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute,
			MaxResponseHeaderBytes: 16 << 10,
		},
		// Nor is anybody whom the service names.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Has reports whether the corpus has the password; false if it does not say.
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
	if b.Observe != nil {
		b.Observe(outcome)
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
	// Without padding the length of the answer tells which range was asked for.
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

// hasSuffix looks for the rest of a hash among lines of the form SUFFIX:COUNT.
// Entries with a count of zero are the padding.
func hasSuffix(body io.Reader, want string) (found bool, err error) {
	limited := &io.LimitedReader{R: body, N: maxBreachBody + 1}
	lines := bufio.NewScanner(limited)
	entries := 0
	for ; lines.Scan(); entries++ {
		suffix, count, ok := strings.Cut(strings.TrimSpace(lines.Text()), ":")
		if !ok || len(suffix) != len(want) || strings.Trim(suffix, "0123456789ABCDEFabcdef") != "" || count == "" || strings.Trim(count, "0123456789") != "" {
			return false, errors.New("the answer is not a list of hashes")
		}
		if strings.EqualFold(suffix, want) && strings.Trim(count, "0") != "" {
			return true, nil
		}
	}
	if limited.N == 0 {
		return false, errors.New("the answer is too long")
	}
	if err := lines.Err(); err != nil || entries > 0 {
		return false, err
	}
	return false, errors.New("the answer is empty") // no range is
}

// withoutURL keeps the five digits out of the log: beside a name and a time they
// would be a hint.
func withoutURL(err error) error {
	var asked *url.Error
	if errors.As(err, &asked) {
		return asked.Err
	}
	return errors.New("HIBP_URL cannot be asked")
}
