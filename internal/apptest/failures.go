package apptest

import (
	"github.com/techtreks/auth/db"
)

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
