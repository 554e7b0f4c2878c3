-- name: AuditAdd :exec
-- There is no query that changes a row.
INSERT INTO audit_events (created_at, event, outcome, reason, operation, actor_id, user_id, user_hash,
    ip, user_agent, request_id, session_hash, token_hash, repeats)
VALUES (@now, @event, @outcome, @reason, @operation, @actor_id, @user_id, @user_hash,
    @ip, @user_agent, @request_id, @session_hash, @token_hash, @repeats);

-- name: AuditLastLogin :one
-- How the newest login to an account ended. Served by audit_events_user_id.
SELECT event FROM audit_events
WHERE user_id = @user_id AND operation = 'login'
  AND event IN ('authn_login_success', 'authn_login_successafterfail', 'authn_login_fail')
ORDER BY created_at DESC, id DESC
LIMIT 1;
