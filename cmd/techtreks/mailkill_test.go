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

// kill -9 ends the server while it sends a mail: before the mail server has answered, or
// after the answer but before the worker has stored it. Every mail still arrives, this one
// at most twice and with the same Message-ID.
func TestKill_WhileSendingLosesNoMail(t *testing.T) {
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
				env := serverSettings(url).with(settings{"MAIL_URL": server.URL(), cheapHashes: "1"})
				p := serveInTestBinary(t, env)
				c := newClient(t, p.url)
				accounts := []account{c.register(t)}
				<-reached
				accounts = append(accounts, c.register(t), c.register(t))
				eventually(t, "the other mails are sent", func() bool { return p.logged("mail sent") == 2 })
				if moment == "after the answer" {
					p.freeze() // it can no longer read the answer
					close(release)
					server.WaitFor(t, 3)
					p.kill()
				} else {
					p.kill()
					close(release)
				}
				server.WaitFor(t, 3)

				// The next server does not send the mail until its lease has expired.
				p = serveInTestBinary(t, env)
				p.awaitReady()
				p.stop()
				if n := len(server.Mails()); n != 3 {
					t.Errorf("%d mails, want 3: a mail was sent during its lease", n)
				}
				deliverLater(t, url, server)
				copies := map[string][]mailtest.Mail{}
				for _, m := range server.Mails() {
					copies[m.To[0]] = append(copies[m.To[0]], m)
				}
				for i, a := range accounts {
					got := copies[a.name+"@example.com"]
					if want := map[bool]int{true: 2, false: 1}[i == 0]; len(got) != want {
						t.Fatalf("%d mails to account %d, want %d", len(got), i, want)
					}
					if last := got[len(got)-1]; last.MessageID(t) != got[0].MessageID(t) || last.Token(t) != got[0].Token(t) || last.Token(t) == "" {
						t.Errorf("the copies of a mail differ:\n%s\n%s", got[0].Raw, last.Raw)
					}
				}
			})
		})
	}
}

// deliverLater empties the outbox of a killed server, with a clock that is ahead by more
// than the lease of 60 seconds.
func deliverLater(t *testing.T, url string, server *mailtest.Server) {
	t.Helper()
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if n, err := d.OutboxPending(t.Context()); err != nil || n != 1 {
		t.Errorf("%d pending mails, %v", n, err)
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
