-- What leaves by age: requests to be unsubscribed, by service, and reports.

CREATE INDEX ix_unsubscribe_request_service_id_created_at
    ON unsubscribe_request (service_id, created_at);
CREATE INDEX ix_report_requests_created_at ON report_requests (created_at);
