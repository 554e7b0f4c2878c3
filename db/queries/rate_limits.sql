-- name: RateLimitHit :one
-- Counts one request, in a new window if the last one has ended. A window that ends
-- later than a new one would is from before the clock was set back; it is shortened.
INSERT INTO rate_limits (key, hits, expires_at) VALUES (@key, 1, @expires_at)
ON CONFLICT (key) DO UPDATE SET
    hits = CASE WHEN rate_limits.expires_at <= @now THEN 1 ELSE rate_limits.hits + 1 END,
    expires_at = CASE
        WHEN rate_limits.expires_at <= @now OR rate_limits.expires_at > excluded.expires_at THEN excluded.expires_at
        ELSE rate_limits.expires_at END
RETURNING hits, expires_at;

-- name: RateLimitsDeleteExpired :execrows
-- Deletes in batches, so that no request waits long for the writer. Served by
-- rate_limits_expires_at.
DELETE FROM rate_limits WHERE key IN (
    SELECT ended.key FROM rate_limits AS ended WHERE ended.expires_at <= @now
    ORDER BY ended.expires_at LIMIT CAST(@max_rows AS BIGINT));
