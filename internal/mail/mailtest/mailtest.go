// Package mailtest is a mail server for tests: it speaks SMTP, keeps what it is given,
// and misbehaves as it is told to.
package mailtest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Stages of the conversation, for [Server.Answer] and [Server.Hang]. The last one is
// the dot that ends the message.
const (
	Connect = "CONNECT"
	Ehlo    = "EHLO"
	Auth    = "AUTH"
	From    = "MAIL"
	To      = "RCPT"
	Data    = "DATA"
	Dot     = "."
	Quit    = "QUIT"
)

// Hangup is an answer that closes the connection instead.
const Hangup = "hang up"

// A Server is a mail server for one test. Start it with [New] or use it over pipes with
// [Server.Dial], which needs no network and works in a testing/synctest bubble.
type Server struct {
	// Addr is where it listens, if it does.
	Addr string
	// Domain is the name in its certificate.
	Domain string
	// StartTLS offers STARTTLS; ImplicitTLS speaks TLS from the beginning.
	StartTLS, ImplicitTLS bool
	// PerByte makes it answer so slowly.
	PerByte time.Duration
	// Answer, if set, gives the answer at a stage instead of the usual one: "451 later",
	// [Hangup], or "" for the usual one. argument is the rest of the line, or the
	// message at [Dot]. It may block, and may be called by several connections at once.
	Answer func(stage, argument string) string

	mu       sync.Mutex
	mails    []Mail
	lines    []string
	open     map[net.Conn]bool
	most     int
	down     bool
	cert     tls.Certificate
	pool     *x509.CertPool
	certOnce sync.Once
	arrived  chan struct{}
	serving  sync.WaitGroup
}

// A Mail is what the server has taken.
type Mail struct {
	From string
	To   []string
	TLS  bool
	User string // who was logged in
	Raw  string // with the line ends of the wire
}

// New starts a server on the loopback interface, stopped after the test. Fields are to
// be set before it is used.
func New(t testing.TB, configure ...func(*Server)) *Server {
	t.Helper()
	s := &Server{Domain: "localhost"}
	for _, c := range configure {
		c(s)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Addr = listener.Addr().String()
	s.serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.serving.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		s.Close()
	})
	return s
}

// Close ends all connections and waits until nothing is left of them.
func (s *Server) Close() {
	s.hangUp()
	s.serving.Wait()
}

// URL is a MAIL_URL for the server.
func (s *Server) URL() string {
	if s.ImplicitTLS {
		return "smtps://" + s.Addr
	}
	return "smtp://" + s.Addr
}

// Dial connects to the server over a pipe, whatever the address.
func (s *Server) Dial(context.Context, string, string) (net.Conn, error) {
	s.mu.Lock()
	down := s.down
	s.mu.Unlock()
	if down {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	}
	client, server := net.Pipe()
	s.serving.Go(func() { s.serve(server) })
	return client, nil
}

// SetDown makes Dial fail, or work again.
func (s *Server) SetDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// Mails are those that it has answered 250 to, and those for which it would have but
// for an Answer that hung up at the dot.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// Lines are all the lines that clients have sent outside of messages.
func (s *Server) Lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lines)
}

// Open is the number of connections that there are.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// MostAtOnce is the greatest number of connections that there were at one time.
func (s *Server) MostAtOnce() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most
}

// WaitFor waits until the server has n mails and returns them. For use outside of
// synctest.
func (s *Server) WaitFor(t testing.TB, n int) []Mail {
	t.Helper()
	end := time.After(20 * time.Second)
	for {
		s.mu.Lock()
		mails := slices.Clone(s.mails)
		if s.arrived == nil {
			s.arrived = make(chan struct{})
		}
		arrived := s.arrived
		s.mu.Unlock()
		if len(mails) >= n {
			return mails
		}
		select {
		case <-arrived:
		case <-end:
			t.Fatalf("%d mails after 20 seconds, want %d", len(mails), n)
		}
	}
}

// Certificates is the pool that the server's certificate is trusted by.
func (s *Server) Certificates(t testing.TB) *x509.CertPool {
	t.Helper()
	if err := s.makeCertificate(); err != nil {
		t.Fatal(err)
	}
	return s.pool
}

func (s *Server) makeCertificate() (err error) {
	s.certOnce.Do(func() {
		var key *ecdsa.PrivateKey
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: s.Domain}, DNSNames: []string{s.Domain},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(1000 * time.Hour),
			IsCA: true, BasicConstraintsValid: true,
		}
		var der []byte
		if der, err = x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key); err != nil {
			return
		}
		var parsed *x509.Certificate
		if parsed, err = x509.ParseCertificate(der); err != nil {
			return
		}
		s.cert = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
		s.pool = x509.NewCertPool()
		s.pool.AddCert(parsed)
	})
	return err
}

func (s *Server) opened(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = make(map[net.Conn]bool)
	}
	s.open[conn] = true
	s.most = max(s.most, len(s.open))
}

