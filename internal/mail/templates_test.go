package mail

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTemplates(t *testing.T) {
	templates, err := LoadTemplates("")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		language string
		kind     Kind
		subject  string
		says     string // in text and HTML
	}{
		{"en", VerifyEmail, "Confirm your e-mail address", "Please confirm that it is yours."},
		{"en", ResetPassword, "Set a new password", "has asked for a new password"},
		{"en", ConfirmEmail, "Confirm your new e-mail address", "It takes effect when you confirm it."},
		{"en", AddressInUse, "Somebody has entered your address", "so nothing was changed."},
		{"de", AddressInUse, "Jemand hat Ihre Adresse angegeben", "daher wurde nichts geändert."},
		{"en", AlreadyRegistered, "You already have an account", "It has one already, so none was opened."},
		{"en", PasswordChanged, "Your password was changed", "you have been logged out."},
		{"en", PasswordReset, "Your password was reset", "You have been logged out everywhere."},
		{"en", EmailChanged, "Your e-mail address was changed", "no longer has this address, but b***@new.example."},
		{"en", UsernameChanged, "Your user name was changed", "does not log in any more;"},
		{"de", UsernameChanged, "Ihr Benutzername wurde geändert", "Mit dem bisherigen können Sie sich nicht mehr anmelden;"},
		{"de", VerifyEmail, "Bestätigen Sie Ihre E-Mail-Adresse", "Bitte bestätigen Sie, dass es Ihre ist."},
		{"de", ResetPassword, "Neues Passwort setzen", "ein neues Passwort angefordert."},
		{"de", ConfirmEmail, "Bestätigen Sie Ihre neue E-Mail-Adresse", "sobald Sie es bestätigen."},
		{"de", AlreadyRegistered, "Sie haben schon ein Konto", "daher wurde keines eröffnet."},
		{"de", PasswordChanged, "Ihr Passwort wurde geändert", "sind Sie abgemeldet."},
		{"de", PasswordReset, "Ihr Passwort wurde neu gesetzt", "Sie sind überall abgemeldet."},
		{"de", EmailChanged, "Ihre E-Mail-Adresse wurde geändert", "sondern b***@new.example."},
		{"fr", EmailChanged, "Your e-mail address was changed", "no longer has this address"},
	} {
		t.Run(tc.language+"/"+string(tc.kind), func(t *testing.T) {
			link := ""
			if purpose, page := tc.kind.purpose(); purpose != "" {
				link = "https://app.example.com" + page + "#token=AZaz09-_"
			}
			const nasty = `<script>alert("x")</script>'&{{.}}`
			subject, text, html, err := templates.render(tc.language, tc.kind, Data{
				Service: "Tech & Treks", Username: nasty, Link: link, Expires: formatTime(time.Unix(0, 0)), FrontendURL: "https://app.example.com",
				NewAddress: masked("bob@new.example"), Time: formatTime(time.Unix(0, 0)), IP: nasty, UserAgent: nasty,
			})
			if err != nil {
				t.Fatal(err)
			}
			words := strings.Join(strings.Fields(text), " ")
			if subject != tc.subject || !strings.Contains(words, tc.says) || !strings.Contains(html, tc.says) {
				t.Errorf("subject %q\n%s\n%s", subject, text, html)
			}
			if !strings.Contains(html, "Tech &amp; Treks") || !strings.Contains(words, "Tech & Treks") {
				t.Error("the service is not named, or not escaped")
			}
			if strings.Contains(html, "<script") || strings.Count(html, "&lt;script&gt;") != 3 || strings.Count(text, nasty) != 3 {
				t.Errorf("not escaped in the HTML, or escaped in the text\n%s\n%s", html, text)
			}
			if link != "" && (!strings.Contains(html, `<a href="`+link+`" class="button"`) || strings.Count(html, link) != 3 || !strings.Contains(text, "\n"+link+"\n") || !strings.Contains(words, "1970-01-01 00:00 UTC")) {
				t.Errorf("the link is missing\n%s\n%s", text, html)
			}
			if link == "" && strings.Contains(html, `class="button"`) {
				t.Error("a button without a link")
			}
			for _, remote := range []string{"<img", "src=", "url(", "@import", "<link"} {
				if strings.Contains(html, remote) {
					t.Errorf("the HTML loads something: %s", remote)
				}
			}
			if strings.Contains(text, "<no value>") || strings.Contains(text, "{{template") || strings.Contains(text, "\n\n\n") {
				t.Errorf("got\n%s", text)
			}
			if tc.language != "fr" && !strings.Contains(html, `<html lang="`+tc.language+`">`) {
				t.Error("the HTML does not say its language")
			}
		})
	}
}

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestReplacedTemplates(t *testing.T) {
	templates, err := LoadTemplates(folder(t, map[string]string{
		"en/verify_email.txt":  "\uFEFFSubject: Welcome to {{.Service}}\r\n\r\nGo to {{.Link}}\r\n",
		"en/verify_email.html": `{{define "title"}}Welcome{{end}}{{define "body"}}Own words{{end}}{{define "action"}}Go{{end}}`,
		"layout.html":          `<h1>{{template "title" .}}</h1>{{template "body" .}}<a href="{{.Link}}">{{template "action" .}}</a>{{define "action"}}{{end}}`,
		"README.md":            "ours",
	}))
	if err != nil {
		t.Fatal(err)
	}
	subject, text, html, err := templates.render("en", VerifyEmail, Data{Service: "a\r\nBcc: b", Link: "https://x.example/#token=t"})
	if err != nil || subject != "Welcome to a Bcc: b" || text != "Go to https://x.example/#token=t\n" ||
		html != `<h1>Welcome</h1>Own words<a href="https://x.example/#token=t">Go</a>` {
		t.Errorf("%q, %q, %q, %v", subject, text, html, err)
	}
	// The others are the program's own.
	if subject, _, _, err := templates.render("de", VerifyEmail, Data{}); err != nil || subject != "Bestätigen Sie Ihre E-Mail-Adresse" {
		t.Errorf("%q, %v", subject, err)
	}
}

