-- Requests that are to have their effect once, however often they come. One table of ours, which stays
-- empty until a client asks for it.

CREATE TABLE idempotency_keys (
    service_id  uuid NOT NULL,
    key         text NOT NULL,
    fingerprint bytea NOT NULL,
    answer      text NOT NULL,
    created_at  timestamp NOT NULL,
    expires_at  timestamp NOT NULL,
    PRIMARY KEY (service_id, key)
);
CREATE INDEX ix_idempotency_keys_expires_at ON idempotency_keys (expires_at);
COMMENT ON TABLE idempotency_keys IS 'Answers to requests that came with an idempotency key, written with what the request made.';
COMMENT ON COLUMN idempotency_keys.service_id IS 'Whose key it is. No foreign key: nothing waits for a row that lives a day.';
COMMENT ON COLUMN idempotency_keys.key IS 'As the client sent it.';
COMMENT ON COLUMN idempotency_keys.fingerprint IS 'SHA-256 of the request: type of API key, path, body.';
COMMENT ON COLUMN idempotency_keys.answer IS 'The body of the 201, as it was sent. Holds personal data.';
COMMENT ON COLUMN idempotency_keys.created_at IS 'When the request was accepted, UTC.';
COMMENT ON COLUMN idempotency_keys.expires_at IS 'From when on, UTC, the key is as good as new.';
