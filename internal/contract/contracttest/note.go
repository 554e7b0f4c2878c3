package contracttest

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/techtreks/auth/internal/contract"
)

// NotesDir is the environment variable with the folder for notes. In a note, a test records an
// outcome, an example or an audit event of the contract that it has seen, and the kind of database.
// Each process writes one file. If the variable is not set, nothing is recorded.
const NotesDir = "CONFORMANCE_NOTES"

// noted has the lines that this process has written already.
var noted sync.Map

// noteResponse records the outcome and the examples that a test has seen in a response.
func (t *Transport) noteResponse(op *contract.Operation, r *http.Request, sent []byte, response *http.Response, body []byte) error {
	if os.Getenv(NotesDir) == "" {
		return nil
	}
	seen := []fmt.Stringer{t.Contract.OutcomeOf(op, response.StatusCode, body)}
	examples := t.Contract.ExamplesLike(op, response.StatusCode, response.Header, body)
	for _, example := range append(examples, t.Contract.ExamplesSent(op, r, sent)...) {
		seen = append(seen, example)
	}
	return note(t.Database, seen...)
}

// note records what a test has seen. Tests of several packages run at the same time in several
// processes; a line is short enough to be appended atomically.
func note(database string, seen ...fmt.Stringer) error {
	dir := os.Getenv(NotesDir)
	if dir == "" {
		return nil
	}
	for _, one := range seen {
		line := cmp.Or(database, "unknown") + " " + one.String()
		if _, again := noted.LoadOrStore(line, true); again {
			continue
		}
		if err := appendLine(filepath.Join(dir, strconv.Itoa(os.Getpid())), line); err != nil {
			return err
		}
	}
	return nil
}

func appendLine(name, line string) error {
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(line + "\n")
	if closed := file.Close(); err == nil {
		err = closed
	}
	return err
}