func TestBrokenTemplatesFailTheStart(t *testing.T) {
	for name, tc := range map[string]struct{ file, content, want string }{
		"Syntax":         {"en/verify_email.html", `{{define "body"}}{{.Link`, "en/verify_email"},
		"UnknownField":   {"en/verify_email.txt", "Subject: x\n\n{{.Link}} {{.Password}}", "en/verify_email"},
		"UnknownInHTML":  {"de/password_reset.html", `{{define "title"}}x{{end}}{{define "body"}}{{.Nope}}{{end}}`, "de/password_reset"},
		"UnknownSubject": {"de/password_reset.txt", "Subject: {{.Nope}}\n\nx", "de/password_reset"},
		"NoSubject":      {"en/verify_email.txt", "Hello {{.Link}}", "does not begin with a line Subject"},
		"EmptySubject":   {"en/verify_email.txt", "Subject: {{.Username}}\n\n{{.Link}}", "the subject is empty"},
		"NoLink":         {"en/reset_password.txt", "Subject: x\n\nHello", "the link is missing"},
		"NoLinkInHTML":   {"layout.html", `{{template "title" .}}{{template "body" .}}{{define "action"}}{{end}}`, "the link is missing"},
		"NoBody":         {"en/password_reset.html", `{{define "title"}}x{{end}}`, "en/password_reset"},
		"UnknownFile":    {"en/verify-email.html", "x", "en/verify-email.html replaces no template"},
		"UnknownTongue":  {"fr/verify_email.html", "x", "fr/verify_email.html replaces no template"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := LoadTemplates(folder(t, map[string]string{tc.file: tc.content})); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := LoadTemplates(filepath.Join(t.TempDir(), "nowhere")); err == nil {
		t.Error("a folder that does not exist is accepted")
	}
}

// The manual lists the files that can be replaced and what they can say.
func TestManual(t *testing.T) {
	content, err := os.ReadFile("../../docs/mail.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := templateFiles("")
	if err != nil {
		t.Fatal(err)
	}
	for name := range files {
		// A kind of mail by its name, what they share by its file.
		kind := strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
		if !strings.Contains(string(content), "`"+kind+"`") && !strings.Contains(string(content), kind+filepath.Ext(name)+"`") {
			t.Errorf("%s is missing", name)
		}
	}
	for _, variable := range []string{"Language", "Subject", "Service", "Username", "FrontendURL", "Link", "Expires", "NewAddress", "Time", "IP", "UserAgent"} {
		if !strings.Contains(string(content), "`{{."+variable+"}}`") {
			t.Errorf("{{.%s}} is missing", variable)
		}
	}
}

func TestMasked(t *testing.T) {
	for in, want := range map[string]string{"bob@example.com": "b***@example.com", "b@example.com": "b***@example.com", "ü@x.example": "ü***@x.example", "": "", "nonsense": "", "@x": ""} {
		if got := masked(in); got != want {
			t.Errorf("%q: got %q", in, got)
		}
	}
}

func TestLanguage(t *testing.T) {
	for header, want := range map[string]string{
		"": "en", "de": "de", "de-AT,de;q=0.9,en;q=0.8": "de", "en-GB,en;q=0.9,de;q=0.8": "en", "fr": "en", "fr,de;q=0.5": "de", "DE": "de",
		"*": "en", "\x00": "en", "de;q=x": "en", strings.Repeat("de,", 100): "en", strings.Repeat("-", 64<<10): "en", "gsw": "de",
	} {
		if got := Language(header); got != want {
			t.Errorf("%.40q: got %s, want %s", header, got, want)
		}
	}
}
