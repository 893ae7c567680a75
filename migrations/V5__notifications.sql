-- Messages: the live table, the long history, and what becomes of them.

-- The providers and their current priority and state.
CREATE TABLE provider_details (
    id                     uuid PRIMARY KEY,
    display_name           varchar NOT NULL,
    identifier             varchar NOT NULL,
    priority               integer NOT NULL, -- weight in the choice of a provider
    notification_type      notification_type NOT NULL,
    active                 boolean NOT NULL,
    updated_at             timestamp,
    version                integer NOT NULL,
    created_by_id          uuid REFERENCES users (id),
    supports_international boolean NOT NULL DEFAULT false,
    reason                 varchar
);
CREATE INDEX ix_provider_details_created_by_id ON provider_details (created_by_id);

-- One row per version of a provider row.
CREATE TABLE provider_details_history (
    id                     uuid NOT NULL,
    display_name           varchar NOT NULL,
    identifier             varchar NOT NULL,
    priority               integer NOT NULL,
    notification_type      notification_type NOT NULL,
    active                 boolean NOT NULL,
    version                integer NOT NULL,
    updated_at             timestamp,
    created_by_id          uuid REFERENCES users (id),
    supports_international boolean NOT NULL DEFAULT false,
    reason                 varchar,
    PRIMARY KEY (id, version)
);
CREATE INDEX ix_provider_details_history_created_by_id ON provider_details_history (created_by_id);

-- CSV uploads (bulk sends) and letter uploads.
CREATE TABLE jobs (
    id                      uuid PRIMARY KEY,
    original_file_name      varchar NOT NULL,
    service_id              uuid NOT NULL REFERENCES services (id),
    template_id             uuid REFERENCES templates (id),
    created_at              timestamp NOT NULL,
    updated_at              timestamp,
    notification_count      integer NOT NULL, -- rows in the file
    notifications_sent      integer NOT NULL,
    processing_started      timestamp,
    processing_finished     timestamp,
    created_by_id           uuid REFERENCES users (id),
    template_version        integer NOT NULL,
    notifications_delivered integer NOT NULL,
    notifications_failed    integer NOT NULL,
    job_status              varchar(255) NOT NULL REFERENCES job_status (name),
    scheduled_for           timestamp,
    archived                boolean NOT NULL DEFAULT false,
    contact_list_id         uuid REFERENCES service_contact_list (id)
);
CREATE INDEX ix_jobs_contact_list_id ON jobs (contact_list_id);
CREATE INDEX ix_jobs_created_by_id ON jobs (created_by_id);
CREATE INDEX ix_jobs_job_status ON jobs (job_status);
CREATE INDEX ix_jobs_scheduled_for ON jobs (scheduled_for);
CREATE INDEX ix_jobs_service_id ON jobs (service_id);
CREATE INDEX ix_jobs_template_id ON jobs (template_id);

-- The live table: every message until its service's retention period ends.
CREATE TABLE notifications (
    id                      uuid PRIMARY KEY,
    "to"                    varchar NOT NULL, -- the recipient, as supplied
    job_id                  uuid REFERENCES jobs (id),
    service_id              uuid REFERENCES services (id),
    template_id             uuid,
    created_at              timestamp NOT NULL,
    sent_at                 timestamp,
    sent_by                 varchar, -- identifier of the provider
    updated_at              timestamp,
    reference               varchar, -- the provider's id of the message
    template_version        integer NOT NULL,
    job_row_number          integer, -- counts from 0
    _personalisation        varchar, -- signed JSON
    api_key_id              uuid REFERENCES api_keys (id),
    key_type                varchar(255) NOT NULL REFERENCES key_types (name),
    notification_type       notification_type NOT NULL,
    billable_units          integer NOT NULL, -- SMS fragments, or sheets of a letter
    client_reference        varchar, -- the client's own reference
    international           boolean,
    phone_prefix            varchar, -- country calling code
    rate_multiplier         numeric,
    notification_status     text NOT NULL,
    normalised_to           varchar, -- the recipient, for searching
    created_by_id           uuid REFERENCES users (id),
    reply_to_text           varchar, -- SMS sender, reply-to address or letter contact block
    postage                 varchar,
    document_download_count integer,
    unsubscribe_link        varchar,
    CONSTRAINT uq_notifications_job_row_number UNIQUE (job_id, job_row_number),
    CONSTRAINT fk_notifications_notification_status
        FOREIGN KEY (notification_status) REFERENCES notification_status_types (name),
    CONSTRAINT notifications_templates_history_fkey
        FOREIGN KEY (template_id, template_version) REFERENCES templates_history (id, version),
    CONSTRAINT ck_notifications_notification_status_not_null
        CHECK (notification_status IS NOT NULL),
    CONSTRAINT ck_unsubscribe_link_is_null_if_notification_not_an_email
        CHECK (notification_type = 'email' OR unsubscribe_link IS NULL)
);
CREATE INDEX ix_notifications_client_reference ON notifications (client_reference);
CREATE INDEX ix_notifications_client_reference_trgm
    ON notifications USING gin (client_reference gin_trgm_ops);
