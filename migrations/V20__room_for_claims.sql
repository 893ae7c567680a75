-- A claim changes no indexed column, so its new version of the row needs no index entries, provided
-- that it fits into the row's own page. Pages that are filled from now on keep room for that.
ALTER TABLE notifications SET (fillfactor = 80);
COMMENT ON COLUMN notifications.claimed_by IS 'Names the claim of the attempt that is sending the message; null when none is.';
