-- name: AuditAdd :exec
-- Events are append-only: no query updates a row.
INSERT INTO audit_events (created_at, event, outcome, reason, operation, actor_id, user_id, user_hash,
    ip, user_agent, request_id, session_hash, token_hash, repeats)
VALUES (@now, @event, @outcome, @reason, @operation, @actor_id, @user_id, @user_hash,
    @ip, @user_agent, @request_id, @session_hash, @token_hash, @repeats);

-- name: AuditOfToken :one
-- Returns the last event of an issued token. Served by audit_events_token_hash.
SELECT event, user_id FROM audit_events
WHERE token_hash = @token_hash
  AND event IN ('session_created', 'session_renewed', 'session_expired', 'authn_token_created')
ORDER BY created_at DESC, id DESC
LIMIT 1;

-- name: AuditLastLogin :one
-- Returns the outcome of the newest login to an account. Served by
-- audit_events_user_id.
SELECT event FROM audit_events
WHERE user_id = @user_id AND operation = 'login'
  AND event IN ('authn_login_success', 'authn_login_successafterfail', 'authn_login_fail')
ORDER BY created_at DESC, id DESC
LIMIT 1;

-- Pages of the audit trail, newest first. A page begins below a row, the first page
-- below a time. Each query serves one filter with an index and applies the other
-- filters to the rows that it finds.

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
-- Events that affected an account. Served by audit_events_user_id.
SELECT * FROM audit_events
WHERE user_id = @user_id AND (CAST(@event AS TEXT) = '' OR event = @event) AND (CAST(@ip AS TEXT) = '' OR ip = @ip)
  AND created_at >= @since AND created_at <= @before AND (created_at < @before OR id < @before_id)
ORDER BY created_at DESC, id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: AuditOfActor :many
-- Events that an account caused. Served by audit_events_actor_id.
SELECT * FROM audit_events
WHERE actor_id = @user_id AND (CAST(@event AS TEXT) = '' OR event = @event) AND (CAST(@ip AS TEXT) = '' OR ip = @ip)
  AND created_at >= @since AND created_at <= @before AND (created_at < @before OR id < @before_id)
ORDER BY created_at DESC, id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: AuditOwn :many
-- The events that users may see about their own account. It leaves out the events
-- about the mail to a new email address: they would reveal whether another account
-- has this address. Served by audit_events_user_id.
SELECT * FROM audit_events
WHERE user_id = @user_id AND event <> 'mail_failed' AND (event <> 'authn_token_created' OR reason <> 'change_email')
  AND created_at <= @before AND (created_at < @before OR id < @before_id)
ORDER BY created_at DESC, id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: AuditDeleteOld :execrows
-- Deletes a batch of the oldest events. Served by audit_events_created_at.
DELETE FROM audit_events WHERE id IN (
    SELECT old.id FROM audit_events AS old
    WHERE old.created_at < @before
    ORDER BY old.created_at, old.id
    LIMIT CAST(@max_rows AS BIGINT));
