-- name: OutboxAdd :exec
INSERT INTO outbox (message_id, user_id, kind, recipient, recipient_key, locale, details, created_at, next_attempt_at)
VALUES (@message_id, @user_id, @kind, @recipient, @recipient_key, @locale, @details, @now, @now);

-- name: OutboxClaim :one
-- Takes one mail that is due. The conditions stand outside the subquery as
-- well: of two instances that choose the same row, PostgreSQL looks again at
-- the outer ones only. Served by outbox_next_attempt_at.
UPDATE outbox SET lease = @lease, lease_until = @lease_until, attempts = outbox.attempts + 1
WHERE outbox.id = (
    SELECT candidate.id FROM outbox AS candidate
    WHERE candidate.dead_at IS NULL AND candidate.next_attempt_at <= @now
      AND (candidate.lease_until IS NULL OR candidate.lease_until <= @now)
    ORDER BY candidate.next_attempt_at, candidate.id
    LIMIT 1)
  AND outbox.dead_at IS NULL
  AND (outbox.lease_until IS NULL OR outbox.lease_until <= @now)
RETURNING *;

-- name: OutboxNextDue :one
-- When the next mail is due that nobody is sending, so that the worker need not
-- ask all the time. Served by outbox_next_attempt_at.
SELECT next_attempt_at FROM outbox
WHERE dead_at IS NULL AND (lease_until IS NULL OR lease_until <= @now)
ORDER BY next_attempt_at, id
LIMIT 1;

-- name: OutboxBindToken :execrows
-- The token that the mail of this lease carries.
UPDATE outbox SET user_id = @user_id, token_hash = @token_hash
WHERE id = @id AND lease = @lease;

-- name: OutboxDone :execrows
-- Sent, or not to be sent any more. Only the holder of the lease may say so.
DELETE FROM outbox WHERE id = @id AND lease = @lease;

-- name: OutboxRetry :execrows
UPDATE outbox SET lease = NULL, lease_until = NULL, next_attempt_at = @next_attempt_at, attempts = @attempts, last_error = @last_error, unreachable = @unreachable
WHERE id = @id AND lease = @lease;

-- name: OutboxBury :one
-- Whose mail it was, which may have been found out since the row was claimed.
UPDATE outbox SET lease = NULL, lease_until = NULL, dead_at = @now, last_error = @last_error
WHERE id = @id AND lease = @lease
RETURNING user_id;

-- name: OutboxReachable :execrows
-- The mail server answers again: what waited for it alone waits no longer.
UPDATE outbox SET next_attempt_at = @now, unreachable = FALSE
WHERE unreachable AND dead_at IS NULL AND next_attempt_at > @now AND lease IS NULL;

-- name: OutboxVoid :execrows
-- Mails of a kind that another replaces: those of a person, and those to an
-- address of which nobody has found out yet whose they are.
DELETE FROM outbox WHERE kind = @kind AND (user_id = @user_id OR recipient_key = @recipient_key);

-- name: OutboxVoidLinks :execrows
-- All mails of a person that carry tokens, and those to the person's address of
-- which nobody has found out yet whose they are.
DELETE FROM outbox
WHERE kind IN ('verify_email', 'reset_password', 'confirm_email', 'invitation')
  AND (user_id = @user_id OR (user_id IS NULL AND recipient_key = @recipient_key));

-- name: OutboxOfUser :many
-- With those to the person's address of which nobody has found out yet whose
-- they are. Served by outbox_user_id and outbox_recipient_key.
SELECT * FROM outbox
WHERE user_id = @user_id OR (user_id IS NULL AND recipient_key = @recipient_key)
ORDER BY id;

-- name: OutboxForget :execrows
-- What nobody has found out yet whose it is, of somebody who leaves. The rest
-- goes with the account.
DELETE FROM outbox WHERE user_id IS NULL AND recipient_key = @recipient_key;

-- name: OutboxPending :one
SELECT count(*) FROM outbox WHERE dead_at IS NULL;

-- name: OutboxDeleteDead :execrows
DELETE FROM outbox WHERE dead_at <= @before;

-- name: OutboxDeleteOld :execrows
-- Where nobody sends any more what was to be sent once.
DELETE FROM outbox WHERE created_at <= @before;

-- name: OutboxCount :one
-- For the metrics, a few times a minute. Counting ends at a number that says
-- enough, so that it cannot become the load. The first is served by
-- outbox_next_attempt_at.
SELECT
    (SELECT count(*) FROM (SELECT 1 FROM outbox AS p WHERE p.dead_at IS NULL LIMIT 100000) AS pending) AS pending,
    (SELECT count(*) FROM (SELECT 1 FROM outbox AS d WHERE d.dead_at IS NOT NULL LIMIT 100000) AS dead) AS dead;

-- name: OutboxOldest :one
-- When the oldest mail was asked for that is still to be sent, among the ten
-- thousand that are due first. Served by outbox_next_attempt_at.
SELECT due.created_at FROM (
    SELECT o.id, o.created_at FROM outbox AS o
    WHERE o.dead_at IS NULL
    ORDER BY o.next_attempt_at
    LIMIT 10000) AS due
ORDER BY due.id LIMIT 1;
