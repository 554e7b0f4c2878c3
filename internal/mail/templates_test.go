package mail

import (
	"flag"
	stdhtml "html"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// sampleData returns data for a mail as the worker would build it, with every value set.
func sampleData(language string, kind Kind) Data {
	const site = "https://app.example.com"
	when := time.Date(2026, 12, 2, 0, 22, 0, 0, time.UTC)
	data := Data{
		FrontendURL: site, Username: "alice",
		Contact: Contact{Product: "TechTreks", Support: "help@techtreks.example", SupportURL: "mailto:help@techtreks.example"},
		Change:  Change{NewAddress: masked("bob@new.example"), Time: formatTime(language, when), IP: "192.0.2.1", Browser: "Firefox, Linux"},
	}
	purpose, page := kind.purpose()
	switch {
	case purpose != "":
		data.Link = site + page + "#token=AZaz09-_"
		data.ValidFor, data.Expires = formatDuration(language, 24*time.Hour), formatTime(language, when.Add(24*time.Hour))
	case page != "":
		data.Link = site + page
	default:
		data.Link, data.LinkText = data.SupportURL, data.Support
		return data
	}
	data.LinkText = data.Link
	return data
}

func TestTemplates_Sentences(t *testing.T) {
	templates, err := LoadTemplates("")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		language string
		kind     Kind
		subject  string
		says     string // in text and HTML
		button   string
	}{
		{"en", VerifyEmail, "Confirm your email address", "Please confirm that this is your email address for TechTreks.", "Confirm email"},
		{"en", ResetPassword, "Reset your password", "We received a request to reset your TechTreks password.", "Reset password"},
		{"en", ConfirmEmail, "Confirm your new email address", "The change takes effect once you confirm it.", "Confirm email"},
		{"en", Invitation, "You've been invited to TechTreks", "(username alice)", "Choose password"},
		{"en", AlreadyRegistered, "You already have an account", "Someone tried to sign up for TechTreks", "Log in"},
		{"en", AddressInUse, "Someone tried to use your email address", "It belongs to yours, so nothing changed.", "Log in"},
		{"en", PasswordChanged, "Your password was changed", "your other devices were logged out.", "Reset password"},
		{"en", PasswordReset, "Your password was reset", "All devices were logged out.", "Reset password"},
		{"en", EmailChanged, "Your email address was changed", "is now b***@new.example.", "Contact support"},
		{"en", UsernameChanged, "Your username was changed", "You can no longer log in with the old one,", "Reset password"},
		{"en", LoginAfterFailures, "New login after several wrong passwords", "This logs out every device.", "Reset password"},
		{"de", VerifyEmail, "Bestätigen Sie Ihre E-Mail-Adresse", "Bitte bestätigen Sie Ihre E-Mail-Adresse für TechTreks.", "E-Mail-Adresse bestätigen"},
		{"de", ResetPassword, "Setzen Sie Ihr Passwort zurück", "wurde ein neues Passwort angefordert.", "Passwort zurücksetzen"},
		{"de", ConfirmEmail, "Bestätigen Sie Ihre neue E-Mail-Adresse", "Bitte bestätigen Sie die Änderung.", "E-Mail-Adresse bestätigen"},
		{"de", Invitation, "Einladung zu TechTreks", "(Benutzername alice)", "Passwort festlegen"},
		{"de", AlreadyRegistered, "Sie haben bereits ein Konto", "bei TechTreks registrieren.", "Anmelden"},
		{"de", AddressInUse, "Jemand wollte Ihre E-Mail-Adresse verwenden", "daher wurde nichts geändert.", "Anmelden"},
		{"de", PasswordChanged, "Ihr Passwort wurde geändert", "Ihre anderen Geräte wurden abgemeldet.", "Passwort zurücksetzen"},
		{"de", PasswordReset, "Ihr Passwort wurde zurückgesetzt", "Alle Geräte wurden abgemeldet.", "Passwort zurücksetzen"},
		{"de", EmailChanged, "Ihre E-Mail-Adresse wurde geändert", "lautet jetzt b***@new.example.", "Support kontaktieren"},
		{"de", UsernameChanged, "Ihr Benutzername wurde geändert", "Der alte gilt nicht mehr und ist wieder frei.", "Passwort zurücksetzen"},
		{"de", LoginAfterFailures, "Anmeldung nach mehreren falschen Passwörtern", "Damit werden alle Geräte abgemeldet.", "Passwort zurücksetzen"},
		{"fr", EmailChanged, "Your email address was changed", "is now b***@new.example.", "Contact support"},
	} {
		t.Run(tc.language+"/"+string(tc.kind), func(t *testing.T) {
			data := sampleData(tc.language, tc.kind)
			subject, text, html, err := templates.render(tc.language, tc.kind, data)
			if err != nil {
				t.Fatal(err)
			}
			words, read := oneLine(text), oneLine(htmlText(html))
			if subject != tc.subject || !strings.Contains(words, tc.says) || !strings.Contains(read, tc.says) {
				t.Errorf("subject %q\n%s\n%s", subject, text, html)
			}
			// The action: a button, and below it the same link to read and copy.
			if !strings.Contains(text, "\n"+tc.button+":\n"+data.LinkText+"\n") ||
				!strings.Contains(html, `<a href="`+data.Link+`" class="button"`) || strings.Count(html, `class="button"`) != 1 ||
				!strings.Contains(html, ">"+tc.button+"</a>") || !strings.Contains(html, `<a href="`+data.Link+`" class="link" style="color:#2458c6">`+data.LinkText+"</a>") {
				t.Errorf("no button %q, or no link below it\n%s\n%s", tc.button, text, html)
			}
			// The sender, the product's site, the support contact and what caused the mail.
			for _, want := range []string{"alice", "TechTreks", data.FrontendURL, data.Support, data.Time, data.IP, data.Browser, data.ValidFor, data.Expires} {
				if !strings.Contains(words, want) || !strings.Contains(read, want) {
					t.Errorf("%q is missing\n%s\n%s", want, text, html)
				}
			}
			if !strings.Contains(html, `href="mailto:help@techtreks.example"`) {
				t.Errorf("the support contact is no link\n%s", html)
			}
			for _, remote := range []string{"<img", "src=", "url(", "@import", "<link", "<script"} {
				if strings.Contains(html, remote) {
					t.Errorf("the HTML loads something: %s", remote)
				}
			}
			if strings.Contains(text, "<no value>") || strings.Contains(text, "{{") || strings.Contains(text, "\n\n\n") || strings.Contains(text, "&#") {
				t.Errorf("got\n%s", text)
			}
			for line := range strings.Lines(text) {
				if utf8.RuneCountInString(line) > textWidth+1 && strings.Contains(line, " ") {
					t.Errorf("a long line: %q", line)
				}
			}
			if !strings.Contains(html, `<html lang="`+known(tc.language)+`">`) {
				t.Error("the HTML does not declare its language")
			}
		})
	}
}

