-- name: TokenIssue :execrows
-- One token of a purpose is alive at a time: that of the mail asked for last,
-- whichever of two mails is written last. No row when this one is older.
INSERT INTO tokens (user_id, purpose, token_hash, seed, email, email_key, created_at, expires_at)
VALUES (@user_id, @purpose, @token_hash, @seed, @email, @email_key, @now, @expires_at)
ON CONFLICT (user_id, purpose) DO UPDATE SET
    token_hash = excluded.token_hash, seed = excluded.seed, email = excluded.email, email_key = excluded.email_key,
    created_at = excluded.created_at, expires_at = excluded.expires_at, used_at = NULL
WHERE tokens.created_at <= excluded.created_at;

-- name: TokenUse :one
-- Decides single use: of any number of requests at once, one gets a row.
-- An account that is disabled has none: disabling deletes them, and no mail to
-- it is written. Served by tokens_token_hash.
UPDATE tokens SET used_at = @now
WHERE token_hash = @token_hash AND purpose = @purpose AND used_at IS NULL AND expires_at > @now
RETURNING user_id, email, email_key;

-- name: TokenByHash :one
-- What the writer of a mail needs; no row when the token has been replaced.
-- Served by tokens_token_hash.
SELECT * FROM tokens WHERE token_hash = @token_hash;

-- name: TokensVoid :execrows
-- Everything that was mailed to this person stops working.
DELETE FROM tokens WHERE user_id = @user_id;

-- name: TokensOfUser :many
SELECT * FROM tokens WHERE user_id = @user_id ORDER BY id;

-- name: TokensDeleteExpired :execrows
DELETE FROM tokens WHERE expires_at <= @now;

-- name: TokenVoid :execrows
-- Served by tokens_user_id_purpose.
DELETE FROM tokens WHERE user_id = @user_id AND purpose = @purpose;
