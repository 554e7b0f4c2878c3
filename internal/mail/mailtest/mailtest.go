// Package mailtest provides an SMTP server for tests. It stores the mails that it accepts, and
// can be configured to fail at any stage.
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

// Stages of the conversation, for [Server.Answer]. Dot is the end of the message.
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

// Hangup is a special answer that closes the connection.
const Hangup = "hang up"

// A Server is a mail server for one test. Start it with [New], or connect over pipes with
// [Server.Dial], which needs no network and works in a testing/synctest bubble.
type Server struct {
	// Addr is the listening address; empty if the server does not listen.
	Addr string
	// Domain is the name in the certificate.
	Domain string
	// StartTLS offers STARTTLS; ImplicitTLS uses TLS from the first byte.
	StartTLS, ImplicitTLS bool
	// PerByte is the delay before each byte of an answer.
	PerByte time.Duration
	// Answer, if set, replaces the answer at a stage, for example with "451 later" or
	// [Hangup]; "" means the usual answer. argument is the rest of the line, or the
	// message at [Dot]. It may block, and may be called by several connections at once.
	Answer func(stage, argument string) string

	mu       sync.Mutex // guards received, conns and down
	received received
	conns    connections
	down     bool
	identity identity
}

type received struct {
	mails   []Mail
	lines   []string
	arrived chan struct{}
}

type connections struct {
	open    map[net.Conn]bool
	most    int
	serving sync.WaitGroup
}

type identity struct {
	once sync.Once
	cert tls.Certificate
	pool *x509.CertPool
}

// A Mail is an accepted mail.
type Mail struct {
	From string
	To   []string
	TLS  bool
	User string // of the login; empty without one
	Raw  string // with CRLF line ends
}

// New starts a server on the loopback interface and stops it after the test. Set its fields
// with configure.
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
	s.conns.serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.conns.serving.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		s.Close()
	})
	return s
}

// Close closes all connections and waits until their goroutines have ended.
func (s *Server) Close() {
	s.hangUp()
	s.conns.serving.Wait()
}

// URL returns a MAIL_URL for the server.
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
	s.conns.serving.Go(func() { s.serve(server) })
	return client, nil
}

// SetDown makes Dial fail, or work again.
func (s *Server) SetDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// Mails returns the accepted mails, including those for which Answer closed the connection at
// the dot.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.received.mails)
}

// Lines returns all lines that clients have sent outside of messages.
func (s *Server) Lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.received.lines)
}

// Open returns the number of open connections.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns.open)
}

// MostAtOnce returns the highest number of simultaneous connections.
func (s *Server) MostAtOnce() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns.most
}

// WaitFor waits until the server has n mails and returns them. Use it outside of synctest
// bubbles.
func (s *Server) WaitFor(t testing.TB, n int) []Mail {
	t.Helper()
	end := time.After(20 * time.Second)
	for {
		s.mu.Lock()
		mails := slices.Clone(s.received.mails)
		if s.received.arrived == nil {
			s.received.arrived = make(chan struct{})
		}
		arrived := s.received.arrived
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

// Certificates returns a pool that trusts the server's certificate.
func (s *Server) Certificates(t testing.TB) *x509.CertPool {
	t.Helper()
	if err := s.makeCertificate(); err != nil {
		t.Fatal(err)
	}
	return s.identity.pool
}

func (s *Server) makeCertificate() (err error) {
	s.identity.once.Do(func() {
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
		s.identity.cert = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
		s.identity.pool = x509.NewCertPool()
		s.identity.pool.AddCert(parsed)
	})
	return err
}

func (s *Server) opened(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns.open == nil {
		s.conns.open = make(map[net.Conn]bool)
	}
	s.conns.open[conn] = true
	s.conns.most = max(s.conns.most, len(s.conns.open))
}

func (s *Server) closed(conn net.Conn) {
	_ = conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns.open, conn)
}

func (s *Server) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns.open {
		_ = conn.Close()
	}
}
