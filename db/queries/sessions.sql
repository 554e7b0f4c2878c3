-- name: SessionCreate :one
INSERT INTO sessions (token_hash, user_id, authenticated_at, amr, ip, user_agent, created_at, last_seen_at, expires_at)
VALUES (@token_hash, @user_id, @now, @amr, @ip, @user_agent, @now, @now, @expires_at)
RETURNING id;

-- name: SessionByTokenHash :one
-- A session that is idle too long, past its absolute end, or whose owner is
-- disabled is not found at all, whether or not it has been swept yet.
-- Served by sessions_token_hash.
SELECT sqlc.embed(sessions), sqlc.embed(users)
FROM sessions
JOIN users ON users.id = sessions.user_id
WHERE sessions.token_hash = @token_hash
  AND sessions.expires_at > @now
  AND sessions.last_seen_at > @idle_since
  AND users.disabled_at IS NULL;

-- name: SessionTouch :execrows
-- Only a live row is renewed, and never inserted: a request still in flight
-- when its session ends cannot bring it back.
-- Of several requests at once that want to renew it, one does.
UPDATE sessions SET last_seen_at = @now
WHERE token_hash = @token_hash AND last_seen_at <= @renew_before;

-- name: SessionDelete :execrows
DELETE FROM sessions WHERE token_hash = @token_hash;

-- name: SessionsDeleteExpired :many
-- Some of those that have ended by themselves. Served by sessions_expires_at and
-- sessions_last_seen_at.
DELETE FROM sessions WHERE id IN (
    SELECT ended.id FROM sessions AS ended
    WHERE ended.expires_at <= @now OR ended.last_seen_at <= @idle_since
    LIMIT CAST(@max_rows AS BIGINT))
RETURNING token_hash, user_id, expires_at;

-- name: SessionStored :one
-- Whose a session is, or was until it ended by itself. Served by
-- sessions_token_hash.
SELECT user_id FROM sessions WHERE token_hash = @token_hash;

-- name: SessionsOfUser :many
-- The live ones, newest use first. Served by sessions_user_id.
SELECT * FROM sessions
WHERE user_id = @user_id AND expires_at > @now AND last_seen_at > @idle_since
ORDER BY last_seen_at DESC, id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: SessionDeleteOfUser :execrows
DELETE FROM sessions WHERE id = @id AND user_id = @user_id;

-- name: SessionsDeleteOfUser :execrows
DELETE FROM sessions WHERE user_id = @user_id;

-- name: SessionsDeleteOthers :execrows
DELETE FROM sessions WHERE user_id = @user_id AND id <> @keep_id;

-- name: SessionRotate :execrows
-- The same session under a new token, its login as old as now. Only a live row
-- is changed: a session that was ended meanwhile is not brought back.
UPDATE sessions SET token_hash = @new_hash, authenticated_at = @now, last_seen_at = @now
WHERE token_hash = @old_hash;

-- name: SessionsStored :many
-- All of a person's, those included that have ended and not been swept yet.
-- Served by sessions_user_id.
SELECT * FROM sessions WHERE user_id = @user_id ORDER BY id;
