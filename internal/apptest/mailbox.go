package apptest

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/techtreks/auth/internal/mail"
)

// Mails delivers what is in the outbox and returns everything delivered so
// far, oldest first.
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
		case <-h.Logs.grown: // what becomes of a mail is logged
		case <-time.After(50 * time.Millisecond): // unless it is another server's worker that has sent it, or it was voided
		}
	}
	stop()
	<-ended
	list := h.Preview.List()
	slices.Reverse(list)
	return list
}

// LastMail delivers, and returns the newest mail of a kind to an address.
func (h *Harness) LastMail(kind mail.Kind, to string) mail.Previewed {
	h.T.Helper()
	all := h.Mails()
	slices.Reverse(all)
	for _, m := range all {
		if m.Kind == kind && m.To == to {
			return m
		}
	}
	h.T.Fatalf("no mail %s to %s among %d", kind, to, len(all))
	return mail.Previewed{}
}

// MailedToken is the token in the newest mail of a kind to an address.
func (h *Harness) MailedToken(kind mail.Kind, to string) string {
	h.T.Helper()
	_, token, ok := strings.Cut(h.LastMail(kind, to).Link, "#token=")
	if !ok {
		h.T.Fatalf("the mail %s to %s has no token", kind, to)
	}
	return token
}

// CountMails delivers, and counts the mails of a kind.
func (h *Harness) CountMails(kind mail.Kind) (n int) {
	h.T.Helper()
	for _, m := range h.Mails() {
		if m.Kind == kind {
			n++
		}
	}
	return n
}
