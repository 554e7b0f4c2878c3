-- +goose Up

-- How often somebody has done something in a window of time. The key is made of
-- the operation, the length of the window and a keyed hash of the address or
-- account: whose it is cannot be read from it.
CREATE TABLE rate_limits (
    key        TEXT      NOT NULL PRIMARY KEY,
    hits       BIGINT    NOT NULL,
    expires_at TIMESTAMP NOT NULL
);
CREATE INDEX rate_limits_expires_at ON rate_limits (expires_at);

-- Failed attempts to prove who one is. A row whose network is empty counts the
-- attempts on an account from wherever it was never logged in to; the others are
-- for one network each that its owner has logged in from, until they expire.
-- Subject (the account) and network are keyed hashes; names that nobody has are
-- counted in the same way.
CREATE TABLE login_attempts (
    subject    TEXT      NOT NULL,
    network    TEXT      NOT NULL,
    failures   BIGINT    NOT NULL,
    next_at    TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    PRIMARY KEY (subject, network)
);
CREATE INDEX login_attempts_expires_at ON login_attempts (expires_at);

-- +goose Down
DROP TABLE login_attempts;
DROP TABLE rate_limits;
