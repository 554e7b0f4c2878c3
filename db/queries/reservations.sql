-- name: ReservationTake :execrows
-- No row when somebody has reserved the name. Of two at the same instant the second
-- waits for the first to commit: whoever takes a name, for whatever, begins here.
INSERT INTO reservations (username_key, password_hash, created_at, expires_at)
VALUES (@username_key, @password_hash, @now, @expires_at)
ON CONFLICT (username_key) DO UPDATE SET
    password_hash = excluded.password_hash, created_at = excluded.created_at, expires_at = excluded.expires_at
WHERE reservations.expires_at <= excluded.created_at;

-- name: ReservationRelease :execrows
DELETE FROM reservations WHERE username_key = @username_key;

-- name: ReservationHash :one
-- Of the password that whoever has reserved the name has chosen.
SELECT password_hash FROM reservations WHERE username_key = @username_key AND expires_at > @now;

-- name: ReservationsDeleteExpired :execrows
DELETE FROM reservations WHERE expires_at <= @now;
