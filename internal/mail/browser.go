package mail

import (
	"slices"
	"strings"

	"github.com/mileusna/useragent"
)

// The names that a mail may say. What else a client calls itself is its own text.
var (
	browsers = []string{useragent.Chrome, useragent.Firefox, useragent.Safari, useragent.Edge, useragent.Opera, useragent.HeadlessChrome, useragent.InternetExplorer, useragent.SamsungBrowser, useragent.Vivaldi}
	systems  = []string{useragent.Windows, useragent.MacOS, useragent.Linux, useragent.Android, useragent.IOS, useragent.ChromeOS}
)

// browser is what is known about the program behind a User-Agent header, such as
// "Firefox, Linux"; empty if nothing is.
func browser(header string) string {
	client := useragent.Parse(header)
	var known []string
	if slices.Contains(browsers, client.Name) {
		known = append(known, client.Name)
	}
	if slices.Contains(systems, client.OS) {
		known = append(known, client.OS)
	}
	return strings.Join(known, ", ")
}
