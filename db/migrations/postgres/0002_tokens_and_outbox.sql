-- +goose Up

-- The language that a person is written to in, from the registration.
ALTER TABLE users ADD COLUMN locale TEXT NOT NULL DEFAULT 'en';

-- A token is what somebody proves with that a mail has reached them. There is
-- one of each purpose: asking for another replaces it. It is bound to the
-- address it went to, so that one sent to an old address confirms nothing else.
-- The seed makes the token again, together with SECRET_KEY, when the mail is
-- written; the database alone cannot.
CREATE TABLE tokens (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    purpose    TEXT NOT NULL CHECK (purpose IN ('verify_email', 'reset_password', 'change_email')),
    token_hash BYTEA NOT NULL,
    seed       BYTEA NOT NULL,
    email      TEXT NOT NULL,
    email_key  TEXT NOT NULL COLLATE "C",
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    used_at    TIMESTAMPTZ
);
CREATE UNIQUE INDEX tokens_token_hash ON tokens (token_hash);
CREATE UNIQUE INDEX tokens_user_id_purpose ON tokens (user_id, purpose);
CREATE INDEX tokens_expires_at ON tokens (expires_at);

-- Mail that is to be sent. A row is written in the transaction that causes the
-- mail, claimed with a lease by whoever sends it, and deleted when it is sent.
-- It holds what the text is made from, never the text: that has a token in it.
-- What anybody may ask for, for any address, comes without a user: whether there
-- is one is found out when the mail is written, not while somebody waits for
-- the answer, whose time would tell.
CREATE TABLE outbox (
    id              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id      TEXT NOT NULL,
    user_id         BIGINT REFERENCES users (id) ON DELETE CASCADE,
    kind            TEXT NOT NULL,
    recipient       TEXT NOT NULL,
    recipient_key   TEXT NOT NULL COLLATE "C",
    locale          TEXT NOT NULL,
    token_hash      BYTEA,
    details         TEXT NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    next_attempt_at TIMESTAMPTZ NOT NULL,
    attempts        BIGINT NOT NULL DEFAULT 0,
    lease           TEXT,
    lease_until     TIMESTAMPTZ,
    last_error      TEXT,
    unreachable     BOOLEAN NOT NULL DEFAULT FALSE,
    dead_at         TIMESTAMPTZ
);
CREATE UNIQUE INDEX outbox_message_id ON outbox (message_id);
CREATE INDEX outbox_next_attempt_at ON outbox (next_attempt_at) WHERE dead_at IS NULL;
CREATE INDEX outbox_user_id ON outbox (user_id);
CREATE INDEX outbox_recipient_key ON outbox (recipient_key);

-- +goose Down
DROP TABLE outbox;
DROP TABLE tokens;
ALTER TABLE users DROP COLUMN locale;
