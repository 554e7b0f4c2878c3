package mail

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"os"
	"strings"
	texttemplate "text/template"
	"time"
	"unicode/utf8"
)

//go:embed templates
var embedded embed.FS

// Data is what a template can say. What is not known is empty.
type Data struct {
	Language string
	Subject  string // in the HTML alone, whose title it is
	Service  string // the name in MAIL_FROM, or else its domain
	// Username, NewAddress and UserAgent are empty where the address was not
	// confirmed when the mail was asked for; see Details.
	Username    string
	FrontendURL string
	Link        string // with the token; empty in a notice
	Expires     string // when Link stops working
	NewAddress  string // most of it left out
	Time        string
	IP          string
	UserAgent   string
}

// timeFormat reads the same in every language.
const timeFormat = "2006-01-02 15:04 UTC"

func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(timeFormat)
}

// Templates are what mails are written with.
type Templates struct {
	mails map[templateKey]mailTemplate
}

type templateKey struct {
	language string
	kind     Kind
}

type mailTemplate struct {
	subject, text *texttemplate.Template
	html          *htmltemplate.Template
}

// LoadTemplates reads the templates of the program and those in folder that replace
// them, one by one; an empty folder name means none. Each of them is tried out, so that
// a broken one is found at the start and not by the first who waits for the mail.
func LoadTemplates(folder string) (*Templates, error) {
	files, err := templateFiles(folder)
	if err != nil {
		return nil, fmt.Errorf("mail templates: %w", err)
	}
	t := &Templates{mails: make(map[templateKey]mailTemplate)}
	var faults []error
	for _, language := range Languages {
		for _, kind := range Kinds {
			m, err := parseTemplate(files, language, kind)
			if err == nil {
				t.mails[templateKey{language, kind}] = m
				err = t.try(language, kind)
			}
			if err != nil {
				faults = append(faults, fmt.Errorf("mail templates: %s/%s: %w", language, kind, err))
			}
		}
	}
	return t, errors.Join(faults...)
}

// templateFiles are the texts of the templates by their names. A file in the folder
// that replaces nothing is refused: its name is a typing error.
func templateFiles(folder string) (map[string]string, error) {
	own, err := fs.Sub(embedded, "templates")
	if err != nil {
		return nil, err
	}
	files, err := readTemplates(own)
	if err != nil || folder == "" {
		return files, err
	}
	replacements, err := readTemplates(os.DirFS(folder))
	if err != nil {
		return nil, err
	}
	for name, content := range replacements {
		if _, ok := files[name]; !ok {
			return nil, fmt.Errorf("%s replaces no template", name)
		}
		files[name] = content
	}
	return files, nil
}

func readTemplates(from fs.FS) (map[string]string, error) {
	files := make(map[string]string)
	err := fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".html") && !strings.HasSuffix(name, ".txt") {
			return err
		}
		content, err := fs.ReadFile(from, name)
		files[name] = strings.ReplaceAll(strings.TrimPrefix(string(content), "\uFEFF"), "\r\n", "\n")
		return err
	})
	return files, err
}

func parseTemplate(files map[string]string, language string, kind Kind) (m mailTemplate, err error) {
	m.html = htmltemplate.New("layout.html")
	for _, name := range []string{"layout.html", language + "/common.html", language + "/" + string(kind) + ".html"} {
		// Several texts in one set: what one defines, the others use.
		into := m.html
		if name != "layout.html" {
			into = m.html.New(name)
		}
		if _, err := into.Parse(files[name]); err != nil {
			return m, err
		}
	}
	name := language + "/" + string(kind) + ".txt"
	first, body, _ := strings.Cut(files[name], "\n")
	subject, ok := strings.CutPrefix(first, "Subject:")
	if !ok {
		return m, fmt.Errorf("%s does not begin with a line Subject: …", name)
	}
	if m.subject, err = texttemplate.New(name).Parse(subject); err != nil {
		return m, err
	}
	m.text = texttemplate.New(name)
	if _, err := m.text.New(language + "/common.txt").Parse(files[language+"/common.txt"]); err != nil {
		return m, err
	}
	_, err = m.text.Parse(strings.TrimLeft(body, "\n"))
	return m, err
}

// try writes the mail with everything known and with as little as there can be.
func (t *Templates) try(language string, kind Kind) error {
	least := Data{Service: "Service", FrontendURL: "https://app.example.com"}
	if purpose, page := kind.purpose(); purpose != "" {
		least.Link, least.Expires = "https://app.example.com"+page+"#token=sample-token", formatTime(time.Unix(1, 0))
	}
	most := least
	most.Username, most.NewAddress, most.Time, most.IP, most.UserAgent = "alice", "b***@example.com", formatTime(time.Unix(1, 0)), "192.0.2.1", "Mozilla/5.0"
	for _, data := range []Data{least, most} {
		subject, text, html, err := t.render(language, kind, data)
		switch {
		case err != nil:
			return err
		case subject == "":
			return errors.New("the subject is empty")
		case !strings.Contains(text, data.Link) || !strings.Contains(html, data.Link):
			return errors.New("the link is missing, in the text or in the HTML")
		}
	}
	return nil
}

// render writes the three parts of a mail.
func (t *Templates) render(language string, kind Kind, data Data) (subject, text, html string, err error) {
	m, ok := t.mails[templateKey{known(language), kind}]
	if !ok {
		return "", "", "", fmt.Errorf("no template for mails of kind %q", kind)
	}
	var out bytes.Buffer
	data.Language = known(language)
	if err := m.subject.Execute(&out, data); err != nil {
		return "", "", "", err
	}
	// One line, whatever went into it.
	data.Subject = strings.Join(strings.Fields(plain(out.String(), maxSubject)), " ")
	out.Reset()
	if err := m.text.Execute(&out, data); err != nil {
		return "", "", "", err
	}
	text = out.String()
	out.Reset()
	if err := m.html.Execute(&out, data); err != nil {
		return "", "", "", err
	}
	return data.Subject, text, out.String(), nil
}

const maxSubject = 200 // bytes

// masked leaves as much of an address as its owner needs to know it again.
func masked(address string) string {
	local, domain, ok := strings.Cut(address, "@")
	if !ok || local == "" {
		return ""
	}
	_, first := utf8.DecodeRuneInString(local)
	return local[:first] + "***@" + domain
}
