-- +goose Up

-- The list of accounts with filters. Each account is in one of these indexes, by
-- what has become of it; within, by role and id. A page of any combination of
-- filters is read from the few places where its accounts begin, however many
-- accounts there are of every other kind.
CREATE INDEX users_active_verified ON users (role, id) WHERE disabled_at IS NULL AND email_verified_at IS NOT NULL;
CREATE INDEX users_active_unverified ON users (role, id) WHERE disabled_at IS NULL AND email_verified_at IS NULL;
CREATE INDEX users_disabled_verified ON users (role, id) WHERE disabled_at IS NOT NULL AND email_verified_at IS NOT NULL;
CREATE INDEX users_disabled_unverified ON users (role, id) WHERE disabled_at IS NOT NULL AND email_verified_at IS NULL;

-- One row that whoever takes the role from an administrator holds until the end
-- of the transaction. Two administrators who do so to each other change two rows
-- of users, and PostgreSQL would let both find the other one still there.
CREATE TABLE administration (
    id BIGINT PRIMARY KEY CHECK (id = 1)
);
INSERT INTO administration (id) VALUES (1);

-- Tokens have one more purpose.
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
