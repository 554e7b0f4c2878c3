-- +goose Up

-- Indexes for the filtered list of accounts. Each account is in exactly one of them,
-- by its state, ordered by role and id. A page for any combination of filters reads
-- only its own rows from them, however many other accounts there are.
CREATE INDEX users_active_verified ON users (role, id) WHERE disabled_at IS NULL AND email_verified_at IS NOT NULL;
CREATE INDEX users_active_unverified ON users (role, id) WHERE disabled_at IS NULL AND email_verified_at IS NULL;
CREATE INDEX users_disabled_verified ON users (role, id) WHERE disabled_at IS NOT NULL AND email_verified_at IS NOT NULL;
CREATE INDEX users_disabled_unverified ON users (role, id) WHERE disabled_at IS NOT NULL AND email_verified_at IS NULL;

-- A single row. A transaction that removes an administrator locks it until its end.
-- Without it, two administrators who remove each other would update two different
-- rows of users. On PostgreSQL each would still see the other as administrator.
CREATE TABLE administration (
    id BIGINT PRIMARY KEY CHECK (id = 1)
);
INSERT INTO administration (id) VALUES (1);

-- Adds a token purpose. SQLite cannot change a CHECK, so the table is rebuilt.
CREATE TABLE tokens_new (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id    BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    purpose    TEXT NOT NULL CHECK (purpose IN ('verify_email', 'reset_password', 'change_email', 'invitation')),
    token_hash BLOB NOT NULL,
    seed       BLOB NOT NULL,
    email      TEXT NOT NULL,
    email_key  TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    used_at    TIMESTAMP
);
INSERT INTO tokens_new SELECT * FROM tokens;
DROP TABLE tokens;
ALTER TABLE tokens_new RENAME TO tokens;
CREATE UNIQUE INDEX tokens_token_hash ON tokens (token_hash);
CREATE UNIQUE INDEX tokens_user_id_purpose ON tokens (user_id, purpose);
CREATE INDEX tokens_expires_at ON tokens (expires_at);

-- +goose Down
CREATE TABLE tokens_old (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id    BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    purpose    TEXT NOT NULL CHECK (purpose IN ('verify_email', 'reset_password', 'change_email')),
    token_hash BLOB NOT NULL,
    seed       BLOB NOT NULL,
    email      TEXT NOT NULL,
    email_key  TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    used_at    TIMESTAMP
);
INSERT INTO tokens_old SELECT * FROM tokens WHERE purpose <> 'invitation';
DROP TABLE tokens;
ALTER TABLE tokens_old RENAME TO tokens;
CREATE UNIQUE INDEX tokens_token_hash ON tokens (token_hash);
CREATE UNIQUE INDEX tokens_user_id_purpose ON tokens (user_id, purpose);
CREATE INDEX tokens_expires_at ON tokens (expires_at);
DROP TABLE administration;
DROP INDEX users_disabled_unverified;
DROP INDEX users_disabled_verified;
DROP INDEX users_active_unverified;
DROP INDEX users_active_verified;
