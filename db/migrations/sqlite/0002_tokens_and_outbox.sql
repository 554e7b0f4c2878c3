-- +goose Up

-- The language of mails to the user, from the registration.
ALTER TABLE users ADD COLUMN locale TEXT NOT NULL DEFAULT 'en';

-- A token proves that its bearer has received a mail. A user has at most one token
-- per purpose; a new one replaces it. A token is bound to the address it was sent
-- to, so that one sent to an old address confirms no other address. The seed and
-- SECRET_KEY together give the token when the mail is written; the database alone
-- does not.
CREATE TABLE tokens (
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
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id      TEXT NOT NULL,
    user_id         BIGINT REFERENCES users (id) ON DELETE CASCADE,
    kind            TEXT NOT NULL,
    recipient       TEXT NOT NULL,
    recipient_key   TEXT NOT NULL,
    locale          TEXT NOT NULL,
    token_hash      BLOB,
    details         TEXT NOT NULL,
    created_at      TIMESTAMP NOT NULL,
    next_attempt_at TIMESTAMP NOT NULL,
    attempts        BIGINT NOT NULL DEFAULT 0,
    lease           TEXT,
    lease_until     TIMESTAMP,
    last_error      TEXT,
    unreachable     BOOLEAN NOT NULL DEFAULT FALSE,
    dead_at         TIMESTAMP
);
CREATE UNIQUE INDEX outbox_message_id ON outbox (message_id);
CREATE INDEX outbox_next_attempt_at ON outbox (next_attempt_at) WHERE dead_at IS NULL;
CREATE INDEX outbox_user_id ON outbox (user_id);
CREATE INDEX outbox_recipient_key ON outbox (recipient_key);

-- +goose Down
DROP TABLE outbox;
DROP TABLE tokens;
ALTER TABLE users DROP COLUMN locale;
