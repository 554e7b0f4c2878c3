package main

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/mail/mailtest"
	"github.com/techtreks/auth/internal/onetime"
	"github.com/techtreks/auth/internal/token"
)

// The server is ended with kill -9 while it sends: when the mail server has the
// message and has not answered, and when it has answered and nobody has noted
// it. Each mail arrives all the same, that one twice at most, as the same mail.
func TestKillWhileSendingLosesNoMail(t *testing.T) {
	for _, moment := range []string{"before the answer", "after the answer"} {
		t.Run(moment, func(t *testing.T) {
			eachKind(t, func(t *testing.T, _ db.Kind, url string) {
				var held atomic.Bool
				reached, release := make(chan struct{}), make(chan struct{})
				server := mailtest.New(t, func(s *mailtest.Server) {
					s.Answer = func(stage, _ string) string {
						if stage != mailtest.Dot || !held.CompareAndSwap(false, true) {
							return ""
						}
						close(reached)
						<-release
						if moment == "before the answer" {
							return mailtest.Hangup
						}
						return ""
					}
				})
				env := serving(url).with(settings{"MAIL_URL": server.URL(), hashesCheaply: "1"})
				p := serveWatched(t, env)
				c := newClient(t, p.url)
				people := []account{c.register(t)}
				<-reached
				people = append(people, c.register(t), c.register(t))
				eventually(t, "the others are sent", func() bool { return p.logged("mail sent") == 2 })
				if moment == "after the answer" {
					p.freeze() // it cannot read the answer any more
					close(release)
					server.WaitFor(t, 3)
					p.kill()
				} else {
					p.kill()
					close(release)
				}
				server.WaitFor(t, 3)

				// The next one leaves the mail to whoever has the lease, until it is over.
				p = serveWatched(t, env)
				p.awaitReady()
				p.stop()
				if n := len(server.Mails()); n != 3 {
					t.Errorf("%d mails, want 3: sent again while leased", n)
				}
				deliverLater(t, url, server)
				copies := map[string][]mailtest.Mail{}
				for _, m := range server.Mails() {
					copies[m.To[0]] = append(copies[m.To[0]], m)
				}
				for i, a := range people {
					got := copies[a.name+"@example.com"]
					if want := map[bool]int{true: 2, false: 1}[i == 0]; len(got) != want {
						t.Fatalf("%d mails to person %d, want %d", len(got), i, want)
					}
					if last := got[len(got)-1]; last.MessageID(t) != got[0].MessageID(t) || last.Token(t) != got[0].Token(t) || last.Token(t) == "" {
						t.Errorf("two mails differ:\n%s\n%s", got[0].Raw, last.Raw)
					}
				}
			})
		})
	}
}

// deliverLater empties the outbox of a server that is no more, as another would
// when the lease of 60 seconds is over: by a clock that is ahead, not by waiting.
func deliverLater(t *testing.T, url string, server *mailtest.Server) {
	t.Helper()
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if n, err := d.OutboxPending(t.Context()); err != nil || n != 1 {
		t.Errorf("%d mails wait, %v", n, err)
	}
	templates, err := mail.LoadTemplates("")
	if err != nil {
		t.Fatal(err)
	}
	sender, err := mail.NewSMTP(server.URL(), false)
	if err != nil {
		t.Fatal(err)
	}
	later := func() time.Time { return time.Now().Add(61 * time.Second) }
	w := &mail.Worker{
		DB: d, Outbox: &mail.Outbox{Now: later}, Sender: sender, Templates: templates,
		Links: mail.Links{FrontendURL: "http://localhost:3000", VerifyTTL: 24 * time.Hour, ResetTTL: time.Hour},
		Now:   later, Logger: slog.New(slog.DiscardHandler),
	}
	signer := &token.Signer{Keys: [][]byte{[]byte(secretKey)}}
	w.Audit = &audit.Trail{DB: d, Signer: signer, Now: later, Logger: w.Logger}
	w.Tokens = &onetime.Tokens{DB: d, Signer: signer, Audit: w.Audit, Now: later, Logger: w.Logger}
	w.Outbox.From.Address = "no-reply@localhost"
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.Run(ctx)
	}()
	eventually(t, "the outbox is empty", func() bool {
		n, err := d.OutboxPending(t.Context())
		return err == nil && n == 0
	})
	stop()
	<-ended
}
