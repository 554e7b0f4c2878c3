-- +goose Up

-- AUTOINCREMENT: ids are never reused, so that a token or link that outlives a
-- deleted account never refers to a new one.
CREATE TABLE users (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    username          TEXT      NOT NULL,
    username_key      TEXT      NOT NULL,
    email             TEXT      NOT NULL,
    email_key         TEXT      NOT NULL,
    password_hash     TEXT,
    role              TEXT      NOT NULL CHECK (role IN ('user', 'moderator', 'admin')),
    email_verified_at TIMESTAMP,
    disabled_at       TIMESTAMP,
    created_at        TIMESTAMP NOT NULL,
    updated_at        TIMESTAMP NOT NULL
);
CREATE UNIQUE INDEX users_username_key ON users (username_key);
CREATE UNIQUE INDEX users_email_key ON users (email_key);

CREATE TABLE sessions (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    token_hash       BLOB      NOT NULL,
    user_id          BIGINT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    authenticated_at TIMESTAMP NOT NULL,
    amr              TEXT      NOT NULL,
    ip               TEXT      NOT NULL,
    user_agent       TEXT      NOT NULL,
    created_at       TIMESTAMP NOT NULL,
    last_seen_at     TIMESTAMP NOT NULL,
    expires_at       TIMESTAMP NOT NULL
);
CREATE UNIQUE INDEX sessions_token_hash ON sessions (token_hash);
CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE INDEX sessions_last_seen_at ON sessions (last_seen_at);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

-- +goose Down
DROP TABLE sessions;
DROP TABLE users;
