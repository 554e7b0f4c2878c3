package app_test

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/techtreks/auth/internal/mail"
)

// mails delivers what is in the outbox and returns everything delivered so
// far, oldest first.
func (h *harness) mails() []mail.Previewed {
	h.t.Helper()
	ctx, stop := context.WithCancel(h.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.MailWorker.Run(ctx)
	}()
	for {
		n, err := h.DB.OutboxPending(h.t.Context())
		if err != nil {
			h.t.Fatal(err)
		}
		if n == 0 {
			break
		}
		select {
		case <-h.logs.grown: // what becomes of a mail is logged
		case <-time.After(50 * time.Millisecond): // unless it is another server's worker that has sent it, or it was voided
		}
	}
	stop()
	<-ended
	list := h.Preview.List()
	slices.Reverse(list)
	return list
}

// lastMail delivers, and returns the newest mail of a kind to an address.
func (h *harness) lastMail(kind mail.Kind, to string) mail.Previewed {
	h.t.Helper()
	all := h.mails()
	slices.Reverse(all)
	for _, m := range all {
		if m.Kind == kind && m.To == to {
			return m
		}
	}
	h.t.Fatalf("no mail %s to %s among %d", kind, to, len(all))
	return mail.Previewed{}
}

// mailedToken is the token in the newest mail of a kind to an address.
func (h *harness) mailedToken(kind mail.Kind, to string) string {
	h.t.Helper()
	_, token, ok := strings.Cut(h.lastMail(kind, to).Link, "#token=")
	if !ok {
		h.t.Fatalf("the mail %s to %s has no token", kind, to)
	}
	return token
}

// countMails delivers, and counts the mails of a kind.
func (h *harness) countMails(kind mail.Kind) (n int) {
	h.t.Helper()
	for _, m := range h.mails() {
		if m.Kind == kind {
			n++
		}
	}
	return n
}
