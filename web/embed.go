// Package web embeds the built web app.
package web

import (
	"embed"
	"io/fs"
)

// The output of vite build. Without a build it contains only the file that keeps
// the folder in the repository.
//
//go:embed all:dist
var dist embed.FS

// App returns the files of the app. It reports false if the program was built
// without the app.
func App() (fs.FS, bool) {
	app, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, false
	}
	_, err = fs.Stat(app, "index.html")
	return app, err == nil
}
