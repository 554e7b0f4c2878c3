// Package mail writes and sends the server's email.
//
// Mail is sent in the background. [Outbox.Add] inserts a row in the transaction that
// causes the mail: an account never exists without its mail, nor a mail without its
// account. The [Worker] sends it afterwards through a [Sender]: [SMTP], or [Preview] in
// development.
//
// The row stores the inputs of the mail, never its text, and no token. The worker derives
// the token from a random seed and the server's key when it first renders the mail, and
// stores the seed and the hash. A retry derives the same token. A copy of the database
// therefore contains no working link.
//
// Some mails can be requested by anyone, for any address. The worker looks up whether
// an account has the address. The request does not, so that it takes the same time for
// every address.
//
// With any number of instances each mail is sent once: the worker claims the row with a
// lease that only it can release. If the worker is killed while it sends, the mail is sent
// again after the lease expires, with the same Message-ID.
package mail

import (
	"context"
	"database/sql"
	"errors"
	netmail "net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/techtreks/auth/internal/email"
)

// A Message is a request to write and send a mail.
type Message struct {
	Kind Kind
	// UserID is the account that the mail is about. Zero means that the caller has not
	// looked it up: the worker sends the mail if an account has the address, and drops it
	// otherwise.
	UserID int64
	// Address is the recipient.
	Address email.Address
	// Locale is the language of the mail. If it is empty, or UserID is zero, the worker
	// uses the account's stored locale.
	Locale  string
	Details Details
}

// Details are optional facts that a mail may mention.
type Details struct {
	// Confirmed means that the recipient's address was confirmed as the account owner's
	// when the mail was requested. Only such a mail contains text that a user has chosen:
	// the username, the new address, the browser. Otherwise anyone could make this server
	// send text of their choice to any address.
	Confirmed bool `json:"confirmed,omitempty"`
	// NewAddress is the account's new address. The mail shows it masked, because the old
	// address may belong to someone else by now.
	NewAddress string `json:"new_address,omitempty"`
	// IP, UserAgent and Time describe the request that caused a change. The mail shows
	// only the names of well-known browsers and systems, never UserAgent itself.
	IP        string    `json:"ip,omitempty"`
	UserAgent string    `json:"user_agent,omitempty"`
	Time      time.Time `json:"time,omitzero"`
	// RequestID is for the audit trail, not for the mail.
	RequestID string `json:"request_id,omitempty"`
}

// Limits, in bytes, for stored text that may come from strangers.
const (
	maxIP        = 64
	maxUserAgent = 200
	maxRequestID = 64
	maxError     = 500
)

// bounded returns d with every text cleaned and cut to its limit.
func (d Details) bounded() Details {
	d.NewAddress = plain(d.NewAddress, email.MaxLength)
	d.IP = plain(d.IP, maxIP)
	d.UserAgent = plain(d.UserAgent, maxUserAgent)
	d.RequestID = plain(d.RequestID, maxRequestID)
	return d
}

// forTemplate drops values that the recipient must not see: text chosen by a user unless
// the address is confirmed, and the browser of a stranger who requested the mail.
func (d Details) forTemplate(strangers bool) Details {
	d.UserAgent = browser(d.UserAgent)
	if !d.Confirmed {
		d.NewAddress = ""
	}
	if !d.Confirmed || strangers {
		d.UserAgent = ""
	}
	return d
}

// plain cleans untrusted text: valid UTF-8, one line, no control, format or bidirectional
// override characters, at most limit bytes.
func plain(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.TrimSpace(s)
	for len(s) > limit {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

// Rendered is a mail that is ready to send.
type Rendered struct {
	Kind      Kind
	MessageID string // the same for every attempt; without angle brackets
	From      netmail.Address
	To        string // the address only
	Date      time.Time
	Subject   string
	Text      string
	HTML      string
	// Link is the link with the token, for [Preview]; empty in a notice.
	Link string

	token string
	owner sql.NullInt64 // the account that the worker found for the mail
}

// A Sender passes a mail on for delivery. After any error other than [ErrRefused] the mail
// may not have been accepted, and the worker retries it.
type Sender interface {
	Send(ctx context.Context, m Rendered) error
}

var (
	// ErrRefused marks permanent errors: the same mail would be refused again.
	ErrRefused = errors.New("mail refused")
	// ErrUnreachable marks errors that are not about the mail: the server is down or does
	// not accept mail from this service at the moment.
	ErrUnreachable = errors.New("mail server not usable")
	// ErrSettings marks an ErrUnreachable that needs an operator: the server answers, but
	// rejects this service's host name, login or sender address.
	ErrSettings = errors.New("mail server refuses this service")
)
