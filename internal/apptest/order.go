package apptest

import (
	"bufio"
	"database/sql"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/techtreks/auth/internal/contract"
)

// Raw sends bytes on a connection of their own and returns the status.
func (h *Harness) Raw(request string) int {
	h.T.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.URL, "http://"))
	if err != nil {
		h.T.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	go func() { _, _ = io.WriteString(conn, request) }() // the server may close before it has read all
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		h.T.Fatalf("%q: %v", request[:min(len(request), 80)], err)
	}
	var status int
	if _, err := fmt.Sscanf(line, "HTTP/1.1 %d", &status); err != nil {
		h.T.Fatalf("%q: %v", line, err)
	}
	return status
}

// LockSQLite takes the write lock of an SQLite file from outside, until the
// returned function is called.
func (h *Harness) LockSQLite() (release func()) {
	h.T.Helper()
	var file string
	if err := h.DB.QueryRowContext(h.T.Context(), "SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&file); err != nil {
		h.T.Fatal(err)
	}
	other, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		h.T.Fatal(err)
	}
	conn, err := other.Conn(h.T.Context())
	if err != nil {
		h.T.Fatal(err)
	}
	if _, err := conn.ExecContext(h.T.Context(), "BEGIN IMMEDIATE"); err != nil {
		h.T.Fatal(err)
	}
	return func() {
		_ = conn.Close()
		_ = other.Close()
	}
}

// UsesDatabase says whether an operation can do anything without one.
func UsesDatabase(op *contract.Operation) bool {
	switch op.ID {
	case "register", "verifyEmail", "verifyEmailByLink", "confirmEmail", "resendVerification",
		"requestReset", "resetPassword", "resetPasswordByLink", "getReadiness":
		return true
	}
	return op.Session != contract.SessionIgnored
}

// ReadsToken says whether an operation looks for a token before it writes.
func ReadsToken(op *contract.Operation) bool {
	return op.ID == "confirmEmail" || strings.HasPrefix(op.ID, "resetPassword") || strings.HasPrefix(op.ID, "verifyEmail")
}
