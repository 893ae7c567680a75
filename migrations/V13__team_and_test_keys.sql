-- Lists of what was sent with team and test keys, of which there are few beside the others.
CREATE INDEX ix_notifications_team_and_test ON notifications (service_id, created_at)
    WHERE key_type <> 'normal';
