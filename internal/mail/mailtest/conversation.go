package mailtest

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"strings"
	"time"
)

// conversation is one SMTP connection.
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
	c.received.lines = append(c.received.lines, line)
	c.mu.Unlock()
	return line, true
}

// say sends an answer and reports whether the conversation continues.
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
		c.received.mails = append(c.received.mails, c.mail)
		if c.received.arrived != nil {
			close(c.received.arrived)
			c.received.arrived = nil
		}
		c.mu.Unlock()
	}
	return answer != Hangup && c.write(answer)
}

func (c *conversation) secured() error {
	if err := c.makeCertificate(); err != nil {
		return err
	}
	secured := tls.Server(c.conn, &tls.Config{Certificates: []tls.Certificate{c.identity.cert}, MinVersion: tls.VersionTLS12})
	if err := secured.Handshake(); err != nil {
		return err
	}
	c.conn, c.secure = secured, true
	return nil
}

// path returns the address in FROM:<…> or TO:<…> unchanged.
func path(argument string) string {
	_, rest, _ := strings.Cut(argument, "<")
	address, _, _ := strings.Cut(rest, ">")
	return address
}
