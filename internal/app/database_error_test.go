package app_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/contract"
)

// withoutDatabase lists the operations that do not fail with the database, and why. Their
// 500 comes from the code around all operations.
var withoutDatabase = map[string]string{
	"getBanner":         "the response is constant",
	"getHealth":         "it reports whether the process runs",
	"getReadiness":      "it reports the failure of the database as 503",
	"getCurrentUser":    "the session has all that it returns",
	"getProfile":        "the session has all that it returns",
	"listPreviewedMail": "the mails are in memory",
	"showPreviewedMail": "the mails are in memory",
	"getDocs":           "the page is part of the program",
	"getDocsAsset":      "the file is part of the program",
	"getContractJSON":   "the contract is part of the program",
	"getContractYAML":   "the contract is part of the program",
}

// sessionOnly runs the query for the session of a request, and fails every other.
type sessionOnly struct {
	failing
	working gendb.DBTX
}

func (q sessionOnly) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if strings.Contains(query, "name: SessionByTokenHash ") {
		return q.working.QueryRowContext(ctx, query, args...)
	}
	return q.failing.QueryRowContext(ctx, query, args...)
}

// The session is found, and then the operation itself fails with an unknown error: in its
// own query or in its transaction.
func TestDatabaseFailure_EveryOperationReturnsInternalError(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		h.Browser().Register("bob") // account 2, as in the examples
		h.SetRole("alice", "admin")
		cookie := b.Login("alice").Cookie()
		for range 6 { // bob's last session is number 7
			h.Browser().Login("bob")
		}
		h.Browser().Login("alice")
		for table := range apptest.InOrder(h.Columns()) {
			if table != "users" && table != "sessions" && !strings.HasPrefix(table, "sqlite_") {
				h.Exec("ALTER TABLE " + table + " RENAME TO gone_" + table)
			}
		}
		h.DB.Queries = gendb.New(sessionOnly{failing{errors.New("disk on fire")}, h.DB.DB})
		for _, op := range h.Contract.Operations {
			disabled := any(nil)
			if op.ID == "enableUser" { // does nothing for an active account
				disabled = h.Clock.Now()
			}
			h.Exec("UPDATE users SET disabled_at = $1 WHERE username = 'bob'", disabled)
			path, body := h.Sample(op)
			a := h.Browser().Call(op.Method, path, body, apptest.SessionCookie(cookie))
			if withoutDatabase[op.ID] == "" {
				a.Want(500, "internal_error")
			} else if a.Status == 500 {
				t.Errorf("%s: got 500, want another status", op.ID)
			}
			lines := h.Logs.Requests(t)
			if known := lines[len(lines)-1]["user_id"] != nil; known != (op.Session != contract.SessionIgnored) {
				t.Errorf("%s: session in the log: got %t, want %t", op.ID, known, !known)
			}
		}
	})
}
