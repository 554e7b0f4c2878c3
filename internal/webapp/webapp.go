// Package webapp serves a built single-page app: its files, and its index page at every
// other path of the app.
package webapp

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// Base is the path that the app is built for and served under.
const Base = "/app/"

// CSP allows the app's own scripts and styles and requests to its own server, and
// nothing else. Inline scripts and styles are not allowed (ASVS 5.0.0-3.4.3).
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Values of Cache-Control. The name of a hashed file changes with its content, so
// browsers cache it for a year. They revalidate all other files with every request.
const (
	immutable  = "public, max-age=31536000, immutable"
	revalidate = "no-cache"
)

// An App serves the files of a built app.
type App struct {
	files map[string]*file
}

type file struct {
	content, gzipped []byte
	mediaType, etag  string
	cacheControl     string
}

// New reads all files into memory. Each setting replaces the content of the meta element
// with its name in the index page.
func New(from fs.FS, settings map[string]string) (*App, error) {
	app := &App{files: map[string]*file{}}
	err := fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			return err
		}
		content, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		if name == "index.html" {
			if content, err = withSettings(content, settings); err != nil {
				return err
			}
		}
		app.files[name], err = newFile(name, content)
		return err
	})
	if err == nil && app.files["index.html"] == nil {
		err = fmt.Errorf("the web app has no index.html")
	}
	return app, err
}

func withSettings(page []byte, settings map[string]string) ([]byte, error) {
	for name, value := range settings {
		meta := regexp.MustCompile(`(<meta name="` + regexp.QuoteMeta(name) + `" content=")[^"]*"`)
		if !meta.Match(page) {
			return nil, fmt.Errorf("the page of the web app has no meta element %q", name)
		}
		value = strings.ReplaceAll(html.EscapeString(value), "$", "$$")
		page = meta.ReplaceAll(page, []byte("${1}"+value+`"`))
	}
	return page, nil
}

func newFile(name string, content []byte) (*file, error) {
	sum := sha256.Sum256(content)
	f := &file{
		content: content, mediaType: mime.TypeByExtension(path.Ext(name)),
		etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`, cacheControl: revalidate,
	}
	switch path.Ext(name) {
	// The machine's own table may contain wrong media types, for example for scripts.
	case ".js":
		f.mediaType = "text/javascript; charset=utf-8"
	case ".html":
		f.mediaType = "text/html; charset=utf-8"
	case ".svg":
		f.mediaType = "image/svg+xml"
	}
	if strings.HasPrefix(name, "assets/") {
		f.cacheControl = immutable
	}
	var zipped bytes.Buffer
	w, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if zipped.Len() < len(content)*9/10 {
		f.gzipped = zipped.Bytes()
	}
	return f, nil
}

// find returns the file for a path of the app, or nil. Paths without an extension are
// pages. They get the index page, because only the app knows which pages exist.
func (a *App) find(urlPath string) *file {
	name, ok := strings.CutPrefix(urlPath, Base)
	if !ok {
		return nil
	}
	if f := a.files[name]; f != nil && name != "index.html" {
		return f
	}
	if path.Ext(name) != "" || strings.HasPrefix(name, "assets/") {
		return nil
	}
	return a.files["index.html"]
}

// Serve serves a request if its path belongs to the app, and reports whether it did.
func (a *App) Serve(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	if r.URL.Path == strings.TrimSuffix(Base, "/") {
		w.Header().Set("Cache-Control", revalidate)
		w.Header().Set("Content-Security-Policy", CSP)
		http.Redirect(w, r, Base, http.StatusMovedPermanently)
		return true
	}
	f := a.find(r.URL.Path)
	if f == nil {
		return false
	}
	header := w.Header()
	header.Set("Cache-Control", f.cacheControl)
	header.Set("Content-Security-Policy", CSP)
	header.Set("Content-Type", f.mediaType)
	header.Set("ETag", f.etag)
	header.Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("If-None-Match"), f.etag) {
		w.WriteHeader(http.StatusNotModified)
		return true
	}
	content := f.content
	if f.gzipped != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		header.Set("Content-Encoding", "gzip")
		content = f.gzipped
	}
	header.Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		_, _ = w.Write(content) // an error means that the client has disconnected
	}
	return true
}
