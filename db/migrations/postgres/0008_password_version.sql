-- +goose Up
-- Counts the changes of the password. A login compares it before and after the password
-- check, so that a login with the old password fails while the password is changed. A
-- new hash of the same password does not count.
ALTER TABLE users ADD COLUMN password_version BIGINT NOT NULL DEFAULT 1;

-- +goose Down
ALTER TABLE users DROP COLUMN password_version;
