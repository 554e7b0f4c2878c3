package apptest

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/mail/mailtest"
)

// Mails delivers the emails in the outbox and returns all emails delivered so far, oldest
// first.
func (h *Harness) Mails() []mail.Previewed {
	h.T.Helper()
	ctx, stop := context.WithCancel(h.T.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.MailWorker.Run(ctx)
	}()
	for {
		n, err := h.DB.OutboxPending(h.T.Context())
		if err != nil {
			h.T.Fatal(err)
		}
		if n == 0 {
			break
		}
		select {
		case <-h.Logs.grown: // the worker logs every result
		case <-time.After(50 * time.Millisecond): // another server's worker sent it, or it was voided
		}
	}
	stop()
	<-ended
	list := h.Preview.List()
	slices.Reverse(list)
	return list
}

// LastMail delivers, and returns the newest email of a kind to an address.
func (h *Harness) LastMail(kind mail.Kind, to string) mail.Previewed {
	h.T.Helper()
	all := h.Mails()
	slices.Reverse(all)
	for _, m := range all {
		if m.Kind == kind && m.To == to {
			return m
		}
	}
	h.T.Fatalf("no email %s to %s among %d", kind, to, len(all))
	return mail.Previewed{}
}

// MailedToken delivers, and returns the token in the newest email of a kind to an address.
func (h *Harness) MailedToken(kind mail.Kind, to string) string {
	h.T.Helper()
	_, token, ok := strings.Cut(h.LastMail(kind, to).Link, "#token=")
	if !ok {
		h.T.Fatalf("the email %s to %s has no token", kind, to)
	}
	return token
}

// TokensTo delivers, and returns the tokens in all emails to an address.
func (h *Harness) TokensTo(address string) (tokens []string) {
	h.T.Helper()
	for _, m := range h.Mails() {
		if _, token, ok := strings.Cut(m.Link, "#token="); ok && m.To == address {
			tokens = append(tokens, token)
		}
	}
	return tokens
}

// CountMails delivers, and returns the number of emails of a kind.
func (h *Harness) CountMails(kind mail.Kind) (n int) {
	h.T.Helper()
	for _, m := range h.Mails() {
		if m.Kind == kind {
			n++
		}
	}
	return n
}

// Queued lists the emails in the outbox in the order of their creation, each as "kind to
// recipient".
func (h *Harness) Queued() []string {
	h.T.Helper()
	list := []string{}
	for _, row := range h.Query("SELECT kind, recipient FROM outbox ORDER BY id") {
		list = append(list, row["kind"]+" to "+row["recipient"])
	}
	return list
}

// Drain deletes the emails in the outbox, such as those from the registration.
func (h *Harness) Drain() { h.Exec("DELETE FROM outbox") }

// SMTP makes the server send its emails to a mail server, and returns that.
func (h *Harness) SMTP() *mailtest.Server {
	h.T.Helper()
	server := &mailtest.Server{Domain: "mail.example.com"}
	h.T.Cleanup(server.Close)
	h.MailWorker.Sender = &mail.SMTP{Host: "mail.example.com", Port: 587, Dial: server.Dial}
	return server
}

// SendMails runs the mail worker until the test ends.
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
