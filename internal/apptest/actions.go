package apptest

import (
	"encoding/json"
	"fmt"

	"github.com/techtreks/auth/internal/mail"
)

// GoodPassword is the password of every account that Register creates.
const GoodPassword = "Tr4vel-lighter!"

// NewPassword is the password that tests change or reset a password to.
const NewPassword = "N3w-passphrase"

// Register registers an account with the email username@example.com through the API.
func (b *Browser) Register(username string) {
	b.H.T.Helper()
	b.Call("POST", "/auth/register", Members{"username": username, "email": username + "@example.com", "password": GoodPassword}).Want(201, "")
}

// Login logs in with the usual password.
func (b *Browser) Login(username string) *Answer {
	b.H.T.Helper()
	a := b.Call("POST", "/auth/login", Members{"username": username, "password": GoodPassword})
	a.Want(200, "")
	return a
}

// WrongLogin is the body of a login with a wrong password.
func WrongLogin(username string) Members {
	return Members{"username": username, "password": "Wrong-passw0rd"}
}

// LoggedIn reports whether the browser has a valid session.
func (b *Browser) LoggedIn() bool {
	b.H.T.Helper()
	return b.Call("GET", "/auth/current_user", nil).JSON()["ok"] == true
}

// LoginWith reports whether a new browser can log in with the password.
func (h *Harness) LoginWith(username, password string) bool {
	h.T.Helper()
	return h.Browser().Call("POST", "/auth/login", Members{"username": username, "password": password}).Status == 200
}

// ChangePassword changes the password of the logged-in account.
func (b *Browser) ChangePassword(from, to string) *Answer {
	b.H.T.Helper()
	return b.Call("PUT", "/auth/change_password", Members{"current_password": from, "new_password": to})
}

// UpdateProfile changes the username or the email of the logged-in account.
func (b *Browser) UpdateProfile(change Members) *Answer {
	b.H.T.Helper()
	return b.Call("PUT", "/auth/update_profile", change)
}

// DeleteAccount deletes the logged-in account.
func (b *Browser) DeleteAccount(password string) *Answer {
	b.H.T.Helper()
	return b.Call("DELETE", "/auth/account", Members{"password": password})
}

// IsVerified reports whether the email of the logged-in account is verified.
func (b *Browser) IsVerified() bool {
	b.H.T.Helper()
	return b.Call("GET", "/auth/profile", nil).Want(200, "").JSON()["email_verified"] == true
}

// Sessions lists the sessions of the logged-in account.
func (b *Browser) Sessions() []map[string]any {
	b.H.T.Helper()
	var list []map[string]any
	for _, one := range b.Call("GET", "/auth/sessions", nil).Want(200, "").JSON()["sessions"].([]any) {
		list = append(list, one.(map[string]any))
	}
	return list
}

// SessionID returns the ID of the browser's own session.
func (b *Browser) SessionID() int {
	b.H.T.Helper()
	for _, one := range b.Sessions() {
		if one["current"] == true {
			return int(one["id"].(float64))
		}
	}
	b.H.T.Fatal("the list has no current session")
	return 0
}

// EndSession ends one session of the logged-in account.
func (b *Browser) EndSession(id any) *Answer {
	b.H.T.Helper()
	return b.Call("DELETE", fmt.Sprintf("/auth/sessions/%v", id), nil)
}

// Events requests a page of events. It returns the names of the events, the events and the
// cursor of the next page.
func (b *Browser) Events(path string) (events []string, all []map[string]any, next string) {
	b.H.T.Helper()
	var page struct {
		Events     []map[string]any
		NextCursor *string `json:"next_cursor"`
	}
	if err := json.Unmarshal(b.Call("GET", path, nil).Want(200, "").Body, &page); err != nil {
		b.H.T.Fatal(err)
	}
	for _, e := range page.Events {
		events = append(events, fmt.Sprint(e["event"]))
	}
	if page.NextCursor != nil {
		next = *page.NextCursor
	}
	return events, page.Events, next
}

// Users lists accounts as an administrator, by a query such as "role=admin".
func (b *Browser) Users(query string) (names []string, next string) {
	b.H.T.Helper()
	m := b.Call("GET", "/auth/admin/users?"+query, nil).Want(200, "").JSON()
	for _, user := range m["users"].([]any) {
		names = append(names, user.(map[string]any)["username"].(string))
	}
	next, _ = m["next_cursor"].(string)
	return names, next
}

// Manage calls an operation on an account as an administrator: Manage("PUT", "bob",
// "/role", …).
func (b *Browser) Manage(method, username, what string, body any) *Answer {
	b.H.T.Helper()
	return b.Call(method, fmt.Sprintf("/auth/admin/users/%d%s", b.H.IDOf(username), what), body)
}

// Invite creates an account as an administrator and returns the token from the
// invitation.
func (b *Browser) Invite(body Members) (token string) {
	b.H.T.Helper()
	user := b.Call("POST", "/auth/admin/users", body).Want(201, "").JSON()["user"].(map[string]any)
	if user["has_password"] != false || user["email_verified"] != false {
		b.H.T.Errorf("new account: got %v, want no password and no verified email", user)
	}
	return b.H.MailedToken(mail.Invitation, body["email"].(string))
}

// ResetToken requests a password reset and returns the token from the email.
func (h *Harness) ResetToken(username string) string {
	h.T.Helper()
	h.Browser().Call("POST", "/auth/request_reset", Members{"email": username + "@example.com"}).Want(200, "")
	return h.MailedToken(mail.ResetPassword, username+"@example.com")
}

// ChangeToken requests a change of email that needs a confirmation, and returns the token
// from the email.
func (h *Harness) ChangeToken(username, to string) string {
	h.T.Helper()
	b := h.Browser()
	b.Login(username)
	h.Accounts.Registration = "verified"
	defer func() { h.Accounts.Registration = "open" }()
	b.UpdateProfile(Members{"email": to}).Want(200, "")
	return h.MailedToken(mail.ConfirmEmail, to)
}
