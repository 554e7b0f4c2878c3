-- +goose Up

-- The audit trail, one row per event, inserted in the transaction of the event. Rows
-- are deleted when they are old and never updated. There are no foreign keys: a row
-- outlives the account, and the account's id is never reused. No column contains a
-- username, an email address or a secret. The hashes are keyed, and useless without
-- SECRET_KEY.
CREATE TABLE audit_events (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at   TIMESTAMPTZ NOT NULL,
    event        TEXT NOT NULL COLLATE "C",
    outcome      TEXT NOT NULL,
    reason       TEXT NOT NULL,
    operation    TEXT NOT NULL,
    actor_id     BIGINT,
    user_id      BIGINT,
    user_hash    TEXT,
    ip           TEXT NOT NULL COLLATE "C",
    user_agent   TEXT NOT NULL,
    request_id   TEXT NOT NULL,
    session_hash TEXT,
    token_hash   TEXT COLLATE "C",
    repeats      BIGINT NOT NULL
);
CREATE INDEX audit_events_created_at ON audit_events (created_at, id);
CREATE INDEX audit_events_event ON audit_events (event, created_at, id);
CREATE INDEX audit_events_user_id ON audit_events (user_id, created_at, id);
CREATE INDEX audit_events_actor_id ON audit_events (actor_id, created_at, id);
CREATE INDEX audit_events_ip ON audit_events (ip, created_at, id);
CREATE INDEX audit_events_token_hash ON audit_events (token_hash, created_at, id) WHERE token_hash IS NOT NULL;

-- +goose Down
DROP TABLE audit_events;
