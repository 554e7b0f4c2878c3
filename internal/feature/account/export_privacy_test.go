package account_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/mail"
)

// In verified mode the response to an address change is the same for a free and a taken
// address. The export must not reveal the difference afterwards.
func TestExportAccount_DoesNotRevealTakenEmail(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("victim")
		b.Register("mallory")
		h.ConfirmAll()
		b.Login("mallory")
		h.Exec("DELETE FROM audit_events")
		export := func() string {
			body := string(b.Call("GET", "/auth/export", nil).Want(200, "").Body)
			body = regexp.MustCompile(`("id":)\d+|[A-Z2-7]{26}`).ReplaceAllString(body, "$1")
			return strings.ReplaceAll(body, "nobody@", "victim@")
		}
		exports := map[string][2]string{} // before and after the mail is sent
		for _, to := range []string{"victim@example.com", "nobody@example.com"} {
			b.UpdateProfile(apptest.Members{"email": to}).Want(200, "")
			before := export()
			h.Mails()
			exports[to] = [2]string{before, export()}
			h.Exec("DELETE FROM tokens")
			h.Exec("DELETE FROM audit_events") // of this round
		}
		if taken, free := exports["victim@example.com"], exports["nobody@example.com"]; taken != free {
			t.Errorf("the export reveals the taken address\ngot               %s\n%s\nwant as when free %s\n%s", taken[0], taken[1], free[0], free[1])
		}
		if !strings.Contains(exports["victim@example.com"][1], "change_email") {
			t.Error("the export has no token for the change, so the test compares nothing")
		}
		if link := h.LastMail(mail.AddressInUse, "victim@example.com").Link; link != "" {
			t.Errorf("the owner of the address gets a link to the other account: %s", link)
		}
	}, apptest.WithRegistration("verified"))
}

// The export gives the reason why a mail is delayed as one word, without the response of
// the mail server, and does not identify the client that requested the mail.
func TestExportAccount_MailsHaveNoForeignData(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		h.Drain()
		h.Browser().Call("POST", "/auth/request_reset", apptest.Members{"email": "alice@example.com"}, apptest.Header("User-Agent", "Attacker/1.0")).Want(200, "")
		lastError := func(change string) any {
			h.Exec("UPDATE outbox SET " + change)
			a := b.Call("GET", "/auth/export", nil).Want(200, "")
			mails := apptest.Quoted(a.JSON()["mails"])
			for _, secret := range []string{"450", "Attacker", "127.0.0.1", "request_id"} {
				if strings.Contains(mails, secret) {
					t.Errorf("the export contains %s: %s", secret, mails)
				}
			}
			return a.JSON()["mails"].([]any)[0].(map[string]any)["last_error"]
		}
		for _, test := range []struct {
			change string
			want   any
		}{
			{"last_error = NULL", nil},
			{"last_error = '450 alice@example.com is not liked', unreachable = FALSE", "deferred"},
			{"last_error = '450 dial tcp 10.0.0.1', unreachable = TRUE", "unreachable"},
			{"dead_at = created_at", "given_up"},
		} {
			if got := lastError(test.change); got != test.want {
				t.Errorf("%s: got %v, want %v", test.change, got, test.want)
			}
		}
	})
}
