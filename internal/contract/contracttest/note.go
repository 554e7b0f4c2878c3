package contracttest

import (
	"os"
	"path/filepath"
	"strconv"

	"github.com/techtreks/auth/internal/contract"
)

// NotesDir is the environment variable that names the folder where tests note
// which outcomes and examples they have seen, one file for each process. Unset
// means that nobody wants to know.
const NotesDir = "CONFORMANCE_NOTES"

// ExampleMark begins the lines that name an example.
const ExampleMark = "example "

// note remembers an outcome that a test has seen, and the examples of the
// document that the answer was like. Tests of several packages run at once, in
// several processes; a line is short enough to be appended whole.
func note(c *contract.Contract, seen contract.Outcome, body []byte) error {
	dir := os.Getenv(NotesDir)
	if dir == "" {
		return nil
	}
	lines := seen.String() + "\n"
	for _, example := range c.Examples() {
		if example.SameAs(seen, body) {
			lines += ExampleMark + example.String() + "\n"
		}
	}
	file, err := os.OpenFile(filepath.Join(dir, strconv.Itoa(os.Getpid())), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(lines)
	if closed := file.Close(); err == nil {
		err = closed
	}
	return err
}