// htmlText returns the text of a mail's HTML, tags removed and entities decoded.
func htmlText(html string) string {
	return stdhtml.UnescapeString(regexp.MustCompile(`(?s)<style>.*</style>|<[^>]*>`).ReplaceAllString(html, ""))
}

func TestTemplates_EscapeValuesInHTMLOnly(t *testing.T) {
	templates, err := LoadTemplates("")
	if err != nil {
		t.Fatal(err)
	}
	const nasty = `<script>alert("x")</script>'&{{.}}`
	for _, language := range Languages {
		for _, kind := range Kinds {
			data := sampleData(language, kind)
			data.Username, data.IP, data.Browser, data.Product = nasty, nasty, nasty, "Tech & Treks"
			_, text, html, err := templates.render(language, kind, data)
			if err != nil {
				t.Fatal(err)
			}
			// The greeting, the IP address and the browser. An invitation repeats the
			// username, and its preheader repeats the first paragraph.
			inText, inHTML := 3, 3
			if kind == Invitation {
				inText, inHTML = 4, 5
			}
			if strings.Contains(html, "<script") || strings.Count(html, "&lt;script&gt;") != inHTML || strings.Count(text, nasty) != inText {
				t.Errorf("%s/%s: not escaped in the HTML, or escaped in the text\n%s\n%s", language, kind, html, text)
			}
			if !strings.Contains(html, "Tech &amp; Treks") || strings.Contains(html, "Tech & Treks") || !strings.Contains(oneLine(text), "Tech & Treks") {
				t.Errorf("%s/%s: the product is not named, or not escaped", language, kind)
			}
		}
	}
}

