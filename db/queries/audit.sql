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
