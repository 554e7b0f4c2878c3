package main

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	"github.com/techtreks/auth/internal/mail/mailtest"
)

// The mail settings take effect: a registration sends a mail with the template of the
// operator and a working link.
func TestServe_SendsMailWithItsSettings(t *testing.T) {
	eachKind(t, func(t *testing.T, _ db.Kind, url string) {
		server := mailtest.New(t)
		templates := t.TempDir()
		if err := os.MkdirAll(filepath.Join(templates, "en"), 0o700); err != nil {
			t.Fatal(err)
		}
		shipped, err := os.ReadFile("../../internal/mail/templates/en/verify_email.txt")
		if err != nil {
			t.Fatal(err)
		}
		own := append(slices.Clone(shipped), "\nOur own words.\n"...)
		if err := os.WriteFile(filepath.Join(templates, "en", "verify_email.txt"), own, 0o600); err != nil {
			t.Fatal(err)
		}
		p := serve(t, serverSettings(url).with(settings{
			"MAIL_URL": server.URL(), "MAIL_TEMPLATES": templates, "MAIL_FROM": "auth@example.com",
			"FRONTEND_URL": "https://app.example.com", "PRODUCT_NAME": "Trail & Co", "SUPPORT_EMAIL": "help@example.com",
		}))
		c := newClient(t, p.url)
		a := c.register(t)
		mails := server.WaitFor(t, 1)
		text := mails[0].Text(t)
		if !slices.Equal(mails[0].To, []string{a.name + "@example.com"}) || !strings.Contains(text, "Our own words.") || !strings.Contains(text, "https://app.example.com/verify#token=") {
			t.Errorf("%v got\n%s", mails[0], text)
		}
		if html := mails[0].HTML(t); !strings.Contains(text, "for Trail & Co.") || !strings.Contains(html, "for Trail &amp; Co.") ||
			!strings.Contains(text, "help@example.com") || !strings.Contains(html, `href="mailto:help@example.com"`) {
			t.Errorf("PRODUCT_NAME or SUPPORT_EMAIL is missing\n%s\n%s", text, html)
		}
		if got := c.call(t, "POST", "/auth/verify", "", map[string]string{"token": mails[0].Token(t)}); !got.is(http.StatusOK) {
			t.Errorf("the mailed token: %s", got)
		}
		p.stop()
	})
}

// In production the server sends neither mail nor password without TLS to a mail server on
// another machine. The mail stays in the outbox.
func TestServe_ProductionSendsNoMailWithoutTLS(t *testing.T) {
	url := dbtest.URL(t, db.SQLite)
	server := mailtest.New(t) // offers no STARTTLS
	_, port, _ := strings.Cut(server.Addr, ":")
	p := serve(t, productionSettings(url).with(settings{
		// The kernel connects this address to the machine itself, but it is not a loopback address.
		"MAIL_URL": "smtp://auth:mail-password@0.0.0.0:" + port, "MAIL_FROM": "auth@example.com",
		"FRONTEND_URL": "https://app.example.com",
	}))
	c := newClient(t, p.url)
	c.register(t)
	eventually(t, "sending the mail fails", func() bool { return p.logged("mail not sent, will be retried") > 0 })
	p.stop()
	if len(server.Mails()) != 0 {
		t.Error("the mail was sent")
	}
	for _, line := range server.Lines() {
		if strings.Contains(line, "AUTH") || strings.Contains(line, "MAIL") {
			t.Errorf("sent without TLS: %s", line)
		}
	}
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if n, err := d.OutboxPending(t.Context()); err != nil || n != 1 {
		t.Errorf("%d pending mails, %v", n, err)
	}
}