CREATE INDEX ix_notifications_created_at ON notifications (created_at);
CREATE UNIQUE INDEX ix_notifications_id_status ON notifications (id, notification_status);
CREATE INDEX ix_notifications_job_id ON notifications (job_id);
CREATE INDEX ix_notifications_nondelivered_service_id_composite
    ON notifications (service_id, notification_type, created_at) WHERE notification_status <> 'delivered';
CREATE INDEX ix_notifications_normalised_to_trgm ON notifications USING gin (normalised_to gin_trgm_ops);
CREATE INDEX ix_notifications_notification_type_composite
    ON notifications (notification_type, notification_status, created_at);
CREATE INDEX ix_notifications_reference ON notifications (reference);
CREATE INDEX ix_notifications_service_created_at ON notifications (service_id, created_at);
CREATE INDEX ix_notifications_service_id_ntype_created_at
    ON notifications (service_id, notification_type, created_at);
CREATE INDEX ix_notifications_template_id ON notifications (template_id);

-- Every message after its retention period, without personal data. Messages sent with test keys
-- are deleted and never come here.
CREATE TABLE notification_history (
    id                      uuid PRIMARY KEY,
    job_id                  uuid REFERENCES jobs (id),
    job_row_number          integer,
    service_id              uuid REFERENCES services (id),
    template_id             uuid,
    template_version        integer NOT NULL,
    api_key_id              uuid REFERENCES api_keys (id),
    key_type                varchar NOT NULL REFERENCES key_types (name),
    notification_type       notification_type NOT NULL,
    created_at              timestamp NOT NULL,
    sent_at                 timestamp,
    sent_by                 varchar,
    updated_at              timestamp,
    reference               varchar,
    billable_units          integer NOT NULL,
    client_reference        varchar,
    international           boolean,
    phone_prefix            varchar,
    rate_multiplier         numeric,
    notification_status     text,
    created_by_id           uuid,
    postage                 varchar,
    document_download_count integer,
    CONSTRAINT fk_notification_history_notification_status
        FOREIGN KEY (notification_status) REFERENCES notification_status_types (name),
    CONSTRAINT notification_history_templates_history_fkey
        FOREIGN KEY (template_id, template_version) REFERENCES templates_history (id, version)
);
CREATE INDEX ix_notification_history_created_at ON notification_history (created_at);
CREATE INDEX ix_notification_history_job_id ON notification_history (job_id);
CREATE INDEX ix_notification_history_reference ON notification_history (reference);
CREATE INDEX ix_notification_history_service_id ON notification_history (service_id);
CREATE INDEX ix_notification_history_service_id_composite
    ON notification_history (service_id, key_type, notification_type, created_at);

-- Live and archived messages together. Archiving moves rows in one statement, so each is seen once.
CREATE VIEW notifications_all_time_view AS
SELECT id, job_id, job_row_number, service_id, template_id, template_version,
       api_key_id, key_type, billable_units, notification_type, created_at, sent_at,
       sent_by, updated_at, notification_status, reference, client_reference,
       international, phone_prefix, rate_multiplier, created_by_id, postage,
       document_download_count
  FROM notifications
UNION ALL
SELECT id, job_id, job_row_number, service_id, template_id, template_version,
       api_key_id, key_type, billable_units, notification_type, created_at, sent_at,
       sent_by, updated_at, notification_status, reference, client_reference,
       international, phone_prefix, rate_multiplier, created_by_id, postage,
       document_download_count
  FROM notification_history;

-- When and at which cost threshold a letter was despatched.
CREATE TABLE notifications_letter_despatch (
    notification_id uuid PRIMARY KEY,
    despatched_on   date,
    cost_threshold  letter_despatch_cost_threshold NOT NULL
);
CREATE INDEX ix_notifications_letter_despatch_despatched_on ON notifications_letter_despatch (despatched_on);

