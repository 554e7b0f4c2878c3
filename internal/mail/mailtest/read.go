package mailtest

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"testing"
)

// Headers returns the parsed header.
func (m Mail) Headers(t testing.TB) netmail.Header {
	t.Helper()
	msg, err := netmail.ReadMessage(strings.NewReader(m.Raw))
	if err != nil {
		t.Fatal(err)
	}
	return msg.Header
}

// MessageID returns the Message-ID.
func (m Mail) MessageID(t testing.TB) string {
	t.Helper()
	return m.Headers(t).Get("Message-Id")
}

// Subject returns the decoded subject.
func (m Mail) Subject(t testing.TB) string {
	t.Helper()
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Headers(t).Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	return subject
}

// Text returns the decoded text form.
func (m Mail) Text(t testing.TB) string { return m.part(t, "text/plain") }

// HTML returns the decoded HTML form.
func (m Mail) HTML(t testing.TB) string { return m.part(t, "text/html") }

// Token returns the value after #token= in the text form, or an empty string.
func (m Mail) Token(t testing.TB) string {
	t.Helper()
	_, rest, ok := strings.Cut(m.Text(t), "#token=")
	if !ok {
		return ""
	}
	return rest[:strings.IndexFunc(rest+" ", func(r rune) bool { return r <= ' ' })]
}

func (m Mail) part(t testing.TB, want string) string {
	t.Helper()
	msg, err := netmail.ReadMessage(strings.NewReader(m.Raw))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("content type %q, %v", kind, err)
	}
	parts := multipart.NewReader(msg.Body, params["boundary"])
	for {
		p, err := parts.NextRawPart()
		if err != nil {
			t.Fatalf("no part %s: %v", want, err)
		}
		if got, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type")); got != want {
			continue
		}
		if e := p.Header.Get("Content-Transfer-Encoding"); e != "quoted-printable" {
			t.Fatalf("encoding %q", e)
		}
		content, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		return string(bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")))
	}
}

// String returns the envelope, for failure messages.
func (m Mail) String() string { return fmt.Sprintf("%s -> %s", m.From, strings.Join(m.To, ",")) }
