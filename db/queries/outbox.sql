-- name: OutboxAdd :exec
INSERT INTO outbox (message_id, user_id, kind, recipient, recipient_key, locale, details, created_at, next_attempt_at)
VALUES (@message_id, @user_id, @kind, @recipient, @recipient_key, @locale, @details, @now, @now);

-- name: OutboxClaim :one
-- Claims one due mail with a lease. The conditions are repeated outside of the
-- subquery: if two instances choose the same row, PostgreSQL re-evaluates only the
-- outer conditions. Served by outbox_next_attempt_at.
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
-- Returns when the next mail without a lease is due, so that the worker does not
-- poll. Served by outbox_next_attempt_at.
SELECT next_attempt_at FROM outbox
WHERE dead_at IS NULL AND (lease_until IS NULL OR lease_until <= @now)
ORDER BY next_attempt_at, id
LIMIT 1;

-- name: OutboxBindToken :execrows
-- Stores the token of a mail. Only the holder of the lease may store it.
UPDATE outbox SET user_id = @user_id, token_hash = @token_hash
WHERE id = @id AND lease = @lease;

-- name: OutboxDone :execrows
-- Deletes a mail that was sent or is no longer needed. Only the holder of the lease
-- may delete it.
DELETE FROM outbox WHERE id = @id AND lease = @lease;

-- name: OutboxRetry :execrows
UPDATE outbox SET lease = NULL, lease_until = NULL, next_attempt_at = @next_attempt_at, attempts = @attempts, last_error = @last_error, unreachable = @unreachable
WHERE id = @id AND lease = @lease;

-- name: OutboxGiveUp :one
-- Marks a mail as failed for good. Returns its owner, who may have been resolved
-- after the mail was claimed.
UPDATE outbox SET lease = NULL, lease_until = NULL, dead_at = @now, last_error = @last_error
WHERE id = @id AND lease = @lease
RETURNING user_id;

-- name: OutboxMakeDue :execrows
-- Makes mails that were delayed by an outage of the mail server due now.
UPDATE outbox SET next_attempt_at = @now, unreachable = FALSE
WHERE unreachable AND dead_at IS NULL AND next_attempt_at > @now AND lease IS NULL;

-- name: OutboxVoid :execrows
-- Deletes mails of a kind that a new mail replaces: by user, and by recipient for
-- mails without a resolved owner.
DELETE FROM outbox WHERE kind = @kind AND (user_id = @user_id OR recipient_key = @recipient_key);

-- name: OutboxVoidLinks :execrows
-- Deletes all mails with tokens to a user, including mails to the user's address
-- without a resolved owner (user_id IS NULL).
DELETE FROM outbox
WHERE kind IN ('verify_email', 'reset_password', 'confirm_email', 'invitation')
  AND (user_id = @user_id OR (user_id IS NULL AND recipient_key = @recipient_key));

-- name: OutboxOfUser :many
-- Returns all mails to a user, including mails to the user's address without a
-- resolved owner. Served by outbox_user_id and outbox_recipient_key.
SELECT * FROM outbox
WHERE user_id = @user_id OR (user_id IS NULL AND recipient_key = @recipient_key)
ORDER BY id;

-- name: OutboxDeleteOfAddress :execrows
-- Deletes the mails without a resolved owner to the address of a deleted account.
-- The foreign key deletes its other mails.
DELETE FROM outbox WHERE user_id IS NULL AND recipient_key = @recipient_key;

-- name: OutboxPending :one
SELECT count(*) FROM outbox WHERE dead_at IS NULL;

-- name: OutboxDeleteDead :execrows
DELETE FROM outbox WHERE dead_at <= @before;

-- name: OutboxDeleteOld :execrows
-- Deletes leftover mails when sending is disabled.
DELETE FROM outbox WHERE created_at <= @before;

-- name: OutboxCount :one
-- Counts for the metrics, a few times a minute. Counting stops at 100000, so that it
-- does not become a load itself. outbox_next_attempt_at serves the first count.
SELECT
    (SELECT count(*) FROM (SELECT 1 FROM outbox AS p WHERE p.dead_at IS NULL LIMIT 100000) AS pending) AS pending,
    (SELECT count(*) FROM (SELECT 1 FROM outbox AS d WHERE d.dead_at IS NOT NULL LIMIT 100000) AS dead) AS dead;

-- name: OutboxOldest :one
-- Returns the creation time of the oldest pending mail, among the ten thousand that
-- are due first. Served by outbox_next_attempt_at.
SELECT due.created_at FROM (
    SELECT o.id, o.created_at FROM outbox AS o
    WHERE o.dead_at IS NULL
    ORDER BY o.next_attempt_at
    LIMIT 10000) AS due
ORDER BY due.id LIMIT 1;
