-- name: SessionCreate :one
INSERT INTO sessions (token_hash, user_id, authenticated_at, amr, ip, user_agent, created_at, last_seen_at, expires_at)
VALUES (@token_hash, @user_id, @now, @amr, @ip, @user_agent, @now, @now, @expires_at)
RETURNING id;

-- name: SessionByTokenHash :one
-- Returns no session that has been idle too long, has reached its absolute lifetime
-- or belongs to a disabled account. Such a row may exist until it is swept.
-- Served by sessions_token_hash.
SELECT sqlc.embed(sessions), sqlc.embed(users)
FROM sessions
JOIN users ON users.id = sessions.user_id
WHERE sessions.token_hash = @token_hash
  AND sessions.expires_at > @now
  AND sessions.last_seen_at > @idle_since
  AND users.disabled_at IS NULL;

-- name: SessionTouch :execrows
-- Renews a session. It updates a row and never inserts one, so that a request in
-- flight cannot revive an ended session. Of several concurrent requests, one renews
-- the session.
UPDATE sessions SET last_seen_at = @now
WHERE token_hash = @token_hash AND last_seen_at <= @renew_before;

-- name: SessionDelete :execrows
DELETE FROM sessions WHERE token_hash = @token_hash;

-- name: SessionsDeleteExpired :many
-- Deletes a batch of expired sessions. Served by sessions_expires_at and
-- sessions_last_seen_at.
DELETE FROM sessions WHERE id IN (
    SELECT ended.id FROM sessions AS ended
    WHERE ended.expires_at <= @now OR ended.last_seen_at <= @idle_since
    LIMIT CAST(@max_rows AS BIGINT))
RETURNING token_hash, user_id, expires_at;

-- name: SessionStored :one
-- Returns the owner of a session, also of an expired one that is not deleted yet.
-- Served by sessions_token_hash.
SELECT user_id FROM sessions WHERE token_hash = @token_hash;

-- name: SessionsOfUser :many
-- Returns the live sessions of a user, most recently used first. Served by
-- sessions_user_id.
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
-- Replaces the token of a session and sets its authentication time to now. It only
-- updates a row, so that a session that ended meanwhile is not revived.
UPDATE sessions SET token_hash = @new_hash, authenticated_at = @now, last_seen_at = @now
WHERE token_hash = @old_hash;

-- name: SessionsStored :many
-- Returns all sessions of a user, including expired ones that are not deleted yet.
-- Served by sessions_user_id.
SELECT * FROM sessions WHERE user_id = @user_id ORDER BY id;
