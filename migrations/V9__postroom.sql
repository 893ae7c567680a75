-- What we add to Notify's tables: nothing that their code could trip over.

-- The claim of the worker that is sending a message. Nullable and in no index, so that a claim stays a
-- cheap update of one row.
ALTER TABLE notifications
    ADD COLUMN claimed_by uuid,
    ADD COLUMN claimed_until timestamp,
    ADD COLUMN claim_attempt integer,
    ADD COLUMN next_attempt_at timestamp;
COMMENT ON COLUMN notifications.claimed_by IS 'Worker that is sending the message; null when none is.';
COMMENT ON COLUMN notifications.claimed_until IS 'When the claim runs out, UTC. A live claim keeps other workers away.';
COMMENT ON COLUMN notifications.claim_attempt IS 'Attempt that the claim is for: the retries of its task so far, from 0.';
COMMENT ON COLUMN notifications.next_attempt_at IS 'When the next attempt is due, UTC; null when none waits in the broker.';

CREATE TABLE outbox (
    id            uuid PRIMARY KEY,
    created_at    timestamp NOT NULL,
    queue         text NOT NULL,
    task          text NOT NULL,
    message       jsonb NOT NULL,
    claimed_until timestamp
);
COMMENT ON TABLE outbox IS 'Task messages that the broker has not taken yet. A row is deleted once its message is confirmed.';
COMMENT ON COLUMN outbox.id IS 'UUIDv7: the order of ids is the order of time.';
COMMENT ON COLUMN outbox.created_at IS 'When it was written, UTC.';
COMMENT ON COLUMN outbox.queue IS 'Queue to publish it on, for people who look.';
COMMENT ON COLUMN outbox.task IS 'Name of the task, for people who look.';
COMMENT ON COLUMN outbox.message IS 'The whole message. May hold personal data.';
COMMENT ON COLUMN outbox.claimed_until IS 'Until when, UTC, a process is publishing it; null or past: any relay may.';

CREATE TABLE beat_slots (
    entry      text NOT NULL,
    slot       timestamp NOT NULL,
    created_at timestamp NOT NULL,
    PRIMARY KEY (entry, slot)
);
COMMENT ON TABLE beat_slots IS 'Which entries of the schedule have fired, so that each fires once however many beats run.';
COMMENT ON COLUMN beat_slots.entry IS 'Name of the entry.';
COMMENT ON COLUMN beat_slots.slot IS 'When it was due, UTC.';
COMMENT ON COLUMN beat_slots.created_at IS 'When it fired, UTC.';

-- A service's team is looked up for every message that a team key or a service in trial mode sends.
CREATE INDEX ix_user_to_service_service_id ON user_to_service (service_id);
