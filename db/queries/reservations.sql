-- name: ReservationTake :execrows
-- Reserves a username; no row if it is already reserved. Of two concurrent calls, the
-- second waits until the first has committed. Every transaction that takes a username
-- starts with this query.
INSERT INTO reservations (username_key, password_hash, created_at, expires_at)
VALUES (@username_key, @password_hash, @now, @expires_at)
ON CONFLICT (username_key) DO UPDATE SET
    password_hash = excluded.password_hash, created_at = excluded.created_at, expires_at = excluded.expires_at
WHERE reservations.expires_at <= excluded.created_at;

-- name: ReservationRelease :execrows
DELETE FROM reservations WHERE username_key = @username_key;

-- name: ReservationHash :one
-- Returns the hash of the password that was chosen with the reserved username.
SELECT password_hash FROM reservations WHERE username_key = @username_key AND expires_at > @now;

-- name: ReservationsDeleteExpired :execrows
DELETE FROM reservations WHERE expires_at <= @now;
