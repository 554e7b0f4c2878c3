// Package docsui provides the page at /docs: Swagger UI, with all of its files in the
// binary. The page loads nothing from other servers. It works with [CSP], which allows
// no inline script, no inline style and no eval.
package docsui

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/swaggest/swgui/v5/static"
)

// CSP is the Content-Security-Policy of the page. The data: images are the icons in
// Swagger UI's style sheet.
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

//go:embed index.html
var index []byte

//go:embed init.js
var own embed.FS

// Index returns the page. Its links are relative to /docs, without a slash at the end.
// The caller must not change it.
func Index() []byte { return index }

// Asset returns the file /docs/<name> and its media type in the contract. Text is in
// UTF-8, like the page. ok is false if the page has no such file. The caller must not
// change the content.
func Asset(name string) (content []byte, mediaType string, ok bool) {
	a, ok := assets()[name]
	return a.content, a.mediaType, ok
}

type asset struct {
	content   []byte
	mediaType string
}

// assets returns the files of the page. The first call unpacks them.
var assets = sync.OnceValue(func() map[string]asset {
	const css, js, png = "text/css", "text/javascript", "image/png"
	return map[string]asset{
		"favicon-32x32.png":    {mustRead(static.FS, "favicon-32x32.png"), png},
		"init.js":              {mustRead(own, "init.js"), js},
		"swagger-ui-bundle.js": {mustUnpack(static.FS, "swagger-ui-bundle.js.gz"), js},
		"swagger-ui.css":       {mustUnpack(static.FS, "swagger-ui.css.gz"), css},
	}
})

// mustRead panics if the file is not in the binary; a test reads all files.
func mustRead(files fs.FS, name string) []byte {
	content, err := fs.ReadFile(files, name)
	if err != nil {
		panic(fmt.Errorf("docsui: %w", err))
	}
	return content
}

func mustUnpack(files fs.FS, name string) []byte {
	packed, err := gzip.NewReader(bytes.NewReader(mustRead(files, name)))
	if err != nil {
		panic(fmt.Errorf("docsui: %s: %w", name, err))
	}
	content, err := io.ReadAll(packed)
	if err != nil {
		panic(fmt.Errorf("docsui: %s: %w", name, err))
	}
	return content
}
