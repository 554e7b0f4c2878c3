package mail

import (
	"crypto/tls"
	"errors"
	"net"
	netmail "net/mail"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/techtreks/auth/internal/mail/mailtest"
)

func sample() Rendered {
	return Rendered{
		Kind: VerifyEmail, MessageID: "id@example.com", From: netmail.Address{Name: "Büro", Address: "no-reply@example.com"}, To: "alice@example.com",
		Date: time.Unix(0, 0).UTC(), Subject: "Grüße", Text: "text\n.\nMAIL FROM:<evil@example.com>\n", HTML: "<p>html</p>",
	}
}

func TestNewSMTP_ParsesURL(t *testing.T) {
	for raw, want := range map[string]SMTP{
		"smtp://mail.example.com":                 {Host: "mail.example.com", Port: 587, RequireTLS: true},
		"smtp://u%40x:p%2Fw@mail.example.com:25/": {Host: "mail.example.com", Port: 25, User: "u@x", Password: "p/w", RequireTLS: true},
		"smtps://u:p@mail.example.com":            {Host: "mail.example.com", Port: 465, User: "u", Password: "p", ImplicitTLS: true, RequireTLS: true},
		"smtp://localhost:1025":                   {Host: "localhost", Port: 1025},
		"smtp://127.0.0.2":                        {Host: "127.0.0.2", Port: 587},
		"smtp://[::1]:25":                         {Host: "::1", Port: 25},
	} {
		got, err := NewSMTP(raw, true)
		if err != nil {
			t.Fatal(err)
		}
		if got.Host != want.Host || got.Port != want.Port || got.User != want.User || got.Password != want.Password ||
			got.ImplicitTLS != want.ImplicitTLS || got.RequireTLS != want.RequireTLS || got.TLS.InsecureSkipVerify == want.RequireTLS {
			t.Errorf("%s: got %+v", raw, got)
		}
		if got, err := NewSMTP(raw, false); err != nil || got.RequireTLS || got.TLS.ServerName != want.Host {
			t.Errorf("%s in development: got %+v, %v", raw, got, err)
		}
	}
	for _, raw := range []string{"", "smtp://", "http://hunter2@x", "smtp://u:hunter2%@x"} {
		if _, err := NewSMTP(raw, true); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

// Over real TCP connections to a local server.
func TestSMTP_SendsOverTCP(t *testing.T) {
	for name, configure := range map[string]func(*mailtest.Server){
		"plain": func(*mailtest.Server) {}, "STARTTLS": func(s *mailtest.Server) { s.StartTLS = true }, "implicit TLS": func(s *mailtest.Server) { s.ImplicitTLS = true },
	} {
		t.Run(name, func(t *testing.T) {
			server := mailtest.New(t, configure)
			sender, err := NewSMTP(strings.Replace(server.URL(), "://", "://user:pass@", 1), true)
			if err != nil {
				t.Fatal(err)
			}
			if err := sender.Send(t.Context(), sample()); err != nil {
				t.Fatal(err)
			}
			m := server.WaitFor(t, 1)[0]
			if m.TLS != (name != "plain") || m.User != "user" || m.Subject(t) != "Grüße" || m.Text(t) != sample().Text || m.HTML(t) != sample().HTML || m.MessageID(t) != "<id@example.com>" {
				t.Errorf("%+v", m)
			}
		})
	}
}

// In production, without TLS or with a certificate for another name, the client sends neither
// credentials nor mail.
func TestSMTP_ProductionRequiresTLS(t *testing.T) {
	for name, tc := range map[string]struct {
		starttls, implicit, trusted bool
		domain                      string
		sent                        bool
	}{
		"TLS not offered":                            {false, false, true, "mail.example.com", false},
		"TLS offered":                                {true, false, true, "mail.example.com", true},
		"unknown issuer":                             {true, false, false, "mail.example.com", false},
		"certificate for another name":               {true, false, true, "evil.example.com", false},
		"implicit TLS":                               {false, true, true, "mail.example.com", true},
		"implicit TLS, unknown issuer":               {false, true, false, "mail.example.com", false},
		"implicit TLS, certificate for another name": {false, true, true, "evil.example.com", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &mailtest.Server{Domain: tc.domain, StartTLS: tc.starttls, ImplicitTLS: tc.implicit}
				t.Cleanup(server.Close)
				scheme := "smtp"
				if tc.implicit {
					scheme = "smtps"
				}
				sender, err := NewSMTP(scheme+"://user:hunter2@mail.example.com", true)
				if err != nil {
					t.Fatal(err)
				}
				sender.Dial = server.Dial
				if tc.trusted {
					sender.TLS.RootCAs = server.Certificates(t)
				}
				err = sender.Send(t.Context(), sample())
				synctest.Wait()
				if server.Open() != 0 {
					t.Errorf("%d connections left open", server.Open())
				}
				mails := server.Mails()
				if tc.sent {
					if err != nil || len(mails) != 1 || !mails[0].TLS || mails[0].User != "user" {
						t.Errorf("%v, %+v", err, mails)
					}
					return
				}
				if !errors.Is(err, ErrUnreachable) || errors.Is(err, ErrRefused) || len(mails) != 0 || strings.Contains(err.Error(), "hunter2") {
					t.Errorf("%v, %v", err, mails)
				}
				for _, line := range server.Lines() {
					if !strings.HasPrefix(line, "EHLO ") && line != "STARTTLS" && line != "QUIT" {
						t.Errorf("sent in the clear: %q", line)
					}
				}
			})
		})
	}
}

