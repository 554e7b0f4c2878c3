package apptest

import (
	"context"

	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/mail/mailtest"
)

// SMTP has the server's mails sent to a mail server.
func (h *Harness) SMTP() *mailtest.Server {
	h.T.Helper()
	server := &mailtest.Server{Domain: "mail.example.com"}
	h.T.Cleanup(server.Close)
	h.MailWorker.Sender = &mail.SMTP{Host: "mail.example.com", Port: 587, Dial: server.Dial}
	return server
}

// SendMails sends mail until the test ends.
func (h *Harness) SendMails() {
	h.T.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.MailWorker.Run(ctx)
	}()
	h.T.Cleanup(func() {
		stop()
		<-ended
	})
}
