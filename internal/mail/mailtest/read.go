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

// Headers parses the header of a mail.
func (m Mail) Headers(t testing.TB) netmail.Header {
	t.Helper()
	msg, err := netmail.ReadMessage(strings.NewReader(m.Raw))
	if err != nil {
		t.Fatal(err)
	}
	return msg.Header
}

// MessageID is the mail's own.
func (m Mail) MessageID(t testing.TB) string {
	t.Helper()
	return m.Headers(t).Get("Message-Id")
}

// Subject is decoded.
func (m Mail) Subject(t testing.TB) string {
	t.Helper()
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Headers(t).Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	return subject
}

// Text and HTML are the decoded alternatives of the body.
func (m Mail) Text(t testing.TB) string { return m.part(t, "text/plain") }

// HTML is the other alternative.
func (m Mail) HTML(t testing.TB) string { return m.part(t, "text/html") }

// Token is what follows #token= in the text, or empty.
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

// String is the envelope, for failures.
func (m Mail) String() string { return fmt.Sprintf("%s -> %s", m.From, strings.Join(m.To, ",")) }
