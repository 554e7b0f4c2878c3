package mail

import (
	"slices"
	"strings"

	"github.com/mileusna/useragent"
)

// Names that a mail may contain. Any other name is text chosen by the client.
var (
	browsers = []string{useragent.Chrome, useragent.Firefox, useragent.Safari, useragent.Edge, useragent.Opera, useragent.HeadlessChrome, useragent.InternetExplorer, useragent.SamsungBrowser, useragent.Vivaldi}
	systems  = []string{useragent.Windows, useragent.MacOS, useragent.Linux, useragent.Android, useragent.IOS, useragent.ChromeOS}
)

// browser returns the known browser and system in a User-Agent header, such as
// "Firefox, Linux", or an empty string.
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
