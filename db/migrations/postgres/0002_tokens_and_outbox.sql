-- +goose Up

-- The language of mails to the user, from the registration.
ALTER TABLE users ADD COLUMN locale TEXT NOT NULL DEFAULT 'en';

-- A token proves that its bearer has received a mail. A user has at most one token
-- per purpose; a new one replaces it. A token is bound to the address it was sent
-- to, so that one sent to an old address confirms no other address. The seed and
-- SECRET_KEY together give the token when the mail is written; the database alone
-- does not.
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

-- Mails to send. The transaction that causes a mail inserts its row. A worker claims
-- the row with a lease and deletes it when the mail is sent. The row contains the
-- data for the text and never the text, because the text contains a token.
-- Mails that anyone can request for any address are inserted without a user. The
-- worker resolves the user when it writes the mail. A lookup during the request would
-- reveal by its response time whether the address has an account.
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
