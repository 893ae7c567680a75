-- Services (tenants) and what belongs to one: members, keys, senders, callbacks, settings.
--
-- A table with `_history` and a `version` column keeps one row per version.

-- Services (tenants).
CREATE TABLE services (
    id                              uuid PRIMARY KEY,
    name                            varchar(255) NOT NULL UNIQUE,
    created_at                      timestamp NOT NULL,
    updated_at                      timestamp,
    active                          boolean NOT NULL,
    restricted                      boolean NOT NULL, -- true in trial mode
    created_by_id                   uuid NOT NULL,
    version                         integer NOT NULL,
    organisation_type               varchar(255) REFERENCES organisation_types (name),
    prefix_sms                      boolean NOT NULL, -- text messages begin with the service name
    crown                           boolean,
    rate_limit                      integer NOT NULL, -- requests a minute, for each type of key
    contact_link                    varchar(255), -- how recipients of files reach the team
    consent_to_research             boolean,
    volume_email                    integer, -- what the team expects to send, asked when it goes live
    volume_letter                   integer,
    volume_sms                      integer,
    count_as_live                   boolean NOT NULL DEFAULT true, -- counted in public statistics
    go_live_at                      timestamp,
    go_live_user_id                 uuid,
    organisation_id                 uuid,
    notes                           text,
    billing_contact_email_addresses text,
    billing_contact_names           text,
    billing_reference               varchar(255),
    purchase_order_number           varchar(255),
    letter_message_limit            bigint NOT NULL, -- letters a day
    sms_message_limit               bigint NOT NULL, -- text messages a day, those abroad included
    email_message_limit             bigint NOT NULL, -- emails a day
    has_active_go_live_request      boolean NOT NULL,
    normalised_service_name         varchar NOT NULL UNIQUE, -- compared for uniqueness
    custom_email_sender_name        varchar(255), -- null: the service name is used
    email_sender_local_part         varchar(255) NOT NULL, -- what comes before the @ of the From address
    international_sms_message_limit bigint NOT NULL DEFAULT '250000', -- text messages abroad a day
    confirmed_unique                boolean NOT NULL DEFAULT false,
    confirmed_email_sender_name     boolean,
    CONSTRAINT fk_service_organisation
        FOREIGN KEY (organisation_id) REFERENCES organisation (id),
    CONSTRAINT fk_services_created_by_id
        FOREIGN KEY (created_by_id) REFERENCES users (id),
    CONSTRAINT fk_services_go_live_user
        FOREIGN KEY (go_live_user_id) REFERENCES users (id)
);
CREATE INDEX ix_services_created_by_id ON services (created_by_id);
CREATE INDEX ix_services_organisation_id ON services (organisation_id);

-- One row per version of a service.
CREATE TABLE services_history (
    id                              uuid NOT NULL,
    name                            varchar(255) NOT NULL,
    created_at                      timestamp NOT NULL,
    updated_at                      timestamp,
    active                          boolean NOT NULL,
    restricted                      boolean NOT NULL,
    created_by_id                   uuid NOT NULL,
    version                         integer NOT NULL,
    organisation_type               varchar(255),
    prefix_sms                      boolean NOT NULL,
    crown                           boolean,
    rate_limit                      integer NOT NULL,
    contact_link                    varchar(255),
    consent_to_research             boolean,
    volume_email                    integer,
    volume_letter                   integer,
    volume_sms                      integer,
    count_as_live                   boolean NOT NULL DEFAULT true,
    go_live_at                      timestamp,
    go_live_user_id                 uuid,
    organisation_id                 uuid,
    notes                           text,
    billing_contact_email_addresses text,
    billing_contact_names           text,
    billing_reference               varchar(255),
    purchase_order_number           varchar(255),
    letter_message_limit            bigint NOT NULL,
    sms_message_limit               bigint NOT NULL,
    email_message_limit             bigint NOT NULL,
    has_active_go_live_request      boolean NOT NULL,
    normalised_service_name         varchar NOT NULL,
    custom_email_sender_name        varchar(255),
    email_sender_local_part         varchar(255) NOT NULL,
    international_sms_message_limit bigint NOT NULL DEFAULT '250000',
    confirmed_unique                boolean NOT NULL DEFAULT false,
    confirmed_email_sender_name     boolean,
    PRIMARY KEY (id, version)
);

-- Members of a service.
CREATE TABLE user_to_service (
    user_id    uuid NOT NULL REFERENCES users (id),
    service_id uuid NOT NULL REFERENCES services (id),
    CONSTRAINT uix_user_to_service UNIQUE (user_id, service_id)
);

-- What a user may do in a service (or platform-wide when service is null).
CREATE TABLE permissions (
    id         uuid PRIMARY KEY,
    service_id uuid REFERENCES services (id),
    user_id    uuid NOT NULL REFERENCES users (id),
    permission permission_types NOT NULL,
    created_at timestamp NOT NULL,
    CONSTRAINT uix_service_user_permission UNIQUE (service_id, user_id, permission)
);
CREATE INDEX ix_permissions_service_id ON permissions (service_id);
CREATE INDEX ix_permissions_user_id ON permissions (user_id);