// The client rejects TLS older than 1.2.
func TestNewSMTP_RequiresTLS12(t *testing.T) {
	s, err := NewSMTP("smtps://mail.example.com", true)
	if err != nil || s.TLS.MinVersion != tls.VersionTLS12 {
		t.Errorf("%+v, %v", s, err)
	}
}

// In development TLS is optional, but if the server offers it the certificate must be valid.
func TestSMTP_DevelopmentUsesOfferedTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &mailtest.Server{Domain: "mail.example.com"}
		t.Cleanup(server.Close)
		sender, err := NewSMTP("smtp://user:pass@mail.example.com", false)
		if err != nil {
			t.Fatal(err)
		}
		sender.Dial = server.Dial
		if err := sender.Send(t.Context(), sample()); err != nil || len(server.Mails()) != 1 || server.Mails()[0].User != "user" {
			t.Errorf("%v, %v", err, server.Mails())
		}
		server.StartTLS = true
		if err := sender.Send(t.Context(), sample()); err == nil || len(server.Mails()) != 1 {
			t.Errorf("%v, %v", err, server.Mails())
		}
	})
}

// No text in a mail can add recipients, headers, SMTP commands or HTML (X37, X39).
func TestWorker_HostileTextInjectsNothing(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		start(t, b.Worker)
		const nasty = "x\r\nBcc: evil@example.com\r\n\r\n<img src=x onerror=alert(1)>\r\n.\r\nMAIL FROM:<evil@example.com>\r\nRCPT TO:<evil@example.com>\r\n\x00\u202e\u2028{{.}}%s%n"
		id, a := b.user(t, "alice", true)
		// The API rejects such names; this test bypasses it.
		name := strings.ReplaceAll(nasty, "\x00", "")
		if _, err := b.DB.ExecContext(t.Context(), "UPDATE users SET username = $1 WHERE id = $2", name, id); err != nil {
			t.Fatal(err)
		}
		b.add(t, Message{Kind: EmailChanged, UserID: id, Address: a, Locale: "en\r\nX: y", Details: Details{
			Confirmed: true, NewAddress: nasty + "@example.com", IP: nasty, UserAgent: nasty, Time: time.Now(),
		}})
		settle()
		mails := b.server.Mails()
		if len(mails) != 1 || len(mails[0].To) != 1 || mails[0].To[0] != "alice@example.com" {
			t.Fatalf("%v\n%s", mails, b.logs)
		}
		counts := map[string]int{}
		for _, line := range b.server.Lines() {
			verb, _, _ := strings.Cut(line, " ")
			counts[verb]++
		}
		for verb, want := range map[string]int{"MAIL": 1, "RCPT": 1, "DATA": 1, "EHLO": 1, "QUIT": 1} {
			if counts[verb] != want {
				t.Errorf("%d times %s: %q", counts[verb], verb, b.server.Lines())
			}
		}
		if len(counts) != 5 {
			t.Errorf("got %q", b.server.Lines())
		}
		var headers []string
		for name, values := range mails[0].Headers(t) {
			headers = append(headers, name)
			if len(values) != 1 {
				t.Errorf("%s: %q", name, values)
			}
		}
		slices.Sort(headers)
		want := []string{"Auto-Submitted", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To", "X-Auto-Response-Suppress"}
		if !slices.Equal(headers, want) {
			t.Errorf("headers %q", headers)
		}
		html, text := mails[0].HTML(t), mails[0].Text(t)
		if strings.Contains(html, "<img") || !strings.Contains(html, "&lt;img src=x onerror=alert(1)&gt;") || !strings.Contains(html, "{{.}}%s%n") {
			t.Errorf("got\n%s", html)
		}
		if strings.ContainsAny(text, "\x00\u202e\u2028") || strings.Contains(text, "\n.\n") || strings.Contains(text, "\nBcc") {
			t.Errorf("got\n%q", text)
		}
	})
}

// The worker parses the stored address again: a tampered row sends nothing.
func TestWorker_RejectsTamperedRecipient(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		start(t, b.Worker)
		id, a := b.user(t, "alice", true)
		b.server.SetDown(true)
		for range 3 {
			b.add(t, Message{Kind: PasswordChanged, UserID: id, Address: a})
		}
		settle()
		for i, bad := range []string{"a@example.com,b@example.com", "a@example.com>\r\nRCPT TO:<b@example.com", "\"x\" <a@example.com>"} {
			row := b.rows(t)[i]
			if _, err := b.DB.ExecContext(t.Context(), "UPDATE outbox SET recipient = $1 WHERE id = $2", bad, row.ID); err != nil {
				t.Fatal(err)
			}
		}
		b.server.SetDown(false)
		pass(time.Hour)
		if b.Counters.Failed.Load() != 3 || len(b.server.Lines()) != 0 {
			t.Errorf("%s, %q", b.counted(), b.server.Lines())
		}
	})
}

var _ net.Conn = (*boundedConn)(nil)
