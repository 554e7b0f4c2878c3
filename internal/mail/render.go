package mail

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"strings"
	"unicode/utf8"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/email"
)

const (
	maxUsername = 100  // bytes, more than the contract allows
	maxLink     = 2000 // bytes, what every mail program and browser accepts
	maxSubject  = 200  // bytes
	textWidth   = 72   // columns of the text form
)

// render writes the mail of a row. value is its token, if it has one.
func (w *Worker) render(row gendb.Outbox, user gendb.User, details Details, value string) (Rendered, error) {
	// Parsed again, strictly, because the mail server gets this address.
	to, err := email.Parse(row.Recipient)
	if err != nil {
		return Rendered{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	kind, language := Kind(row.Kind), row.Locale
	if language == "" {
		language = user.Locale
	}
	details = details.forTemplate(kind.anonymous())
	data := Data{
		FrontendURL: w.Links.FrontendURL,
		Contact:     w.Contact,
		Change: Change{
			NewAddress: masked(details.NewAddress), Time: formatTime(language, details.Time), IP: details.IP, Browser: details.UserAgent,
		},
	}
	// An invitation needs the username, which an administrator has chosen.
	if details.Confirmed || kind == Invitation {
		data.Username = plain(user.Username, maxUsername)
	}
	m := Rendered{
		Kind: kind, MessageID: row.MessageID, From: w.Outbox.From, To: to.Mailbox(), Date: row.CreatedAt.UTC(),
		token: value, owner: sql.NullInt64{Int64: user.ID, Valid: true},
	}
	_, page := kind.purpose()
	switch {
	case value != "":
		m.Link = w.Links.URL(kind, value)
		if len(m.Link) > maxLink {
			return Rendered{}, fmt.Errorf("%w: the link has more than %d bytes", ErrRefused, maxLink)
		}
		data.Link, data.LinkText = m.Link, m.Link
		data.ValidFor, data.Expires = formatDuration(language, w.Links.TTL(kind)), formatTime(language, row.CreatedAt.Add(w.Links.TTL(kind)))
	case page != "":
		data.Link, data.LinkText = w.Links.FrontendURL+page, w.Links.FrontendURL+page
	default:
		data.Link, data.LinkText = data.SupportURL, data.Support
	}
	m.Subject, m.Text, m.HTML, err = w.Templates.render(language, kind, data)
	return m, err
}

// render returns the three parts of a mail.
func (t *Templates) render(language string, kind Kind, data Data) (subject, text, html string, err error) {
	data.Language = known(language)
	m, ok := t.mails[templateKey{data.Language, kind}]
	if !ok {
		return "", "", "", fmt.Errorf("no template for mails of kind %q", kind)
	}
	// The subject and the button are escaped once, by the HTML layout.
	plainPart := func(name string) (s string) {
		if err == nil {
			s, err = execute(m.text, name, data)
		}
		return s
	}
	p := page{Data: data, Subject: oneLine(plain(plainPart("subject"), maxSubject))}
	if data.Link != "" {
		p.Button = oneLine(plainPart("button"))
	}
	body, after := paragraphs(plainPart("body")), paragraphs(plainPart("after"))
	if err != nil {
		return "", "", "", err
	}
	if len(body) == 0 {
		return "", "", "", errors.New("the text is empty")
	}
	p.Preheader, p.Body, p.After = body[0], body, after
	if text, err = execute(m.text, "layout", p); err != nil {
		return "", "", "", err
	}
	if p.Body, err = htmlParagraphs(m.html, "body", data); err != nil {
		return "", "", "", err
	}
	if p.After, err = htmlParagraphs(m.html, "after", data); err != nil {
		return "", "", "", err
	}
	html, err = execute(m.html, "layout", p)
	return p.Subject, wrap(text), html, err
}

// executor is a set of text or HTML templates.
type executor interface {
	ExecuteTemplate(w io.Writer, name string, data any) error
}

func execute(set executor, name string, data any) (string, error) {
	var out bytes.Buffer
	err := set.ExecuteTemplate(&out, name, data)
	return out.String(), err
}

// htmlParagraphs renders a part of the mail as HTML, its values escaped.
func htmlParagraphs(set *htmltemplate.Template, name string, data Data) (list []htmltemplate.HTML, err error) {
	escaped, err := execute(set, name, data)
	for _, p := range paragraphs(escaped) {
		list = append(list, htmltemplate.HTML(p)) //nolint:gosec // html/template has escaped the values
	}
	return list, err
}

// paragraphs splits a text at its blank lines and puts each paragraph on one line.
func paragraphs(text string) (list []string) {
	var current []string
	for line := range strings.Lines(text + "\n\n") {
		if words := oneLine(line); words != "" {
			current = append(current, words)
		} else if current != nil {
			list = append(list, strings.Join(current, " "))
			current = nil
		}
	}
	return list
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// wrap breaks long lines between words. A link has no spaces, so it stays whole.
func wrap(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if utf8.RuneCountInString(line) <= textWidth {
			out.WriteString(line + "\n")
			continue
		}
		column := 0
		for _, word := range strings.Fields(line) {
			width := utf8.RuneCountInString(word)
			switch {
			case column == 0:
			case column+1+width > textWidth:
				out.WriteString("\n")
				column = 0
			default:
				out.WriteString(" ")
				column++
			}
			out.WriteString(word)
			column += width
		}
		out.WriteString("\n")
	}
	return out.String()
}

// masked hides most of an address. Its owner still recognises it.
func masked(address string) string {
	local, domain, ok := strings.Cut(address, "@")
	if !ok || local == "" {
		return ""
	}
	_, first := utf8.DecodeRuneInString(local)
	return local[:first] + "***@" + domain
}
