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

// SMTP is the [Sender] for a mail server. It opens a connection for each mail.
type SMTP struct {
	// Host is the server's name, which its certificate must be valid for.
	Host string
	Port int
	// User and Password are the credentials; without a User there is no login.
	User, Password string
	// ImplicitTLS means smtps: TLS from the first byte.
	ImplicitTLS bool
	// RequireTLS rejects a server that does not offer STARTTLS. Otherwise TLS is used only
	// if the server offers it.
	RequireTLS bool
	// TLS configures both; nil means the defaults for Host.
	TLS *tls.Config
	// Dial opens the connection; nil means the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Time limits. A slower server counts as unreachable.
const (
	dialTimeout = 10 * time.Second
	sendTimeout = 30 * time.Second
)

var _ Sender = (*SMTP)(nil)

// NewSMTP parses a MAIL_URL. In production it requires TLS with a valid certificate, except
// for a server on this machine: that traffic never leaves it, and mail servers rarely have a
// certificate for localhost.
func NewSMTP(rawURL string, production bool) (*SMTP, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" {
		return nil, errors.New("MAIL_URL cannot be parsed") // the error of url.Parse quotes the password
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

// Send delivers m to the server.
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
		// go-mail leaves the connection open if it rejects the server, and ignores the
		// context during the conversation.
		stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
		hangUp = func() {
			stop()
			_ = raw.Close()
		}
		return s.wrapTLS(ctx, raw, config)
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		// The server has not seen the mail yet. Even a 5xx is about this service's host name
		// or password, so the mail is retried.
		var answer *textproto.Error
		if errors.As(err, &answer) && answer.Code >= 500 {
			return fmt.Errorf("%w: %w: %w", ErrUnreachable, ErrSettings, err)
		}
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	if err := client.SendWithSMTPClient(conn, message(m)); err != nil {
		return classify(err)
	}
	// The server has accepted the mail. A failed QUIT does not change that.
	_ = conn.Quit()
	return nil
}

// classify reports whether the mail, the server or this service caused an error.
func classify(err error) error {
	var answer *gomail.SendError
	if !errors.As(err, &answer) {
		return err
	}
	code := answer.ErrorCode()
	wantsLogin := code == 530 || code == 534 || code == 535 || code == 538 // or TLS
	switch {
	case wantsLogin || code >= 500 && answer.Reason == gomail.ErrSMTPMailFrom:
		// All mails have the same sender, so this error would affect all of them. It does
		// not depend on the recipient.
		return fmt.Errorf("%w: %w: %w", ErrUnreachable, ErrSettings, err)
	case code >= 500:
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return err
}

// client returns a new client for each mail, because go-mail clients keep state.
func (s *SMTP) client(config *tls.Config, dial gomail.DialContextFunc) (*gomail.Client, error) {
	policy := gomail.TLSOpportunistic
	switch {
	case s.ImplicitTLS:
		policy = gomail.NoTLS // the connection already uses TLS
	case s.RequireTLS:
		policy = gomail.TLSMandatory
	}
	options := []gomail.Option{
		gomail.WithPort(s.Port), gomail.WithTimeout(sendTimeout), gomail.WithTLSPolicy(policy), gomail.WithTLSConfig(config),
		gomail.WithDialContextFunc(dial), gomail.WithoutSMTPUTF8(),
		// NOOP is pointless on a new connection, and RSET after the mail was accepted.
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

// dial connects. The deadline of the send then covers the whole conversation; go-mail would
// restart the timeout for every command.
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

// wrapTLS wraps the connection in TLS if TLS is implicit.
func (s *SMTP) wrapTLS(ctx context.Context, conn net.Conn, config *tls.Config) (net.Conn, error) {
	if !s.ImplicitTLS {
		return conn, nil
	}
	c := tls.Client(conn, config)
	return c, c.HandshakeContext(ctx)
}

// boundedConn has a deadline that cannot be extended.
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

// message converts m for go-mail. The addresses were parsed strictly before. The subject is
// the only header with user-supplied text. render has reduced it to one line, so that no
// header can be injected (ASVS 1.3.11).
func message(m Rendered) *gomail.Msg {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.SetAddrHeaderFromMailAddress(gomail.HeaderFrom, &m.From)
	msg.SetAddrHeaderFromMailAddress(gomail.HeaderTo, &netmail.Address{Address: m.To})
	msg.SetMessageIDWithValue(m.MessageID)
	msg.SetDateWithValue(m.Date)
	msg.Subject(m.Subject)
	// Suppress out-of-office replies and forwarding by mailing lists (RFC 3834).
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader(gomail.HeaderXAutoResponseSuppress, "All")
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	return msg
}
