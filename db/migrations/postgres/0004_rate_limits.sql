-- +goose Up

-- Request counts per window. The key consists of the operation, the length of the
-- window and a keyed hash of the address or account. It reveals neither of the two.
CREATE TABLE rate_limits (
    key        TEXT        COLLATE "C" NOT NULL PRIMARY KEY,
    hits       BIGINT      NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX rate_limits_expires_at ON rate_limits (expires_at);

-- Failed authentication attempts. The row with an empty network counts the attempts
-- on an account from all unknown networks. Each other row counts those from one known
-- network, which the owner has logged in from, until it expires. Subject (the
-- account) and network are keyed hashes. Usernames that do not exist are counted in
-- the same way.
CREATE TABLE login_attempts (
    subject    TEXT        COLLATE "C" NOT NULL,
    network    TEXT        COLLATE "C" NOT NULL,
    failures   BIGINT      NOT NULL,
    next_at    TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (subject, network)
);
CREATE INDEX login_attempts_expires_at ON login_attempts (expires_at);

-- +goose Down
DROP TABLE login_attempts;
DROP TABLE rate_limits;
