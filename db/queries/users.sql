-- name: UserCreate :one
-- The unique indexes decide whether a name or an address is free: two
-- registrations at the same instant cannot both win. No row means taken.
INSERT INTO users (username, username_key, email, email_key, password_hash, role, created_at, updated_at)
VALUES (@username, @username_key, @email, @email_key, @password_hash, @role, @now, @now)
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
