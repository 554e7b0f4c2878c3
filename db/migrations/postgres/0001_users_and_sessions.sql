-- +goose Up

-- Both databases compare keys byte by byte (COLLATE "C"): only the canonical form
-- decides whether two names are equal, never a locale.
CREATE TABLE users (
    id                BIGINT      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    username          TEXT        NOT NULL,
    username_key      TEXT        NOT NULL COLLATE "C",
    email             TEXT        NOT NULL,
    email_key         TEXT        NOT NULL COLLATE "C",
    password_hash     TEXT,
    role              TEXT        NOT NULL CHECK (role IN ('user', 'moderator', 'admin')),
    email_verified_at TIMESTAMPTZ,
    disabled_at       TIMESTAMPTZ,
    created_at        TIMESTAMPTZ NOT NULL,
    updated_at        TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX users_username_key ON users (username_key);
CREATE UNIQUE INDEX users_email_key ON users (email_key);

CREATE TABLE sessions (
    id               BIGINT      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token_hash       BYTEA       NOT NULL,
    user_id          BIGINT      NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    authenticated_at TIMESTAMPTZ NOT NULL,
    amr              TEXT        NOT NULL,
    ip               TEXT        NOT NULL,
    user_agent       TEXT        NOT NULL,
    created_at       TIMESTAMPTZ NOT NULL,
    last_seen_at     TIMESTAMPTZ NOT NULL,
    expires_at       TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX sessions_token_hash ON sessions (token_hash);
CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE INDEX sessions_last_seen_at ON sessions (last_seen_at);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

-- +goose Down
DROP TABLE sessions;
DROP TABLE users;
