-- Messages that are to be sent at a time of their client's choice. One table of ours, which stays empty
-- unless a service has the permission `schedule_notifications`.

CREATE TABLE scheduled_notifications (
    notification_id uuid PRIMARY KEY,
    due_at          timestamp NOT NULL
);
CREATE INDEX ix_scheduled_notifications_due_at ON scheduled_notifications (due_at);
COMMENT ON TABLE scheduled_notifications IS 'Notifications that wait for their time. A row is deleted in the transaction that queues its message or calls it back.';
COMMENT ON COLUMN scheduled_notifications.notification_id IS 'The notification, which is created. No foreign key: retention takes days, waiting at most one.';
COMMENT ON COLUMN scheduled_notifications.due_at IS 'When to send it, UTC.';
