package mail

import (
	"encoding/json"

	"github.com/techtreks/auth/internal/onetime"
)

// A Kind of mail. Its name is the name of its template: templates/en/<kind>.txt.
type Kind string

// Kinds with a link that carries a one-time token.
const (
	VerifyEmail   Kind = "verify_email"
	ResetPassword Kind = "reset_password"
	ConfirmEmail  Kind = "confirm_email" // to the new address of an account
	Invitation    Kind = "invitation"    // to choose the first password of an account
)

// Notices. Their button leads to a page without a token.
const (
	AlreadyRegistered Kind = "already_registered"
	// AddressInUse replaces a ConfirmEmail if the address belongs to another account.
	AddressInUse    Kind = "address_in_use"
	PasswordChanged Kind = "password_changed"
	PasswordReset   Kind = "password_reset"
	EmailChanged    Kind = "email_changed" // to the old address
	UsernameChanged Kind = "username_changed"
	// LoginAfterFailures reports a login that may be the result of guessing.
	LoginAfterFailures Kind = "login_after_failures"
)

// kindInfo describes one kind of mail.
type kindInfo struct {
	kind    Kind
	purpose onetime.Purpose // of the token in the link; empty for a notice
	page    string          // path of the front end that the button leads to; empty: the support contact
	sentOn  string          // the event that causes the mail, for docs/mail.md
}

// kinds is the one list of all mails, in the order of docs/mail.md. A new kind needs an
// entry here and one template per language.
var kinds = []kindInfo{
	{VerifyEmail, onetime.VerifyEmail, "/verify", "an email address has to be confirmed"},
	{ResetPassword, onetime.ResetPassword, "/reset-password", "a password reset was requested"},
	{ConfirmEmail, onetime.ChangeEmail, "/confirm-email", "an account's email address is about to change; to the new address"},
	{Invitation, onetime.Invitation, "/accept-invitation", "an administrator created an account; its owner chooses the password"},
	{AlreadyRegistered, "", "/login", "someone signs up with the address of an existing account"},
	{AddressInUse, "", "/login", "someone tries to use the address of an existing account for another account"},
	{PasswordChanged, "", "/request-reset", "the password was changed"},
	{PasswordReset, "", "/request-reset", "the password was reset with a mailed link"},
	{EmailChanged, "", "", "the email address was changed; to the old address"},
	{UsernameChanged, "", "/request-reset", "the username was changed, in more than upper and lower case"},
	{LoginAfterFailures, "", "/request-reset", "a login succeeded after five or more wrong passwords in a row; at most three an hour"},
}

// Kinds lists all kinds of mail.
var Kinds = func() (list []Kind) {
	for _, k := range kinds {
		list = append(list, k.kind)
	}
	return list
}()

func (k Kind) info() kindInfo {
	for _, info := range kinds {
		if info.kind == k {
			return info
		}
	}
	return kindInfo{kind: k}
}

// purpose returns the purpose of the token in a mail of this kind, and the page of the
// front end that the button leads to. The purpose is empty for a notice.
func (k Kind) purpose() (purpose onetime.Purpose, page string) {
	info := k.info()
	return info.purpose, info.page
}

// anonymous reports whether the kind may be queued without a user. Anyone can cause such
// a mail, for any address.
func (k Kind) anonymous() bool {
	return k == VerifyEmail || k == ResetPassword || k == AlreadyRegistered
}

// OwnDetails returns the part of a mail's stored details that the account's owner may
// read. If a stranger may have requested the mail, the stranger's IP address and browser
// are left out.
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
