-- The list of accounts, one page per query. A page begins at the key after the
-- previous page and reads only the rows that it shows.

-- name: UsersFrom :many
-- Served by the primary key.
SELECT * FROM users WHERE id >= @from_id ORDER BY id LIMIT CAST(@max_rows AS BIGINT);

-- name: UsersByName :many
-- Usernames with a prefix are a contiguous range, because keys are compared byte by
-- byte. Served by users_username_key.
SELECT * FROM users WHERE username_key >= @from_key AND username_key < @until
ORDER BY username_key LIMIT CAST(@max_rows AS BIGINT);

-- name: UsersByEmail :many
-- Served by users_email_key.
SELECT * FROM users WHERE email_key >= @from_key AND email_key < @until
ORDER BY email_key LIMIT CAST(@max_rows AS BIGINT);

-- name: UsersActiveVerified :many
-- Served by the index users_active_verified. The next three queries have an index
-- each as well.
SELECT * FROM users
WHERE disabled_at IS NULL AND email_verified_at IS NOT NULL AND role = @role AND id >= @from_id
ORDER BY id LIMIT CAST(@max_rows AS BIGINT);

-- name: UsersActiveUnverified :many
SELECT * FROM users
WHERE disabled_at IS NULL AND email_verified_at IS NULL AND role = @role AND id >= @from_id
ORDER BY id LIMIT CAST(@max_rows AS BIGINT);

-- name: UsersDisabledVerified :many
SELECT * FROM users
WHERE disabled_at IS NOT NULL AND email_verified_at IS NOT NULL AND role = @role AND id >= @from_id
ORDER BY id LIMIT CAST(@max_rows AS BIGINT);

-- name: UsersDisabledUnverified :many
SELECT * FROM users
WHERE disabled_at IS NOT NULL AND email_verified_at IS NULL AND role = @role AND id >= @from_id
ORDER BY id LIMIT CAST(@max_rows AS BIGINT);

-- name: UserLock :one
-- Locks an account as UserLockActive does, even if it is disabled.
UPDATE users SET updated_at = updated_at WHERE id = @id RETURNING *;

-- name: AdministrationLock :execrows
-- Locks the removal of administrators until the end of the transaction, so that two
-- administrators cannot remove each other. To avoid deadlocks, every transaction
-- locks the account first.
UPDATE administration SET id = id;

-- name: AdminOther :one
-- Returns another active administrator. Served by users_active_verified and
-- users_active_unverified.
SELECT a.id FROM users AS a
WHERE a.role = 'admin' AND a.disabled_at IS NULL AND a.email_verified_at IS NOT NULL AND a.id <> @id
UNION ALL
SELECT b.id FROM users AS b
WHERE b.role = 'admin' AND b.disabled_at IS NULL AND b.email_verified_at IS NULL AND b.id <> @id
LIMIT 1;

-- name: UserSetRole :one
UPDATE users SET role = @role, updated_at = @now WHERE id = @id RETURNING *;

-- name: UserSetDisabled :one
UPDATE users SET disabled_at = @disabled_at, updated_at = @now WHERE id = @id RETURNING *;

-- name: UserMarkVerified :one
UPDATE users SET email_verified_at = @now, updated_at = @now WHERE id = @id RETURNING *;