func (s *Server) closed(conn net.Conn) {
	_ = conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, conn)
}

func (s *Server) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.open {
		_ = conn.Close()
	}
}

// conversation is one connection.
type conversation struct {
	*Server
	conn   net.Conn
	in     *bufio.Reader
	mail   Mail
	secure bool
	user   string
}

func (s *Server) serve(conn net.Conn) {
	s.opened(conn)
	defer s.closed(conn)
	c := &conversation{Server: s, conn: conn}
	if s.ImplicitTLS && c.secured() != nil {
		return
	}
	c.in = bufio.NewReader(c.conn)
	if !c.say(Connect, "", "220 "+s.Domain+" ESMTP") {
		return
	}
	for {
		line, ok := c.read()
		if !ok || !c.obey(line) {
			return
		}
	}
}

func (c *conversation) read() (string, bool) {
	line, err := c.in.ReadString('\n')
	if err != nil {
		return "", false
	}
	line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
	c.mu.Lock()
	c.lines = append(c.lines, line)
	c.mu.Unlock()
	return line, true
}

// say answers and reports whether to go on.
func (c *conversation) say(stage, argument, answer string) bool {
	if c.Answer != nil {
		if other := c.Answer(stage, argument); other != "" {
			answer = other
		}
	}
	if answer == Hangup {
		return false
	}
	return c.write(strings.ReplaceAll(answer, "\n", "\r\n"))
}

func (c *conversation) write(line string) bool {
	line += "\r\n"
	if c.PerByte == 0 {
		_, err := io.WriteString(c.conn, line)
		return err == nil
	}
	for i := range len(line) {
		time.Sleep(c.PerByte)
		if _, err := io.WriteString(c.conn, line[i:i+1]); err != nil {
			return false
		}
	}
	return true
}

func (c *conversation) obey(line string) bool {
	verb, argument, _ := strings.Cut(line, " ")
	switch verb = strings.ToUpper(verb); verb {
	case "EHLO", "HELO":
		answer := "250-" + c.Domain
		if c.StartTLS && !c.secure {
			answer += "\n250-STARTTLS"
		}
		return c.say(Ehlo, argument, answer+"\n250-8BITMIME\n250 AUTH PLAIN LOGIN")
	case "STARTTLS":
		if !c.StartTLS || c.secure {
			return c.say(verb, argument, "502 no")
		}
		if !c.say(verb, argument, "220 go ahead") || c.secured() != nil {
			return false
		}
		c.in = bufio.NewReader(c.conn)
		return true
	case "AUTH":
		mechanism, initial, _ := strings.Cut(argument, " ")
		decoded, _ := base64.StdEncoding.DecodeString(initial)
		parts := strings.Split(string(decoded), "\x00")
		if mechanism != "PLAIN" || len(parts) != 3 {
			return c.say(Auth, argument, "504 no")
		}
		c.user = parts[1]
		return c.say(Auth, argument, "235 welcome")
	case "MAIL":
		c.mail = Mail{From: path(argument), TLS: c.secure, User: c.user}
		return c.say(From, argument, "250 ok")
	case "RCPT":
		c.mail.To = append(c.mail.To, path(argument))
		return c.say(To, argument, "250 ok")
	case "DATA":
		return c.data(argument)
	case "RSET", "NOOP":
		return c.say(verb, argument, "250 ok")
	case "QUIT":
		c.say(Quit, argument, "221 bye")
		return false
	}
	return c.say(verb, argument, "500 what?")
}

func (c *conversation) data(argument string) bool {
	if c.Answer != nil {
		if other := c.Answer(Data, argument); other == Hangup {
			return false
		} else if other != "" {
			return c.write(other)
		}
	}
	if !c.write("354 go on") {
		return false
	}
	var raw strings.Builder
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		raw.WriteString(strings.TrimPrefix(line, "."))
	}
	c.mail.Raw = raw.String()
	answer := "250 taken"
	if c.Answer != nil {
		if other := c.Answer(Dot, c.mail.Raw); other != "" {
			answer = other
		}
	}
	if answer[0] == '2' || answer == Hangup {
		c.mu.Lock()
		c.mails = append(c.mails, c.mail)
		if c.arrived != nil {
			close(c.arrived)
			c.arrived = nil
		}
		c.mu.Unlock()
	}
	return answer != Hangup && c.write(answer)
}

func (c *conversation) secured() error {
	if err := c.makeCertificate(); err != nil {
		return err
	}
	secured := tls.Server(c.conn, &tls.Config{Certificates: []tls.Certificate{c.cert}, MinVersion: tls.VersionTLS12})
	if err := secured.Handshake(); err != nil {
		return err
	}
	c.conn, c.secure = secured, true
	return nil
}

// path is the address in FROM:<…> or TO:<…>, as it came.
func path(argument string) string {
	_, rest, _ := strings.Cut(argument, "<")
	address, _, _ := strings.Cut(rest, ">")
	return address
}

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
