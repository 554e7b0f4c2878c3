// Package mailtest is a mail server for tests: it speaks SMTP, keeps what it is given,
// and misbehaves as it is told to.
package mailtest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"slices"
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
