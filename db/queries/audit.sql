-- name: AuditAdd :exec
-- There is no query that changes a row.
INSERT INTO audit_events (created_at, event, outcome, reason, operation, actor_id, user_id, user_hash,
    ip, user_agent, request_id, session_hash, token_hash, repeats)
VALUES (@now, @event, @outcome, @reason, @operation, @actor_id, @user_id, @user_hash,
    @ip, @user_agent, @request_id, @session_hash, @token_hash, @repeats);

-- name: AuditOfToken :one
-- What became last of a token that was handed out. Served by
-- audit_events_token_hash.
SELECT event, user_id FROM audit_events
WHERE token_hash = @token_hash
  AND event IN ('session_created', 'session_renewed', 'session_expired', 'authn_token_created')
ORDER BY created_at DESC, id DESC
LIMIT 1;

-- name: AuditLastLogin :one
-- How the newest login to an account ended. Served by audit_events_user_id.
SELECT event FROM audit_events
WHERE user_id = @user_id AND operation = 'login'
  AND event IN ('authn_login_success', 'authn_login_successafterfail', 'authn_login_fail')
ORDER BY created_at DESC, id DESC
LIMIT 1;

-- A page of the trail, the newest first, is what begins below a row, or below a
-- time for the first page. Each query is for the filter that its index serves;
-- the others are held against the rows that it finds.

-- name: AuditByTime :many
-- Served by audit_events_created_at.
SELECT * FROM audit_events
WHERE created_at >= @since AND created_at <= @before AND (created_at < @before OR id < @before_id)
ORDER BY created_at DESC, id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: AuditByEvent :many
-- Served by audit_events_event.
SELECT * FROM audit_events
WHERE event = @event
  AND created_at >= @since AND created_at <= @before AND (created_at < @before OR id < @before_id)
ORDER BY created_at DESC, id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: AuditByAddress :many
-- Served by audit_events_ip.
SELECT * FROM audit_events
WHERE ip = @ip AND (CAST(@event AS TEXT) = '' OR event = @event)
  AND created_at >= @since AND created_at <= @before AND (created_at < @before OR id < @before_id)
ORDER BY created_at DESC, id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: AuditOfSubject :many
-- What happened to an account. Served by audit_events_user_id.
SELECT * FROM audit_events
WHERE user_id = @user_id AND (CAST(@event AS TEXT) = '' OR event = @event) AND (CAST(@ip AS TEXT) = '' OR ip = @ip)
  AND created_at >= @since AND created_at <= @before AND (created_at < @before OR id < @before_id)
ORDER BY created_at DESC, id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: AuditOfActor :many
-- What somebody did. Served by audit_events_actor_id.
SELECT * FROM audit_events
WHERE actor_id = @user_id AND (CAST(@event AS TEXT) = '' OR event = @event) AND (CAST(@ip AS TEXT) = '' OR ip = @ip)
  AND created_at >= @since AND created_at <= @before AND (created_at < @before OR id < @before_id)
ORDER BY created_at DESC, id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: AuditOwn :many
-- What people may see of their own. Whether the mail that confirms a new address
-- was written would tell whether somebody else has the address. Served by
-- audit_events_user_id.
SELECT * FROM audit_events
WHERE user_id = @user_id AND event <> 'mail_failed' AND (event <> 'authn_token_created' OR reason <> 'change_email')
  AND created_at <= @before AND (created_at < @before OR id < @before_id)
ORDER BY created_at DESC, id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: AuditDeleteOld :execrows
-- Some of the oldest. Served by audit_events_created_at.
DELETE FROM audit_events WHERE id IN (
    SELECT old.id FROM audit_events AS old
    WHERE old.created_at < @before
    ORDER BY old.created_at, old.id
    LIMIT CAST(@max_rows AS BIGINT));
