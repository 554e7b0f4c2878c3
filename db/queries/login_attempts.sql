-- name: LoginAttempts :many
-- Returns the shared counter of unknown networks, and the counter of the given
-- network if that is known. Served by the primary key.
SELECT * FROM login_attempts WHERE subject = @subject AND network IN ('', @network);

-- name: LoginAttemptLock :one
-- Locks a counter until the end of the transaction. Inserts it if there is none.
INSERT INTO login_attempts (subject, network, failures, next_at, expires_at) VALUES (@subject, @network, 0, @now, @expires_at)
ON CONFLICT (subject, network) DO UPDATE SET failures = login_attempts.failures
RETURNING *;

-- name: LoginAttemptCount :exec
UPDATE login_attempts SET failures = @failures, next_at = @next_at, expires_at = @expires_at
WHERE subject = @subject AND network = @network;

-- name: LoginAttemptTakeBack :exec
-- Subtracts an attempt that was counted but not made.
UPDATE login_attempts SET failures = failures - 1, next_at = @now
WHERE subject = @subject AND network = @network AND failures > 0;

-- name: LoginAttemptTrust :exec
-- Marks a network as known and resets its counter.
INSERT INTO login_attempts (subject, network, failures, next_at, expires_at) VALUES (@subject, @network, 0, @now, @expires_at)
ON CONFLICT (subject, network) DO UPDATE SET failures = 0, next_at = excluded.next_at, expires_at = excluded.expires_at;

-- name: LoginAttemptReset :exec
DELETE FROM login_attempts WHERE subject = @subject AND network = @network;

-- name: LoginAttemptsDelete :exec
DELETE FROM login_attempts WHERE subject = @subject;

-- name: LoginAttemptsDeleteExpired :execrows
-- Served by login_attempts_expires_at.
DELETE FROM login_attempts WHERE (subject, network) IN (
    SELECT ended.subject, ended.network FROM login_attempts AS ended WHERE ended.expires_at <= @now
    ORDER BY ended.expires_at LIMIT CAST(@max_rows AS BIGINT));
