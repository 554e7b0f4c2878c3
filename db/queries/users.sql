-- name: UserCreate :one
-- The unique indexes decide whether a username or an address is free, so that of two
-- concurrent registrations only one succeeds. No row if one of them is taken.
INSERT INTO users (username, username_key, email, email_key, password_hash, role, locale, unconfirmed_until, created_at, updated_at)
VALUES (@username, @username_key, @email, @email_key, @password_hash, @role, @locale, @unconfirmed_until, @now, @now)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: UserByUsernameKey :one
-- Served by users_username_key.
SELECT * FROM users WHERE username_key = @username_key;

-- name: UserByEmailKey :one
-- Served by users_email_key.
SELECT * FROM users WHERE email_key = @email_key;

-- name: UserPasswordRehash :exec
-- Stores a hash of the same password with newer parameters. The condition on the old
-- hash prevents overwriting a password that was changed meanwhile.
UPDATE users SET password_hash = @new_hash, updated_at = @now
WHERE id = @id AND password_hash = @old_hash;

-- name: UserKeep :exec
-- Keeps an account permanently once it is used, even with an unconfirmed address.
UPDATE users SET unconfirmed_until = NULL WHERE id = @id AND unconfirmed_until IS NOT NULL;

-- name: UsersDeleteBlocking :execrows
-- Deletes expired unconfirmed accounts that block a registration.
DELETE FROM users
WHERE (username_key = @username_key OR email_key = @email_key)
  AND unconfirmed_until <= @now AND email_verified_at IS NULL AND role = 'user';

-- name: UsersDeleteUnconfirmed :execrows
-- Served by users_unconfirmed_until.
DELETE FROM users WHERE unconfirmed_until <= @now AND email_verified_at IS NULL AND role = 'user';

-- name: UserByID :one
SELECT * FROM users WHERE id = @id;

-- name: UserVerifyEmail :execrows
-- Confirms the address that the token was sent to. No row if the account has another
-- address now.
UPDATE users SET email_verified_at = @now, unconfirmed_until = NULL, updated_at = @now
WHERE id = @id AND email_key = @email_key AND email_verified_at IS NULL AND disabled_at IS NULL;

-- name: UserSetPassword :execrows
UPDATE users SET password_hash = @password_hash, password_version = password_version + 1, updated_at = @now
WHERE id = @id AND disabled_at IS NULL;

-- name: UserSetUsername :exec
-- A taken username violates the unique index.
UPDATE users SET username = @username, username_key = @username_key, updated_at = @now WHERE id = @id;

-- name: UserSetEmail :exec
-- A taken address violates the unique index.
UPDATE users SET email = @email, email_key = @email_key, email_verified_at = @email_verified_at, updated_at = @now
WHERE id = @id;

-- name: UserDelete :execrows
-- The foreign keys delete the account's sessions, tokens and mails.
DELETE FROM users WHERE id = @id;

-- name: UserLockActive :one
-- Locks an account until the end of the transaction without changing it. A second
-- transaction waits for the first and then reads its result.
UPDATE users SET updated_at = updated_at WHERE id = @id AND disabled_at IS NULL RETURNING *;
