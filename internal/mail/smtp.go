package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/textproto"
	"net/url"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// SMTP is the [Sender] that gives mails to a mail server, a connection for each.
type SMTP struct {
	// Host is the server's name, which its certificate must be for.
	Host string
	Port int
	// User and Password log in to the server, if User is set.
	User, Password string
	// ImplicitTLS is smtps: TLS from the first byte on.
	ImplicitTLS bool
	// RequireTLS refuses to go on with a server that does not offer STARTTLS. Without
	// it, TLS is used when it is offered.
	RequireTLS bool
	// TLS is the configuration for both; nil is what Host needs.
	TLS *tls.Config
	// Dial connects; nil is the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// The bounds of a send. A server that takes longer is treated as none.
const (
	dialTimeout = 10 * time.Second
	sendTimeout = 30 * time.Second
)

var _ Sender = (*SMTP)(nil)

// NewSMTP reads a MAIL_URL. TLS with a certificate that can be checked is asked for in
// production, except from a server on this machine: what goes there passes nobody, and
// what mail servers show there is seldom a certificate for localhost.
func NewSMTP(rawURL string, production bool) (*SMTP, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" {
		return nil, errors.New("MAIL_URL cannot be understood") // url's own error quotes it
	}
	s := &SMTP{Host: u.Hostname(), Port: 587, ImplicitTLS: u.Scheme == "smtps"}
	if s.ImplicitTLS {
		s.Port = 465
	}
	if p := u.Port(); p != "" {
		if s.Port, err = strconv.Atoi(p); err != nil {
			return nil, errors.New("MAIL_URL has no valid port")
		}
	}
	s.User = u.User.Username()
	s.Password, _ = u.User.Password()
	s.TLS = &tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12}
	if isLoopback(s.Host) {
		s.TLS.InsecureSkipVerify = true
	} else {
		s.RequireTLS = production
	}
	return s, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Send gives m to the server.
func (s *SMTP) Send(ctx context.Context, m Rendered) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	config := s.TLS
	if config == nil {
		config = &tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12}
	}
	hangUp := func() {}
	defer func() { hangUp() }()
	client, err := s.client(config, func(_ context.Context, network, address string) (net.Conn, error) {
		raw, err := s.dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		// go-mail leaves the connection open when the server is not to its liking, and
		// does not look at the context while it talks.
		stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
		hangUp = func() {
			stop()
			_ = raw.Close()
		}
		return s.secured(ctx, raw, config)
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		// Nothing about the mail has been said yet: not even a 5xx, to our name or to
		// our password, is a reason to give the mail up.
		var answer *textproto.Error
		if errors.As(err, &answer) && answer.Code >= 500 {
			return fmt.Errorf("%w: %w: %w", ErrUnreachable, ErrSettings, err)
		}
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	if err := client.SendWithSMTPClient(conn, message(m)); err != nil {
		return classified(err)
	}
	// The mail is the server's now, whatever becomes of the farewell.
	_ = conn.Quit()
	return nil
}

// classified says what a failed conversation means for the mail.
func classified(err error) error {
	var answer *gomail.SendError
	if !errors.As(err, &answer) {
		return err
	}
	code := answer.ErrorCode()
	wantsLogin := code == 530 || code == 534 || code == 535 || code == 538 // or TLS
	switch {
	case wantsLogin || code >= 500 && answer.Reason == gomail.ErrSMTPMailFrom:
		// All mails have one sender, so it would be the end of all of them, and says
		// nothing about any recipient.
		return fmt.Errorf("%w: %w: %w", ErrUnreachable, ErrSettings, err)
	case code >= 500:
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return err
}

// client is made for each send, as go-mail's changes while it is used.
func (s *SMTP) client(config *tls.Config, dial gomail.DialContextFunc) (*gomail.Client, error) {
	policy := gomail.TLSOpportunistic
	switch {
	case s.ImplicitTLS:
		policy = gomail.NoTLS // it is there already
	case s.RequireTLS:
		policy = gomail.TLSMandatory
	}
	options := []gomail.Option{
		gomail.WithPort(s.Port), gomail.WithTimeout(sendTimeout), gomail.WithTLSPolicy(policy), gomail.WithTLSConfig(config),
		gomail.WithDialContextFunc(dial), gomail.WithoutSMTPUTF8(),
		// The one would be asked on a connection that is new, the other after the mail
		// has been taken.
		gomail.WithoutNoop(), gomail.WithoutRset(),
	}
	if s.User != "" {
		plain, login := gomail.SMTPAuthPlain, gomail.SMTPAuthLogin
		if !s.RequireTLS && !s.ImplicitTLS {
			plain, login = gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc
		}
		options = append(options, gomail.WithUsername(s.User), gomail.WithPassword(s.Password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, plain, login))
	}
	return gomail.NewClient(s.Host, options...)
}

// dial connects. The whole conversation then has the time that is left of the send;
// go-mail would give every part of it the full time anew.
func (s *SMTP) dial(ctx context.Context, network, address string) (net.Conn, error) {
	end, _ := ctx.Deadline()
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	dial := s.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	conn, err := dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &boundedConn{conn, end}, nil
}

// secured is the connection with TLS around it, where that is implicit.
func (s *SMTP) secured(ctx context.Context, conn net.Conn, config *tls.Config) (net.Conn, error) {
	if !s.ImplicitTLS {
		return conn, nil
	}
	c := tls.Client(conn, config)
	return c, c.HandshakeContext(ctx)
}

// boundedConn has a deadline that cannot be put off.
type boundedConn struct {
	net.Conn
	end time.Time
}

func (c *boundedConn) SetDeadline(t time.Time) error {
	if t.IsZero() || t.After(c.end) {
		t = c.end
	}
	return c.Conn.SetDeadline(t)
}

// message is m as go-mail has it. The addresses have been parsed, strictly, long
// before; of the headers, none but the subject is anybody's text, and render has made
// one line of it.
func message(m Rendered) *gomail.Msg {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.SetAddrHeaderFromMailAddress(gomail.HeaderFrom, &m.From)
	msg.SetAddrHeaderFromMailAddress(gomail.HeaderTo, &netmail.Address{Address: m.To})
	msg.SetMessageIDWithValue(m.MessageID)
	msg.SetDateWithValue(m.Date)
	msg.Subject(m.Subject)
	// Nobody's holiday notice should answer, and no mailing list take it on.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader(gomail.HeaderXAutoResponseSuppress, "All")
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	return msg
}