// Without a support contact the sentences about it are left out, and so is the button that
// would lead to it.
func TestTemplates_NoSupportContact(t *testing.T) {
	templates, err := LoadTemplates("")
	if err != nil {
		t.Fatal(err)
	}
	for _, language := range Languages {
		for _, kind := range Kinds {
			data := sampleData(language, kind)
			data.Support, data.SupportURL = "", ""
			if kind == EmailChanged {
				data.Link, data.LinkText = "", ""
			}
			_, text, html, err := templates.render(language, kind, data)
			if err != nil {
				t.Fatal(err)
			}
			if s := strings.ToLower(text + html); strings.Contains(strings.ReplaceAll(s, "supported-color-schemes", ""), "support") || strings.Contains(html, `href=""`) {
				t.Errorf("%s/%s mentions a support contact\n%s\n%s", language, kind, text, html)
			}
			if (kind == EmailChanged) == strings.Contains(html, `class="button"`) {
				t.Errorf("%s/%s: a button without a link, or none with one", language, kind)
			}
		}
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

func TestLoadTemplates_ReplacesFiles(t *testing.T) {
	templates, err := LoadTemplates(folder(t, map[string]string{
		"en/verify_email.txt": "\uFEFFSubject: Welcome to {{.Product}}\r\n\r\nOwn\r\nwords\r\n\r\n[Go]\r\n\r\nMore",
		"layout.html":         `<h1>{{.Subject}}</h1>{{range .Body}}<p>{{.}}</p>{{end}}<a href="{{.Link}}">{{.Button}}</a>{{range .After}}<p>{{.}}</p>{{end}}`,
		"layout.txt":          "{{range .Body}}{{.}}{{end}} {{.LinkText}}",
		"README.md":           "ours",
	}))
	if err != nil {
		t.Fatal(err)
	}
	subject, text, html, err := templates.render("en", VerifyEmail, Data{
		Contact: Contact{Product: "a\r\nBcc: b"}, Action: Action{Link: "https://x.example/#token=t", LinkText: "https://x.example/#token=t"},
	})
	if err != nil || subject != "Welcome to a Bcc: b" || text != "Own words https://x.example/#token=t\n" ||
		html != `<h1>Welcome to a Bcc: b</h1><p>Own words</p><a href="https://x.example/#token=t">Go</a><p>More</p>` {
		t.Errorf("%q, %q, %q, %v", subject, text, html, err)
	}
	// The other files are the built-in ones.
	if subject, _, _, err := templates.render("de", VerifyEmail, Data{}); err != nil || subject != "Bestätigen Sie Ihre E-Mail-Adresse" {
		t.Errorf("%q, %v", subject, err)
	}
}

func TestLoadTemplates_RejectsBrokenFiles(t *testing.T) {
	for name, tc := range map[string]struct{ file, content, want string }{
		"syntax error":             {"en/verify_email.txt", "Subject: x\n\n{{.Link", "en/verify_email"},
		"unknown variable":         {"en/verify_email.txt", "Subject: x\n\n{{.Password}}\n\n[Go]\n", "en/verify_email"},
		"unknown variable, German": {"de/password_reset.txt", "Subject: x\n\nx\n\n[Go]\n\n{{.Nope}}", "de/password_reset"},
		"unknown in the subject":   {"de/password_reset.txt", "Subject: {{.Nope}}\n\nx", "de/password_reset"},
		"unknown in the layout":    {"layout.html", "{{.Subject}}{{.Nope}}{{.Link}}", "en/verify_email"},
		"unknown in the phrases":   {"de/common.txt", `{{define "greeting"}}{{.Nope}}{{end}}`, "de/verify_email"},
		"missing phrase":           {"en/common.txt", `{{define "greeting"}}Hi{{end}}`, "en/verify_email"},
		"no subject":               {"en/verify_email.txt", "Hello {{.Link}}", "does not begin with a line Subject"},
		"empty subject":            {"en/verify_email.txt", "Subject: {{.Username}}\n\nx\n\n[Go]\n", "the subject is empty"},
		"no button":                {"en/reset_password.txt", "Subject: x\n\nHello", "the link is missing"},
		"no link in the HTML":      {"layout.html", `{{.Subject}}{{range .Body}}{{.}}{{end}}`, "the link is missing"},
		"no link in the text":      {"layout.txt", `{{range .Body}}{{.}}{{end}}`, "the link is missing"},
		"no text":                  {"en/password_reset.txt", "Subject: x\n\n[Go]\n", "the text is empty"},
		"unknown file":             {"en/verify-email.txt", "x", "en/verify-email.txt replaces no template"},
		"file of an old layout":    {"en/verify_email.html", "x", "en/verify_email.html replaces no template"},
		"unknown language":         {"fr/verify_email.txt", "x", "fr/verify_email.txt replaces no template"},
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

var update = flag.Bool("update", false, "rewrite the table of mails in docs/mail.md")

// The table of mails in docs/mail.md is generated; with -update it is written.
func TestManual_ListsEveryMail(t *testing.T) {
	const manual, begin, end = "../../docs/mail.md", "<!-- mails -->\n", "<!-- end of mails -->"
	content, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(content), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatal("the comments around the table are gone")
	}
	var table strings.Builder
	table.WriteString("| Mail | Sent when | Button leads to |\n|---|---|---|\n")
	for _, k := range kinds {
		leads := "`FRONTEND_URL" + k.page + "`"
		if k.purpose != "" {
			leads = "`FRONTEND_URL" + k.page + "#token=…`"
		} else if k.page == "" {
			leads = "the support contact"
		}
		table.WriteString("| `" + string(k.kind) + "` | " + k.sentOn + " | " + leads + " |\n")
	}
	want := before + begin + table.String() + end + after
	if want == string(content) {
		return
	}
	if !*update {
		t.Fatal("docs/mail.md differs from internal/mail/kinds.go; run: go test ./internal/mail -run Manual -update")
	}
	if err := os.WriteFile(manual, []byte(want), 0o644); err != nil { //nolint:gosec // a document
		t.Fatal(err)
	}
}

func TestManual_ListsEveryFileAndVariable(t *testing.T) {
	content, err := os.ReadFile("../../docs/mail.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := templateFiles("")
	if err != nil {
		t.Fatal(err)
	}
	for name := range files {
		// A mail by its kind, a shared file by its name.
		base := filepath.Base(name)
		kind := strings.TrimSuffix(base, ".txt")
		if !strings.Contains(string(content), "`"+kind+"`") && !strings.Contains(string(content), base+"`") {
			t.Errorf("%s is missing", name)
		}
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[page]()) {
		if !field.Anonymous && !strings.Contains(string(content), "`{{."+field.Name+"}}`") {
			t.Errorf("{{.%s}} is missing", field.Name)
		}
	}
}

func TestMasked_LeavesFirstLetterAndDomain(t *testing.T) {
	for in, want := range map[string]string{"bob@example.com": "b***@example.com", "b@example.com": "b***@example.com", "ü@x.example": "ü***@x.example", "": "", "nonsense": "", "@x": ""} {
		if got := masked(in); got != want {
			t.Errorf("%q: got %q", in, got)
		}
	}
}

func TestLanguage_ParsesAcceptLanguage(t *testing.T) {
	for header, want := range map[string]string{
		"": "en", "de": "de", "de-AT,de;q=0.9,en;q=0.8": "de", "en-GB,en;q=0.9,de;q=0.8": "en", "fr": "en", "fr,de;q=0.5": "de", "DE": "de",
		"*": "en", "\x00": "en", "de;q=x": "en", strings.Repeat("de,", 100): "en", strings.Repeat("-", 64<<10): "en", "gsw": "de",
	} {
		if got := Language(header); got != want {
			t.Errorf("%.40q: got %s, want %s", header, got, want)
		}
	}
}

func TestFormatDuration_LargestWholeUnit(t *testing.T) {
	for d, want := range map[time.Duration][2]string{
		5 * time.Minute:                {"5 minutes", "5 Minuten"},
		time.Hour:                      {"1 hour", "1 Stunde"},
		90 * time.Minute:               {"90 minutes", "90 Minuten"},
		24 * time.Hour:                 {"24 hours", "24 Stunden"},
		36 * time.Hour:                 {"36 hours", "36 Stunden"},
		72 * time.Hour:                 {"3 days", "3 Tage"},
		720 * time.Hour:                {"30 days", "30 Tage"},
		5*time.Minute + 30*time.Second: {"5 minutes", "5 Minuten"},
	} {
		if en, de := formatDuration("en", d), formatDuration("de", d); en != want[0] || de != want[1] {
			t.Errorf("%s: got %q, %q", d, en, de)
		}
	}
}

func TestFormatTime_WrittenInWords(t *testing.T) {
	at := time.Date(2026, 3, 2, 1, 5, 59, 0, time.FixedZone("", 3600))
	if en, de, zero := formatTime("en", at), formatTime("de", at), formatTime("en", time.Time{}); en != "2 March 2026, 00:05 UTC" || de != "2. März 2026, 00:05 Uhr (UTC)" || zero != "" {
		t.Errorf("got %q, %q, %q", en, de, zero)
	}
}

func TestWordings_CoverEveryLanguage(t *testing.T) {
	for _, language := range Languages {
		if _, ok := wordings[language]; !ok {
			t.Errorf("%s has no wording", language)
		}
	}
}
