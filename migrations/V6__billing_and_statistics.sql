-- Prices, allowances, and the daily facts that statistics and bills are made of.

-- SMS price per fragment from a moment on.
CREATE TABLE rates (
    id                uuid PRIMARY KEY,
    valid_from        timestamp NOT NULL,
    rate              numeric NOT NULL, -- pounds per fragment
    notification_type notification_type NOT NULL
);
CREATE INDEX ix_rates_notification_type ON rates (notification_type);

-- Price of a letter by period, class, crown flag and sheets.
CREATE TABLE letter_rates (
    id          uuid PRIMARY KEY,
    start_date  timestamp NOT NULL,
    end_date    timestamp, -- null: still in force
    sheet_count integer NOT NULL,
    rate        numeric NOT NULL, -- pounds per letter
    crown       boolean NOT NULL,
    post_class  varchar NOT NULL -- first, second, economy, europe or rest-of-world
);

-- Free SMS fragments by organisation type, from a financial year on.
CREATE TABLE default_annual_allowance (
    id                              uuid PRIMARY KEY,
    valid_from_financial_year_start integer NOT NULL,
    organisation_type               varchar(255) REFERENCES organisation_types (name),
    allowance                       integer NOT NULL, -- SMS fragments a year
    notification_type               notification_type NOT NULL
);
CREATE INDEX ix_annual_allowance_notification_type ON default_annual_allowance (notification_type);
CREATE INDEX ix_annual_allowance_valid_from_financial_year_start
    ON default_annual_allowance (valid_from_financial_year_start);

-- Free SMS fragment allowance of one service for one financial year (year in which April
-- falls).
CREATE TABLE annual_billing (
    id                            uuid PRIMARY KEY,
    service_id                    uuid NOT NULL REFERENCES services (id),
    financial_year_start          integer NOT NULL, -- year in which its April falls
    free_sms_fragment_limit       integer NOT NULL,
    updated_at                    timestamp,
    created_at                    timestamp NOT NULL,
    high_volume_service_last_year boolean NOT NULL DEFAULT false,
    has_custom_allowance          boolean NOT NULL DEFAULT false,
    CONSTRAINT uix_service_id_financial_year_start UNIQUE (service_id, financial_year_start)
);
CREATE INDEX ix_annual_billing_service_id ON annual_billing (service_id);

-- Fact table: billable messages per UK local day, template, service, type, provider, rate
-- multiplier, international, rate, postage.
CREATE TABLE ft_billing (
    bst_date           date NOT NULL, -- day in London
    template_id        uuid NOT NULL,
    service_id         uuid NOT NULL,
    notification_type  text NOT NULL,
    provider           text NOT NULL,
    rate_multiplier    integer NOT NULL,
    international      boolean NOT NULL,
    rate               numeric NOT NULL, -- pounds per billable unit
    billable_units     integer,
    notifications_sent integer,
    updated_at         timestamp,
    created_at         timestamp NOT NULL,
    postage            varchar NOT NULL,
    PRIMARY KEY (
        bst_date, template_id, service_id, notification_type, provider, rate_multiplier,
        international, rate, postage
    )
);
CREATE INDEX ix_ft_billing_bst_date ON ft_billing (bst_date);
CREATE INDEX ix_ft_billing_service_id ON ft_billing (service_id);
CREATE INDEX ix_ft_billing_template_id ON ft_billing (template_id);

-- Fact table: letters by despatch day, with rate, postage, cost threshold and sheet count.
CREATE TABLE ft_billing_letter_despatch (
    bst_date           date NOT NULL, -- day in London
    postage            varchar NOT NULL,
    cost_threshold     letter_despatch_cost_threshold NOT NULL,
    rate               numeric NOT NULL, -- pounds per letter
    billable_units     integer NOT NULL, -- sheets of the letter
    notifications_sent integer,
    created_at         timestamp NOT NULL,
    updated_at         timestamp,
    PRIMARY KEY (bst_date, postage, rate, billable_units, cost_threshold)
);

-- Fact table: notification counts per UK local day, template, service, job (nil uuid when
-- none), type, key type and status.
CREATE TABLE ft_notification_status (
    bst_date            date NOT NULL, -- day in London
    template_id         uuid NOT NULL,
    service_id          uuid NOT NULL,
    job_id              uuid NOT NULL, -- all zeros: sent without a job
    notification_type   text NOT NULL,
    key_type            text NOT NULL,
    notification_status text NOT NULL,
    notification_count  integer NOT NULL,
    created_at          timestamp NOT NULL,
    updated_at          timestamp,
    PRIMARY KEY (
        bst_date, template_id, service_id, job_id, notification_type, key_type,
        notification_status
    )
);
CREATE INDEX ix_ft_notification_status_bst_date ON ft_notification_status (bst_date);
CREATE INDEX ix_ft_notification_status_job_id ON ft_notification_status (job_id);
CREATE INDEX ix_ft_notification_status_service_id ON ft_notification_status (service_id);
CREATE INDEX ix_ft_notification_status_template_id ON ft_notification_status (template_id);
CREATE INDEX ix_ft_notification_status_template_id_bst_date ON ft_notification_status (template_id, bst_date);

-- Fact table: messages per day and how many were handed to a provider within 10 seconds.
CREATE TABLE ft_processing_time (
    bst_date                date PRIMARY KEY, -- day in London
    messages_total          integer NOT NULL,
    messages_within_10_secs integer NOT NULL,
    created_at              timestamp NOT NULL,
    updated_at              timestamp
);
CREATE INDEX ix_ft_processing_time_bst_date ON ft_processing_time (bst_date);

-- Daily statistics of a service. Notify makes this table and neither reads nor writes it.
CREATE TABLE ft_service_stats (
    bst_date            date NOT NULL, -- day in London
    service_id          uuid NOT NULL REFERENCES services (id),
    template_id         uuid NOT NULL REFERENCES templates (id),
    notification_type   notification_type NOT NULL,
    notification_status text NOT NULL REFERENCES notification_status_types (name),
    notification_count  bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (bst_date, service_id, template_id, notification_type, notification_status)
);
CREATE UNIQUE INDEX ix_ft_service_stats
    ON ft_service_stats (bst_date, service_id, template_id, notification_type, notification_status);
CREATE UNIQUE INDEX ix_ft_service_template_stats
    ON ft_service_stats (bst_date, template_id, notification_type, notification_status);
