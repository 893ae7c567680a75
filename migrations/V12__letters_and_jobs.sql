-- Letters are collated for the printer once a day, and files of recipients are looked after every
-- minute: one table and one index of ours.

CREATE TABLE letter_volume_emails (
    deadline   timestamp PRIMARY KEY,
    created_at timestamp NOT NULL
);
COMMENT ON TABLE letter_volume_emails IS 'Print runs whose volumes the printer has been told, so that each is told once.';
COMMENT ON COLUMN letter_volume_emails.deadline IS 'Letters accepted before then, UTC, are in the run.';
COMMENT ON COLUMN letter_volume_emails.created_at IS 'When the email was written, UTC.';

-- Of all jobs there ever were, those that finished lately.
CREATE INDEX ix_jobs_finished ON jobs (processing_finished) WHERE job_status = 'finished';
