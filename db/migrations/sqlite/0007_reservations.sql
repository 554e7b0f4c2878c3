-- +goose Up

-- Usernames of registrations with an email address that already has an account.
-- REGISTRATION=verified does not reveal that to the client. So the username is taken
-- and cannot log in, exactly as after a registration with a free address, and no
-- later request shows a difference. A reserved username has no account.
CREATE TABLE reservations (
    username_key  TEXT NOT NULL PRIMARY KEY,
    password_hash TEXT NOT NULL,
    created_at    TIMESTAMP NOT NULL,
    expires_at    TIMESTAMP NOT NULL
);
CREATE INDEX reservations_expires_at ON reservations (expires_at);

-- When an account with an unconfirmed address is deleted; NULL for never.
ALTER TABLE users ADD COLUMN unconfirmed_until TIMESTAMP;
CREATE INDEX users_unconfirmed_until ON users (unconfirmed_until) WHERE unconfirmed_until IS NOT NULL;

-- +goose Down
DROP INDEX users_unconfirmed_until;
ALTER TABLE users DROP COLUMN unconfirmed_until;
DROP TABLE reservations;
