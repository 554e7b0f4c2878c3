// Package web holds the built web app, to be part of the program.
package web

import (
	"embed"
	"io/fs"
)

// The folder is what vite build writes. Without it, only the file that keeps
// it in the repository is there.
//
//go:embed all:dist
var dist embed.FS

// App returns the files of the app, or false where the program was built
// without it.
func App() (fs.FS, bool) {
	app, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, false
	}
	_, err = fs.Stat(app, "index.html")
	return app, err == nil
}
