-- name: TokenIssue :execrows
-- Stores a token, which replaces the user's older token for the same purpose. The
-- token of the mail that was requested last wins, even if an older mail is written
-- after it: no row if the stored token is newer.
INSERT INTO tokens (user_id, purpose, token_hash, seed, email, email_key, created_at, expires_at)
VALUES (@user_id, @purpose, @token_hash, @seed, @email, @email_key, @now, @expires_at)
ON CONFLICT (user_id, purpose) DO UPDATE SET
    token_hash = excluded.token_hash, seed = excluded.seed, email = excluded.email, email_key = excluded.email_key,
    created_at = excluded.created_at, expires_at = excluded.expires_at, used_at = NULL
WHERE tokens.created_at <= excluded.created_at;

-- name: TokenUse :one
-- Marks a token as used. Of any number of concurrent requests, exactly one gets a
-- row. A disabled account has no tokens: disabling deletes them, and no mail to the
-- account is written. Served by tokens_token_hash.
UPDATE tokens SET used_at = @now
WHERE token_hash = @token_hash AND purpose = @purpose AND used_at IS NULL AND expires_at > @now
RETURNING user_id, email, email_key;

-- name: TokenByHash :one
-- Returns the token for the text of a mail; no row if the token has been replaced.
-- Served by tokens_token_hash.
SELECT * FROM tokens WHERE token_hash = @token_hash;

-- name: TokensVoid :execrows
-- Invalidates all links that were mailed to a user.
DELETE FROM tokens WHERE user_id = @user_id;

-- name: TokensOfUser :many
SELECT * FROM tokens WHERE user_id = @user_id ORDER BY id;

-- name: TokensDeleteExpired :execrows
DELETE FROM tokens WHERE expires_at <= @now;

-- name: TokenVoid :execrows
-- Invalidates the token of one purpose. Served by tokens_user_id_purpose.
DELETE FROM tokens WHERE user_id = @user_id AND purpose = @purpose;
