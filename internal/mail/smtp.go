package mail

import (
	"context"
	"errors"
)

// SMTP is the [Sender] that gives mails to a mail server.
type SMTP struct{}

// NewSMTP reads a MAIL_URL.
func NewSMTP(rawURL string, production bool) (*SMTP, error) { return nil, errors.New("not yet") }

// Send gives m to the server.
func (s *SMTP) Send(ctx context.Context, m Rendered) error { return errors.New("not yet") }
