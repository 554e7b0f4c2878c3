package mail

import (
	"database/sql"
	"fmt"
	"strings"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/email"
)

// maxUsername is more than the contract lets a name have, in bytes.
const maxUsername = 100

// maxLink is what every mail program and browser takes, in bytes.
const maxLink = 2000

// Link is the page of the front end for mails of a kind, with a token.
func (w *Worker) Link(kind Kind, value string) string {
	_, page := kind.purpose()
	return w.FrontendURL + page + "#token=" + value
}

// render makes the mail of a row out of what has been found for it.
func (w *Worker) render(row gendb.Outbox, user gendb.User, details Details, value string) (Rendered, error) {
	// Read again, strictly, as this is what goes to the mail server.
	to, err := email.Parse(row.Recipient)
	if err != nil {
		return Rendered{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	kind, locale := Kind(row.Kind), row.Locale
	if locale == "" {
		locale = user.Locale
	}
	details = details.told(kind.anonymous())
	data := Data{
		Service: w.Outbox.From.Name, FrontendURL: w.FrontendURL, NewAddress: masked(details.NewAddress),
		Time: formatTime(details.Time), IP: details.IP, UserAgent: details.UserAgent,
	}
	if data.Service == "" {
		_, data.Service, _ = strings.Cut(w.Outbox.From.Address, "@")
	}
	// Whoever is invited needs the name to log in with, which an administrator has
	// chosen.
	if details.Confirmed || kind == Invitation {
		data.Username = plain(user.Username, maxUsername)
	}
	if value != "" {
		data.Link, data.Expires = w.Link(kind, value), formatTime(row.CreatedAt.Add(w.ttl(kind)))
		if len(data.Link) > maxLink {
			return Rendered{}, fmt.Errorf("%w: the link has more than %d bytes", ErrRefused, maxLink)
		}
	}
	m := Rendered{
		Kind: kind, MessageID: row.MessageID, From: w.Outbox.From, To: to.Mailbox(), Date: row.CreatedAt.UTC(),
		Link: data.Link, token: value, owner: sql.NullInt64{Int64: user.ID, Valid: true},
	}
	m.Subject, m.Text, m.HTML, err = w.Templates.render(locale, kind, data)
	return m, err
}