-- Letters reported as returned.
CREATE TABLE returned_letters (
    id              uuid PRIMARY KEY,
    reported_at     date NOT NULL,
    service_id      uuid NOT NULL REFERENCES services (id),
    notification_id uuid NOT NULL UNIQUE,
    created_at      timestamp NOT NULL,
    updated_at      timestamp
);
CREATE INDEX ix_returned_letters_service_id ON returned_letters (service_id);

-- Spam complaints received from the email provider.
CREATE TABLE complaints (
    id              uuid PRIMARY KEY,
    notification_id uuid NOT NULL,
    service_id      uuid NOT NULL REFERENCES services (id),
    ses_feedback_id text,
    complaint_type  text,
    complaint_date  timestamp,
    created_at      timestamp NOT NULL
);
CREATE INDEX ix_complaints_notification_id ON complaints (notification_id);
CREATE INDEX ix_complaints_service_id ON complaints (service_id);

-- Received text messages; content is a signed value.
CREATE TABLE inbound_sms (
    id                 uuid PRIMARY KEY,
    service_id         uuid NOT NULL REFERENCES services (id),
    content            varchar NOT NULL, -- signed
    notify_number      varchar NOT NULL, -- who received it: one of ours
    user_number        varchar NOT NULL, -- who sent it
    created_at         timestamp NOT NULL,
    provider_date      timestamp,
    provider_reference varchar,
    provider           varchar NOT NULL
);
CREATE INDEX ix_inbound_sms_service_id ON inbound_sms (service_id);
CREATE INDEX ix_inbound_sms_user_number ON inbound_sms (user_number);

-- Received texts after retention, without content and sender.
CREATE TABLE inbound_sms_history (
    id                 uuid PRIMARY KEY,
    created_at         timestamp NOT NULL,
    service_id         uuid REFERENCES services (id),
    notify_number      varchar NOT NULL,
    provider_date      timestamp,
    provider_reference varchar,
    provider           varchar NOT NULL
);
CREATE INDEX ix_inbound_sms_history_service_id ON inbound_sms_history (service_id);

-- Batches in which a service works through unsubscribe requests.
CREATE TABLE unsubscribe_request_report (
    id                      uuid PRIMARY KEY,
    service_id              uuid NOT NULL REFERENCES services (id),
    earliest_timestamp      timestamp NOT NULL,
    latest_timestamp        timestamp NOT NULL,
    processed_by_service_at timestamp,
    count                   bigint NOT NULL,
    created_at              timestamp NOT NULL
);

-- One-click unsubscribe requests, live.
CREATE TABLE unsubscribe_request (
    id                            uuid PRIMARY KEY,
    notification_id               uuid NOT NULL,
    service_id                    uuid NOT NULL REFERENCES services (id),
    template_id                   uuid NOT NULL,
    template_version              integer NOT NULL,
    email_address                 text NOT NULL,
    created_at                    timestamp NOT NULL,
    unsubscribe_request_report_id uuid REFERENCES unsubscribe_request_report (id),
    CONSTRAINT unsubscribe_request_template_id_template_version_fkey
        FOREIGN KEY (template_id, template_version) REFERENCES templates_history (id, version)
);
CREATE INDEX ix_unsubscribe_request_notification_id ON unsubscribe_request (notification_id);
CREATE INDEX ix_unsubscribe_request_unsubscribe_request_report_id
    ON unsubscribe_request (unsubscribe_request_report_id);

-- The same after archiving.
CREATE TABLE unsubscribe_request_history (
    id                            uuid PRIMARY KEY,
    notification_id               uuid NOT NULL,
    service_id                    uuid NOT NULL REFERENCES services (id),
    template_id                   uuid NOT NULL,
    template_version              integer NOT NULL,
    created_at                    timestamp NOT NULL,
    unsubscribe_request_report_id uuid
);
CREATE INDEX ix_unsubscribe_request_history_notification_id ON unsubscribe_request_history (notification_id);

-- Requests for a CSV report, with state and parameter JSON.
CREATE TABLE report_requests (
    id          uuid PRIMARY KEY,
    user_id     uuid NOT NULL REFERENCES users (id),
    service_id  uuid NOT NULL REFERENCES services (id),
    report_type report_request_report_type NOT NULL,
    status      report_request_status_type NOT NULL,
    parameter   jsonb NOT NULL, -- the report's filters
    created_at  timestamp NOT NULL,
    updated_at  timestamp
);
