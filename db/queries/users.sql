-- name: UserCreate :one
-- The unique indexes decide whether a name or an address is free: two
-- registrations at the same instant cannot both win. No row means taken.
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
-- Stores the same password under newer hashing parameters. Guarded by the old
-- hash, so that a password changed meanwhile is not overwritten.
UPDATE users SET password_hash = @new_hash, updated_at = @now
WHERE id = @id AND password_hash = @old_hash;

-- name: UserKeep :exec
-- An account that is used is kept, confirmed or not.
UPDATE users SET unconfirmed_until = NULL WHERE id = @id AND unconfirmed_until IS NOT NULL;

-- name: UsersForgetUnconfirmed :execrows
-- Accounts in the way of a registration that should be gone already.
DELETE FROM users
WHERE (username_key = @username_key OR email_key = @email_key)
  AND unconfirmed_until <= @now AND email_verified_at IS NULL AND role = 'user';

-- name: UsersDeleteUnconfirmed :execrows
-- Served by users_unconfirmed_until.
DELETE FROM users WHERE unconfirmed_until <= @now AND email_verified_at IS NULL AND role = 'user';

-- name: UserByID :one
SELECT * FROM users WHERE id = @id;

-- name: UserVerifyEmail :execrows
-- Only the address that the token went to is confirmed, whatever the account's
-- address is by now.
UPDATE users SET email_verified_at = @now, unconfirmed_until = NULL, updated_at = @now
WHERE id = @id AND email_key = @email_key AND email_verified_at IS NULL AND disabled_at IS NULL;

-- name: UserSetPassword :execrows
UPDATE users SET password_hash = @password_hash, updated_at = @now
WHERE id = @id AND disabled_at IS NULL;

-- name: UserSetUsername :exec
-- A taken name fails by the unique index.
UPDATE users SET username = @username, username_key = @username_key, updated_at = @now WHERE id = @id;

-- name: UserSetEmail :exec
-- A taken address fails by the unique index.
UPDATE users SET email = @email, email_key = @email_key, email_verified_at = @email_verified_at, updated_at = @now
WHERE id = @id;

-- name: UserDelete :execrows
-- Sessions, tokens and mail go with the account, by their foreign keys.
DELETE FROM users WHERE id = @id;

-- name: UserHold :one
-- Takes the account for the rest of the transaction and changes nothing. Two
-- changes of one account come one after the other, and what is read after this
-- is what the first of them has left.
UPDATE users SET updated_at = updated_at WHERE id = @id AND disabled_at IS NULL RETURNING *;
