-- Why a message has not been sent, for whoever asks. Nullable, in no index, written on failures only.
ALTER TABLE notifications ADD COLUMN last_error text;
COMMENT ON COLUMN notifications.last_error IS 'Why its last failed attempt to be sent failed. No personal data.';
