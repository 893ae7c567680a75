-- Files of recipients that come through the API are counted against the day's limits when they are
-- accepted, so that two that fit only one by one are not both accepted.
ALTER TABLE jobs ADD COLUMN counted_at timestamp;
COMMENT ON COLUMN jobs.counted_at IS 'When, UTC, all rows were counted against the limits of that day; null when each is counted as it becomes a notification.';
