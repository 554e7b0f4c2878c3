package registration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/mail"
)

// X38: three mails per hour go to an address, of each kind that anyone can request,
// however its letters are written. One client causes twenty mails. The response reveals
// neither limit.
func TestRequestResetAndResendVerification_LimitMailsPerAddressAndClient(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		h.Exec("DELETE FROM outbox")
		for _, path := range []string{"/auth/request_reset", "/auth/resend_verification"} {
			var first, last *apptest.Answer
			mails := 0
			for i := range 100 {
				spelling := []string{"alice@example.com", "ALICE@example.com", "Alice@EXAMPLE.com"}[i%3]
				last = h.Browser().Call("POST", path, apptest.Members{"email": spelling}, apptest.ForwardedFor(fmt.Sprintf("198.51.100.%d", i))).Want(200, "")
				if first == nil {
					first = last
				}
				mails += h.Count("SELECT count(*) FROM outbox")
				h.Exec("DELETE FROM outbox")
			}
			if mails != 3 {
				t.Errorf("%s: got %d mails to one address, want 3", path, mails)
			}
			if got, want := apptest.StableParts(last), apptest.StableParts(first); got != want {
				t.Errorf("%s: the response changes\ngot  %s\nwant %s", path, got, want)
			}
			succeeded := 0
			b := h.Browser()
			for i := range 100 {
				if b.Call("POST", path, apptest.Members{"email": fmt.Sprintf("person%d@example.com", i)}, apptest.ForwardedFor("203.0.113.1")).Status == 200 {
					succeeded++
				}
			}
			if n := h.Count("SELECT count(*) FROM outbox"); n != 20 || succeeded != 20 {
				t.Errorf("%s: got %d mails and %d successes for one client, want 20 and 20", path, n, succeeded)
			}
			h.Exec("DELETE FROM outbox")
			h.Clock.Advance(time.Hour)
			b.Call("POST", path, apptest.Members{"email": "alice@example.com"}, apptest.ForwardedFor("203.0.113.1")).Want(200, "")
			if n := h.Count("SELECT count(*) FROM outbox"); n != 1 {
				t.Errorf("%s: got %d mails in the next hour, want 1", path, n)
			}
			h.Exec("DELETE FROM outbox")
		}
	}, apptest.WithLimits(), apptest.TrustLoopback)
}

// X38: three mails per hour inform the owner of an address about registrations with it,
// from any number of clients. The response does not reveal the limit.
func TestRegister_TakenEmailSendsThreeMailsPerHour(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		h.ConfirmAll()
		h.Clock.Advance(time.Hour) // alice's own registration counts as one of the three
		mails := 0
		var first, last *apptest.Answer
		register := func(i int) {
			t.Helper()
			h.Exec("DELETE FROM outbox")
			last = h.Browser().Call("POST", "/auth/register", apptest.Members{"username": fmt.Sprintf("name%d", i), "email": "ALICE@example.com", "password": apptest.GoodPassword},
				apptest.ForwardedFor(fmt.Sprintf("198.51.100.%d", i))).Want(201, "")
			if first == nil {
				first = last
			}
			mails += h.Count("SELECT count(*) FROM outbox WHERE kind = 'already_registered'")
		}
		for i := range 100 {
			register(i)
		}
		if mails != 3 {
			t.Errorf("got %d mails, want 3", mails)
		}
		if got, want := apptest.StableParts(last), apptest.StableParts(first); got != want {
			t.Errorf("the response changes\ngot  %s\nwant %s", got, want)
		}
		h.Clock.Advance(time.Hour)
		if register(100); mails != 4 {
			t.Errorf("got %d mails in the next hour, want 1", mails-3)
		}
	}, apptest.WithLimits(), apptest.TrustLoopback, apptest.WithRegistration("verified"))
}

// Without rate limits, too, repeated registrations with a taken address leave one mail
// to its owner in the queue, and the bound of the queue holds. The mail does not identify
// the client.
func TestRegister_TakenEmailQueuesOneMail(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("victim")
		h.ConfirmAll()
		h.Mail.MaxPending = 10
		for i := range 40 {
			b.Call("POST", "/auth/register", apptest.Members{"username": fmt.Sprintf("name%d", i), "email": "Victim@example.com", "password": apptest.GoodPassword},
				apptest.Header("User-Agent", "Attacker/1.0")).Want(201, "")
		}
		if got, want := h.Queued(), []string{"already_registered to Victim@example.com"}; !slices.Equal(got, want) {
			t.Errorf("queued mails: got %v, want %v", got, want)
		}
		m := h.LastMail(mail.AlreadyRegistered, "victim@example.com")
		if strings.Contains(m.Text+m.HTML, "127.0.0.1") || strings.Contains(m.Text+m.HTML, "Attacker") {
			t.Errorf("got a mail that identifies the client:\n%s", m.Text)
		}
		for i := range 10 {
			b.Call("POST", "/auth/request_reset", apptest.Members{"email": fmt.Sprintf("nobody%d@example.com", i)}).Want(200, "")
		}
		b.Call("POST", "/auth/register", apptest.Members{"username": "another", "email": "victim@example.com", "password": apptest.GoodPassword}).Want(201, "")
		if n := h.Count("SELECT count(*) FROM outbox"); n != 10 {
			t.Errorf("got %d queued mails, want 10", n)
		}
	}, apptest.WithRegistration("verified"))
}
