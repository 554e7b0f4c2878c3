-- +goose Up

-- User names of registrations whose address turned out to have an account, where
-- that is not told to strangers (REGISTRATION=verified). Such a name is as taken as
-- one with an account behind it, and logs in with as little success, so that nothing
-- that a stranger asks afterwards tells one from the other. It belongs to nobody.
CREATE TABLE reservations (
    username_key  TEXT NOT NULL PRIMARY KEY,
    password_hash TEXT NOT NULL,
    created_at    TIMESTAMP NOT NULL,
    expires_at    TIMESTAMP NOT NULL
);
CREATE INDEX reservations_expires_at ON reservations (expires_at);

-- How long an account is kept whose address nobody has confirmed; NULL for good.
ALTER TABLE users ADD COLUMN unconfirmed_until TIMESTAMP;
CREATE INDEX users_unconfirmed_until ON users (unconfirmed_until) WHERE unconfirmed_until IS NOT NULL;

-- +goose Down
DROP INDEX users_unconfirmed_until;
ALTER TABLE users DROP COLUMN unconfirmed_until;
DROP TABLE reservations;
