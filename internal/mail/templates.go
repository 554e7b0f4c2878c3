package mail

import (
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"os"
	"regexp"
	"strings"
	texttemplate "text/template"
	"time"
)

//go:embed templates
var embedded embed.FS

// Data holds the variables of a mail template. Unknown values are empty.
type Data struct {
	Language    string
	FrontendURL string
	// Username is empty unless the recipient's address was confirmed when the mail was
	// requested; see Details.
	Username string
	Contact
	Action
	Change
}

// Contact is who sends the mail.
type Contact struct {
	Product    string // PRODUCT_NAME
	Support    string // address or page of the support, as people read it
	SupportURL string // the same as a link: mailto: or https:
}

// Action is what the button does.
type Action struct {
	// Link is the target of the button, and LinkText the same as people read it. Both
	// are empty if the button would lead to a support contact that is not set.
	Link, LinkText string
	// ValidFor and Expires are the lifetime and the end of a link with a token. They are
	// empty in a notice.
	ValidFor, Expires string
}

// Change is the change that a mail reports. NewAddress and Browser are empty unless the
// recipient's address was confirmed when the mail was requested; see Details.
type Change struct {
	NewAddress string // masked
	Time       string
	IP         string
	Browser    string
}

// page is what the layouts show. Body and After are the paragraphs before and after the
// button: strings in the text layout, HTML in the HTML layout.
type page struct {
	Data
	Subject     string
	Preheader   string // the first paragraph, which mail programs show after the subject
	Button      string // its label; empty without a button
	Body, After any
}

// Templates render mails.
type Templates struct {
	mails map[templateKey]mailTemplate
}

type templateKey struct {
	language string
	kind     Kind
}

// mailTemplate is one mail in one language. Both sets contain the layout, the common
// phrases of the language and the four parts of the mail. So the text and the HTML form
// consist of the same sentences.
type mailTemplate struct {
	text *texttemplate.Template
	html *htmltemplate.Template
}

// LoadTemplates parses the built-in templates, and those in folder that replace them file
// by file; an empty folder name means none. Each template is rendered with sample data, so
// that a broken one stops the start instead of the first mail.
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

// templateFiles returns the contents of the template files by name. It rejects a file in
// folder that replaces nothing, because its name must be a typing error.
func templateFiles(folder string) (map[string]string, error) {
	builtIn, err := fs.Sub(embedded, "templates")
	if err != nil {
		return nil, err
	}
	files, err := readTemplates(builtIn)
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

// buttonLine is the line [Label] that stands where the button of a mail goes.
var buttonLine = regexp.MustCompile(`(?m)^\[(.+)\]\n?`)

// parts splits the file of a mail: a line "Subject: …", paragraphs, the line [Button], more
// paragraphs.
func parts(name, content string) (map[string]string, error) {
	first, body, _ := strings.Cut(content, "\n")
	subject, ok := strings.CutPrefix(first, "Subject:")
	if !ok {
		return nil, fmt.Errorf("%s does not begin with a line Subject: …", name)
	}
	found := map[string]string{"subject": subject, "body": body, "button": "", "after": ""}
	if at := buttonLine.FindStringSubmatchIndex(body); at != nil {
		found["body"], found["button"], found["after"] = body[:at[0]], body[at[2]:at[3]], body[at[1]:]
	}
	return found, nil
}

func parseTemplate(files map[string]string, language string, kind Kind) (m mailTemplate, err error) {
	name := language + "/" + string(kind) + ".txt"
	set, err := parts(name, files[name])
	if err != nil {
		return m, err
	}
	set["common"] = files[language+"/common.txt"]
	if m.text, err = texttemplate.New("layout").Parse(files["layout.txt"]); err != nil {
		return m, err
	}
	if m.html, err = htmltemplate.New("layout").Parse(files["layout.html"]); err != nil {
		return m, err
	}
	for part, content := range set {
		if _, err := m.text.New(part).Parse(content); err != nil {
			return m, err
		}
		if _, err := m.html.New(part).Parse(content); err != nil {
			return m, err
		}
	}
	return m, nil
}

// try renders the mail once with all values set and once with as few as possible.
func (t *Templates) try(language string, kind Kind) error {
	const site = "https://app.example.com"
	least := Data{Contact: Contact{Product: "Product"}, FrontendURL: site}
	if purpose, page := kind.purpose(); page != "" {
		least.Link = site + page
		if purpose != "" {
			least.Link += "#token=sample-token"
			least.ValidFor, least.Expires = formatDuration(language, time.Hour), formatTime(language, time.Unix(1, 0))
		}
		least.LinkText = least.Link
	}
	most := least
	most.Support, most.SupportURL = "support@example.com", "mailto:support@example.com"
	if least.Link == "" {
		most.Link, most.LinkText = most.SupportURL, most.Support
	}
	most.Username, most.NewAddress, most.Time, most.IP, most.Browser = "alice", "b***@example.com", formatTime(language, time.Unix(1, 0)), "192.0.2.1", "Firefox, Linux"
	for _, data := range []Data{least, most} {
		subject, text, html, err := t.render(language, kind, data)
		switch {
		case err != nil:
			return err
		case subject == "":
			return errors.New("the subject is empty")
		case !strings.Contains(text, data.LinkText) || !strings.Contains(html, data.Link):
			return errors.New("the link is missing, in the text or in the HTML")
		}
	}
	return nil
}
