-- +goose Up

-- The list of accounts with filters. Each account is in one of these indexes, by
-- what has become of it; within, by role and id. A page of any combination of
-- filters is read from the few places where its accounts begin, however many
-- accounts there are of every other kind.
CREATE INDEX users_active_verified ON users (role, id) WHERE disabled_at IS NULL AND email_verified_at IS NOT NULL;
CREATE INDEX users_active_unverified ON users (role, id) WHERE disabled_at IS NULL AND email_verified_at IS NULL;
CREATE INDEX users_disabled_verified ON users (role, id) WHERE disabled_at IS NOT NULL AND email_verified_at IS NOT NULL;
CREATE INDEX users_disabled_unverified ON users (role, id) WHERE disabled_at IS NOT NULL AND email_verified_at IS NULL;

-- One row that whoever takes the role from an administrator holds until the end
-- of the transaction. Two administrators who do so to each other change two rows
-- of users, and PostgreSQL would let both find the other one still there.
CREATE TABLE administration (
    id BIGINT PRIMARY KEY CHECK (id = 1)
);
INSERT INTO administration (id) VALUES (1);

-- Tokens have one more purpose. SQLite cannot change a CHECK, so the table is made anew.
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
