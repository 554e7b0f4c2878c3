// Package mail writes and sends the mails of the server.
//
// Nothing is sent while a person waits. [Outbox.Add] writes a row in the transaction
// that causes the mail, so that an account never exists without its mail nor the mail
// without its account, and the [Worker] sends it afterwards, by way of a [Sender]:
// [SMTP], or [Preview] in development.
//
// The row says what the mail is made from, never what it says: there is no token in
// it. The worker mints the token when it writes the mail for the first time, out of a
// random seed and the server's key, and stores seed and hash. A later try makes the
// same token again. A copy of the database has no link in it that works.
//
// Some mails can be asked for by anybody, for any address. Whether there is an account
// behind the address is found out by the worker, so that asking takes the same time
// for all of them.
//
// A mail is sent once, whatever the number of instances: the worker claims the row
// with a lease that only it can end. When it is killed in between, the mail goes out
// again after the lease, with the same Message-ID.
package mail

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	netmail "net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/techtreks/auth/internal/email"
)

// A Kind of mail. It names the templates.
type Kind string

// The kinds with a link, whose tokens have the purposes of the same meaning.
const (
	VerifyEmail   Kind = "verify_email"
	ResetPassword Kind = "reset_password"
	ConfirmEmail  Kind = "confirm_email" // to the new address of an account
	Invitation    Kind = "invitation"    // to set the first password of an account
)

// The kinds that only tell something.
const (
	AlreadyRegistered Kind = "already_registered"
	// AddressInUse is what a ConfirmEmail becomes whose address somebody else has.
	AddressInUse    Kind = "address_in_use"
	PasswordChanged Kind = "password_changed"
	PasswordReset   Kind = "password_reset"
	EmailChanged    Kind = "email_changed" // to the old address
	UsernameChanged Kind = "username_changed"
	// LoginAfterFailures tells of a login that guesses may have led to.
	LoginAfterFailures Kind = "login_after_failures"
)

// Kinds are all of them.
var Kinds = []Kind{VerifyEmail, ResetPassword, ConfirmEmail, Invitation, AlreadyRegistered, AddressInUse, PasswordChanged, PasswordReset, EmailChanged, UsernameChanged, LoginAfterFailures}

// Purposes of tokens, as the table tokens has them.
const (
	PurposeVerifyEmail   = "verify_email"
	PurposeResetPassword = "reset_password"
	PurposeChangeEmail   = "change_email"
	PurposeInvitation    = "invitation"
)

// purpose of the token in a mail of this kind, and the page of the front end that the
// link leads to. Empty for a kind without a token.
func (k Kind) purpose() (purpose, page string) {
	switch k {
	case VerifyEmail:
		return PurposeVerifyEmail, "/verify"
	case ResetPassword:
		return PurposeResetPassword, "/reset-password"
	case ConfirmEmail:
		return PurposeChangeEmail, "/confirm-email"
	case Invitation:
		return PurposeInvitation, "/accept-invitation"
	}
	return "", ""
}

// anonymous kinds may be added without a user: anybody can cause them, for any address.
func (k Kind) anonymous() bool {
	return k == VerifyEmail || k == ResetPassword || k == AlreadyRegistered
}

// OwnDetails is what the owner of an account may read of the details of a mail to it.
// Where a stranger may have asked for the mail, that is not where the stranger was.
func (k Kind) OwnDetails(stored string) string {
	var d Details
	if !k.anonymous() || json.Unmarshal([]byte(stored), &d) != nil {
		return stored
	}
	own, err := json.Marshal(Details{Time: d.Time})
	if err != nil {
		return "{}"
	}
	return string(own)
}

// A Message is a mail to be written and sent.
type Message struct {
	Kind Kind
	// UserID is whose mail it is. Zero means that nobody has looked: the worker
	// sends the mail if an account has the address and drops it otherwise.
	UserID int64
	// Address is where it goes.
	Address email.Address
	// Locale is the language to write in. Empty, or without a user, it is the
	// one that the account has stored.
	Locale  string
	Details Details
}

// Details are what a mail may say besides. All of them may be empty.
type Details struct {
	// Confirmed says that the mail goes to an address which was known to be the
	// account's owner's when the mail was asked for. Only such a mail has words in
	// it that somebody has chosen: the name, the new address, the browser. Anybody
	// can put any of those to anybody's address, and would have us mail them.
	Confirmed bool `json:"confirmed,omitempty"`
	// NewAddress is what an address was changed to. It is shown with most of it
	// left out, as the old address may be somebody else's by now.
	NewAddress string `json:"new_address,omitempty"`
	// IP, UserAgent and Time say where a change came from. Of UserAgent the mail
	// says the name of a browser and a system that are known.
	IP        string    `json:"ip,omitempty"`
	UserAgent string    `json:"user_agent,omitempty"`
	Time      time.Time `json:"time,omitzero"`
	// RequestID is for the audit trail, not for the mail.
	RequestID string `json:"request_id,omitempty"`
}

// The bounds of what strangers can make us store and mail, in bytes.
const (
	maxIP        = 64
	maxUserAgent = 200
	maxRequestID = 64
	maxError     = 500
)

func (d Details) bounded() Details {
	d.NewAddress = plain(d.NewAddress, email.MaxLength)
	d.IP = plain(d.IP, maxIP)
	d.UserAgent = plain(d.UserAgent, maxUserAgent)
	d.RequestID = plain(d.RequestID, maxRequestID)
	return d
}

// told is what the mail says of it. A stranger can have caused any mail of some
// kinds; what the stranger's program calls itself is no business of the reader's.
func (d Details) told(strangers bool) Details {
	d.UserAgent = browser(d.UserAgent)
	if !d.Confirmed {
		d.NewAddress = ""
	}
	if !d.Confirmed || strangers {
		d.UserAgent = ""
	}
	return d
}

// plain makes text of what a stranger sent: valid, on one line, with no character
// that hides or turns round its neighbours, and no longer than limit.
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

// Rendered is a mail as it goes out.
type Rendered struct {
	Kind      Kind
	MessageID string // the same on every try; without the angle brackets
	From      netmail.Address
	To        string // the mailbox alone
	Date      time.Time
	Subject   string
	Text      string
	HTML      string
	// Link is the one with the token in it, for [Preview]; empty in a notice.
	Link string

	token string
	owner sql.NullInt64 // whose mail it is
}

// A Sender gives a mail to whoever delivers it. Any error means that it may not have
// been taken and is tried again, except one that is [ErrRefused].
type Sender interface {
	Send(ctx context.Context, m Rendered) error
}

var (
	// ErrRefused marks errors that the same mail will meet again.
	ErrRefused = errors.New("mail refused")
	// ErrUnreachable marks errors that have nothing to do with the mail: there is
	// no server, or none that takes mail from us now.
	ErrUnreachable = errors.New("mail server not usable")
	// ErrSettings marks those among the latter that will not pass by themselves: the
	// server is there and wants nothing from us, as our name, login or sender is wrong.
	ErrSettings = errors.New("mail server refuses this service")
)
