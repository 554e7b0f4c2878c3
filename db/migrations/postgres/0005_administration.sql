-- +goose Up

-- Indexes for the filtered list of accounts. Each account is in exactly one of them,
-- by its state, ordered by role and id. A page for any combination of filters reads
-- only its own rows from them, however many other accounts there are.
CREATE INDEX users_active_verified ON users (role, id) WHERE disabled_at IS NULL AND email_verified_at IS NOT NULL;
CREATE INDEX users_active_unverified ON users (role, id) WHERE disabled_at IS NULL AND email_verified_at IS NULL;
CREATE INDEX users_disabled_verified ON users (role, id) WHERE disabled_at IS NOT NULL AND email_verified_at IS NOT NULL;
CREATE INDEX users_disabled_unverified ON users (role, id) WHERE disabled_at IS NOT NULL AND email_verified_at IS NULL;

-- A single row. A transaction that removes an administrator locks it until its end.
-- Without it, two administrators who remove each other would update two different
-- rows of users. On PostgreSQL each would still see the other as administrator.
CREATE TABLE administration (
    id BIGINT PRIMARY KEY CHECK (id = 1)
);
INSERT INTO administration (id) VALUES (1);

-- Adds a token purpose.
ALTER TABLE tokens DROP CONSTRAINT tokens_purpose_check;
ALTER TABLE tokens ADD CONSTRAINT tokens_purpose_check CHECK (purpose IN ('verify_email', 'reset_password', 'change_email', 'invitation'));

-- +goose Down
DELETE FROM tokens WHERE purpose = 'invitation';
ALTER TABLE tokens DROP CONSTRAINT tokens_purpose_check;
ALTER TABLE tokens ADD CONSTRAINT tokens_purpose_check CHECK (purpose IN ('verify_email', 'reset_password', 'change_email'));
DROP TABLE administration;
DROP INDEX users_disabled_unverified;
DROP INDEX users_disabled_verified;
DROP INDEX users_active_unverified;
DROP INDEX users_active_verified;