-- Capabilities a service has.
CREATE TABLE service_permissions (
    service_id uuid NOT NULL REFERENCES services (id),
    permission varchar(255) NOT NULL REFERENCES service_permission_types (name),
    created_at timestamp NOT NULL,
    PRIMARY KEY (service_id, permission)
);
CREATE INDEX ix_service_permissions_permission ON service_permissions (permission);
CREATE INDEX ix_service_permissions_service_id ON service_permissions (service_id);

-- Invitations to a service.
CREATE TABLE invited_users (
    id                 uuid PRIMARY KEY,
    email_address      varchar(255) NOT NULL,
    user_id            uuid NOT NULL REFERENCES users (id),
    service_id         uuid REFERENCES services (id),
    created_at         timestamp NOT NULL,
    status             invited_users_status_types NOT NULL,
    permissions        varchar NOT NULL, -- comma-separated
    auth_type          varchar NOT NULL DEFAULT 'sms_auth' REFERENCES auth_type (name),
    folder_permissions jsonb NOT NULL -- list of folder ids
);
CREATE INDEX ix_invited_users_auth_type ON invited_users (auth_type);
CREATE INDEX ix_invited_users_service_id ON invited_users (service_id);
CREATE INDEX ix_invited_users_user_id ON invited_users (user_id);

-- Requests of a user to join a service.
CREATE TABLE service_join_requests (
    id                   uuid PRIMARY KEY,
    requester_id         uuid NOT NULL REFERENCES users (id),
    service_id           uuid NOT NULL REFERENCES services (id),
    created_at           timestamp NOT NULL DEFAULT now(),
    status               service_join_requests_status_type NOT NULL DEFAULT 'pending',
    status_changed_at    timestamp,
    status_changed_by_id uuid REFERENCES users (id),
    reason               text
);

-- Whom a join request was sent to.
CREATE TABLE service_join_request_contacted_users (
    service_join_request_id uuid NOT NULL,
    user_id                 uuid NOT NULL REFERENCES users (id),
    PRIMARY KEY (service_join_request_id, user_id),
    CONSTRAINT service_join_request_contacted_use_service_join_request_id_fkey
        FOREIGN KEY (service_join_request_id) REFERENCES service_join_requests (id)
);

-- API keys of a service; secret is a signed uuid4 string; expiry_date set means revoked.
CREATE TABLE api_keys (
    id            uuid PRIMARY KEY,
    name          varchar(255) NOT NULL,
    secret        varchar(255) NOT NULL UNIQUE, -- signed
    service_id    uuid NOT NULL REFERENCES services (id),
    expiry_date   timestamp, -- set: revoked
    created_at    timestamp NOT NULL,
    created_by_id uuid NOT NULL,
    updated_at    timestamp,
    version       integer NOT NULL,
    key_type      varchar(255) NOT NULL REFERENCES key_types (name),
    CONSTRAINT fk_api_keys_created_by_id
        FOREIGN KEY (created_by_id) REFERENCES users (id)
);
CREATE INDEX ix_api_keys_created_by_id ON api_keys (created_by_id);
CREATE INDEX ix_api_keys_service_id ON api_keys (service_id);
CREATE UNIQUE INDEX uix_service_to_key_name ON api_keys (service_id, name) WHERE expiry_date IS NULL;

-- One row per version of an API key.
CREATE TABLE api_keys_history (
    id            uuid NOT NULL,
    name          varchar(255) NOT NULL,
    secret        varchar(255) NOT NULL, -- signed
    service_id    uuid NOT NULL,
    expiry_date   timestamp,
    created_at    timestamp NOT NULL,
    updated_at    timestamp,
    created_by_id uuid NOT NULL,
    version       integer NOT NULL,
    key_type      varchar(255) NOT NULL,
    PRIMARY KEY (id, version)
);
CREATE INDEX ix_api_keys_history_service_id ON api_keys_history (service_id);

-- Callback address and signed bearer token of a service, one per callback type.
CREATE TABLE service_callback_api (
    id            uuid PRIMARY KEY,
    service_id    uuid NOT NULL REFERENCES services (id),
    url           varchar NOT NULL,
    bearer_token  varchar NOT NULL, -- signed
    created_at    timestamp NOT NULL,
    updated_at    timestamp,
    updated_by_id uuid NOT NULL REFERENCES users (id),
    version       integer NOT NULL,
    callback_type varchar,
    CONSTRAINT uix_service_callback_type UNIQUE (service_id, callback_type),
    CONSTRAINT service_callback_api_type_fk
        FOREIGN KEY (callback_type) REFERENCES service_callback_type (name)
);
CREATE INDEX ix_service_callback_api_service_id ON service_callback_api (service_id);
CREATE INDEX ix_service_callback_api_updated_by_id ON service_callback_api (updated_by_id);

