package apptest

import (
	"database/sql"

	"github.com/techtreks/auth/db"
)

// FailUserInserts makes the database reject every new account, with an error that the
// server does not expect.
func (h *Harness) FailUserInserts() {
	if h.DB.Kind == db.Postgres {
		h.Exec("ALTER TABLE users ADD CONSTRAINT refused CHECK (false) NOT VALID")
		return
	}
	h.Exec("CREATE TRIGGER refused BEFORE INSERT ON users BEGIN SELECT RAISE(ABORT, 'refused'); END")
}

// FailCommits makes every transaction that inserts into a table fail at its commit: the
// insert breaks a deferred constraint.
func (h *Harness) FailCommits(table string) {
	h.T.Helper()
	if h.DB.Kind == db.Postgres {
		h.Exec("CREATE TABLE doomed (id BIGINT PRIMARY KEY)")
		h.Exec("ALTER TABLE " + table + " ADD CONSTRAINT doomed FOREIGN KEY (id) REFERENCES doomed DEFERRABLE INITIALLY DEFERRED NOT VALID")
		return
	}
	h.Exec("CREATE TABLE doomed (id INTEGER REFERENCES users DEFERRABLE INITIALLY DEFERRED)")
	h.Exec("CREATE TRIGGER doom AFTER INSERT ON " + table + " BEGIN INSERT INTO doomed VALUES (-1); END")
}

// BeforeLock runs a statement just before a transaction locks the account.
func (h *Harness) BeforeLock(username, statement string) {
	h.T.Helper()
	if h.DB.Kind == db.SQLite {
		h.Exec("CREATE TRIGGER meanwhile BEFORE UPDATE ON users WHEN NEW.username = '" + username + "' BEGIN " + statement + "; END")
		return
	}
	h.Exec("CREATE FUNCTION meanwhile() RETURNS trigger LANGUAGE plpgsql AS $x$ BEGIN " + statement + "; RETURN NEW; END $x$")
	h.Exec("CREATE TRIGGER meanwhile BEFORE UPDATE ON users FOR EACH ROW WHEN (NEW.username = '" + username + "') EXECUTE FUNCTION meanwhile()")
}

// LockSQLite takes the write lock of the SQLite file on another connection, until release
// is called.
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
