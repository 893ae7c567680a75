-- What the night's work looks up. Facts are replaced by day, type and service; text messages received
-- and events leave by age.

CREATE INDEX ix_ft_notification_status_day_type_service
    ON ft_notification_status (bst_date, notification_type, service_id);
CREATE INDEX ix_ft_billing_day_type_service
    ON ft_billing (bst_date, notification_type, service_id);
CREATE INDEX ix_inbound_sms_service_id_created_at ON inbound_sms (service_id, created_at);
CREATE INDEX ix_events_created_at ON events (created_at);