-- One row per version of a callback.
CREATE TABLE service_callback_api_history (
    id            uuid NOT NULL,
    service_id    uuid NOT NULL,
    url           varchar NOT NULL,
    bearer_token  varchar NOT NULL, -- signed
    created_at    timestamp NOT NULL,
    updated_at    timestamp,
    updated_by_id uuid NOT NULL,
    version       integer NOT NULL,
    callback_type varchar,
    PRIMARY KEY (id, version)
);
CREATE INDEX ix_service_callback_api_history_service_id ON service_callback_api_history (service_id);
CREATE INDEX ix_service_callback_api_history_updated_by_id ON service_callback_api_history (updated_by_id);

-- Phone numbers that can receive SMS; given to at most one service.
CREATE TABLE inbound_numbers (
    id         uuid PRIMARY KEY,
    number     varchar(11) NOT NULL UNIQUE,
    provider   varchar NOT NULL,
    service_id uuid REFERENCES services (id),
    active     boolean NOT NULL,
    created_at timestamp NOT NULL,
    updated_at timestamp
);
CREATE UNIQUE INDEX ix_inbound_numbers_service_id ON inbound_numbers (service_id);

-- SMS sender names and numbers of a service.
CREATE TABLE service_sms_senders (
    id                uuid PRIMARY KEY,
    sms_sender        varchar(11) NOT NULL,
    service_id        uuid NOT NULL REFERENCES services (id),
    is_default        boolean NOT NULL,
    inbound_number_id uuid REFERENCES inbound_numbers (id),
    created_at        timestamp NOT NULL,
    updated_at        timestamp,
    archived          boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX ix_service_sms_senders_inbound_number_id ON service_sms_senders (inbound_number_id);
CREATE INDEX ix_service_sms_senders_service_id ON service_sms_senders (service_id);

-- Reply-to addresses of a service.
CREATE TABLE service_email_reply_to (
    id            uuid PRIMARY KEY,
    service_id    uuid NOT NULL REFERENCES services (id),
    email_address text NOT NULL,
    is_default    boolean NOT NULL,
    created_at    timestamp NOT NULL,
    updated_at    timestamp,
    archived      boolean NOT NULL DEFAULT false
);
CREATE INDEX ix_service_email_reply_to_service_id ON service_email_reply_to (service_id);

-- Sender address blocks for letters.
CREATE TABLE service_letter_contacts (
    id            uuid PRIMARY KEY,
    service_id    uuid NOT NULL REFERENCES services (id),
    contact_block text NOT NULL,
    is_default    boolean NOT NULL,
    created_at    timestamp NOT NULL,
    updated_at    timestamp,
    archived      boolean NOT NULL DEFAULT false
);
CREATE INDEX ix_service_letter_contacts_service_id ON service_letter_contacts (service_id);

-- The email branding a service uses.
CREATE TABLE service_email_branding (
    service_id        uuid PRIMARY KEY REFERENCES services (id),
    email_branding_id uuid NOT NULL REFERENCES email_branding (id)
);

-- The letter branding a service uses.
CREATE TABLE service_letter_branding (
    service_id         uuid PRIMARY KEY REFERENCES services (id),
    letter_branding_id uuid NOT NULL REFERENCES letter_branding (id)
);

-- Guest list: recipients a team key or trial-mode service may also send to.
CREATE TABLE service_whitelist (
    id             uuid PRIMARY KEY,
    service_id     uuid NOT NULL REFERENCES services (id),
    recipient_type recipient_type NOT NULL,
    recipient      varchar(255) NOT NULL,
    created_at     timestamp
);
CREATE INDEX ix_service_whitelist_service_id ON service_whitelist (service_id);

-- Days of retention for one service and message type (default 7).
CREATE TABLE service_data_retention (
    id                uuid PRIMARY KEY,
    service_id        uuid NOT NULL REFERENCES services (id),
    notification_type notification_type NOT NULL,
    days_of_retention integer NOT NULL,
    created_at        timestamp NOT NULL,
    updated_at        timestamp,
    CONSTRAINT uix_service_data_retention UNIQUE (service_id, notification_type)
);
CREATE INDEX ix_service_data_retention_service_id ON service_data_retention (service_id);

-- Saved contact lists (the CSV itself is in object storage).
CREATE TABLE service_contact_list (
    id                 uuid PRIMARY KEY,
    original_file_name varchar NOT NULL,
    row_count          integer NOT NULL,
    template_type      template_type NOT NULL,
    service_id         uuid NOT NULL REFERENCES services (id),
    created_by_id      uuid REFERENCES users (id),
    created_at         timestamp NOT NULL,
    updated_at         timestamp,
    archived           boolean NOT NULL DEFAULT false
);
CREATE INDEX ix_service_contact_list_created_by_id ON service_contact_list (created_by_id);
CREATE INDEX ix_service_contact_list_service_id ON service_contact_list (service_id);
