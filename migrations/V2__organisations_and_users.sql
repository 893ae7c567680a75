-- People, and the organisations that own services.

-- User accounts; password is a bcrypt hash.
CREATE TABLE users (
    id                          uuid PRIMARY KEY,
    name                        varchar NOT NULL,
    email_address               varchar(255) NOT NULL,
    created_at                  timestamp NOT NULL,
    updated_at                  timestamp,
    _password                   varchar NOT NULL, -- bcrypt hash
    mobile_number               varchar,
    password_changed_at         timestamp NOT NULL,
    logged_in_at                timestamp,
    failed_login_count          integer NOT NULL,
    state                       varchar NOT NULL, -- pending, active or inactive
    platform_admin              boolean NOT NULL,
    current_session_id          uuid, -- the only browser session that is signed in
    auth_type                   varchar NOT NULL DEFAULT 'sms_auth' REFERENCES auth_type (name),
    email_access_validated_at   timestamp NOT NULL,
    take_part_in_research       boolean NOT NULL DEFAULT true,
    receives_new_features_email boolean NOT NULL DEFAULT true,
    CONSTRAINT ck_user_has_mobile_or_other_auth
        CHECK (auth_type IN ('email_auth', 'webauthn_auth') OR mobile_number IS NOT NULL)
);
CREATE UNIQUE INDEX ix_users_email_address ON users (email_address);

-- Sign-in codes (bcrypt hashes), short-lived.
CREATE TABLE verify_codes (
    id              uuid PRIMARY KEY,
    user_id         uuid NOT NULL REFERENCES users (id),
    _code           varchar NOT NULL, -- bcrypt hash
    code_type       verify_code_types NOT NULL,
    expiry_datetime timestamp NOT NULL,
    code_used       boolean,
    created_at      timestamp NOT NULL
);
CREATE INDEX ix_verify_codes_user_id ON verify_codes (user_id);

-- Security keys of a user.
CREATE TABLE webauthn_credential (
    id                    uuid PRIMARY KEY,
    user_id               uuid NOT NULL REFERENCES users (id),
    name                  varchar NOT NULL,
    credential_data       varchar NOT NULL,
    registration_response varchar NOT NULL,
    created_at            timestamp NOT NULL,
    updated_at            timestamp,
    logged_in_at          timestamp
);

-- Admin sign-in events (purged when old).
CREATE TABLE events (
    id         uuid PRIMARY KEY,
    event_type varchar(255) NOT NULL,
    created_at timestamp NOT NULL,
    data       json NOT NULL
);

-- Email brandings (logo, colour, text).
CREATE TABLE email_branding (
    id         uuid PRIMARY KEY,
    colour     varchar(7), -- #rrggbb
    logo       varchar(255), -- file name in the object store
    name       varchar(255) NOT NULL,
    text       varchar(255),
    brand_type varchar(255) NOT NULL REFERENCES branding_type (name),
    created_at timestamp,
    created_by uuid,
    updated_at timestamp,
    updated_by uuid,
    alt_text   varchar(255),
    active     boolean NOT NULL DEFAULT true,
    CONSTRAINT uq_email_branding_name UNIQUE (name),
    CONSTRAINT email_branding_created_by_id_fkey
        FOREIGN KEY (created_by) REFERENCES users (id),
    CONSTRAINT email_branding_updated_by_id_fkey
        FOREIGN KEY (updated_by) REFERENCES users (id),
    CONSTRAINT ck_email_branding_one_of_alt_text_or_text_is_null
        CHECK ((text IS NOT NULL AND alt_text IS NULL) OR (text IS NULL AND alt_text IS NOT NULL))
);
CREATE INDEX ix_email_branding_brand_type ON email_branding (brand_type);

-- Letter logos.
CREATE TABLE letter_branding (
    id            uuid PRIMARY KEY,
    name          varchar(255) NOT NULL UNIQUE,
    filename      varchar(255) NOT NULL UNIQUE, -- file name in the object store, without extension
    created_at    timestamp,
    created_by_id uuid REFERENCES users (id),
    updated_at    timestamp,
    updated_by_id uuid REFERENCES users (id)
);

-- Organisations that own services.
CREATE TABLE organisation (
    id                                          uuid PRIMARY KEY,
    name                                        varchar(255) NOT NULL,
    active                                      boolean NOT NULL,
    created_at                                  timestamp NOT NULL,
    updated_at                                  timestamp,
    email_branding_id                           uuid,
    letter_branding_id                          uuid,
    agreement_signed                            boolean,
    agreement_signed_at                         timestamp,
    agreement_signed_by_id                      uuid,
    agreement_signed_version                    double precision,
    crown                                       boolean, -- null: must be answered per organisation
    organisation_type                           varchar(255) REFERENCES organisation_types (name),
    request_to_go_live_notes                    text,
    agreement_signed_on_behalf_of_email_address varchar(255),
    agreement_signed_on_behalf_of_name          varchar(255),
    billing_contact_email_addresses             text,
    billing_contact_names                       text,
    billing_reference                           varchar(255),
    notes                                       text,
    purchase_order_number                       varchar(255),
    can_approve_own_go_live_requests            boolean NOT NULL,
    CONSTRAINT fk_organisation_agreement_user_id
        FOREIGN KEY (agreement_signed_by_id) REFERENCES users (id),
    CONSTRAINT fk_organisation_email_branding_id
        FOREIGN KEY (email_branding_id) REFERENCES email_branding (id),
    CONSTRAINT fk_organisation_letter_branding_id
        FOREIGN KEY (letter_branding_id) REFERENCES letter_branding (id)
);
CREATE UNIQUE INDEX ix_organisation_name ON organisation (name);

-- Email domains that identify an organisation.
CREATE TABLE domain (
    domain          varchar(255) PRIMARY KEY,
    organisation_id uuid NOT NULL REFERENCES organisation (id)
);

-- Pool of email brandings an organisation's services may choose.
CREATE TABLE email_branding_to_organisation (
    organisation_id   uuid NOT NULL REFERENCES organisation (id),
    email_branding_id uuid NOT NULL REFERENCES email_branding (id),
    PRIMARY KEY (organisation_id, email_branding_id)
);

-- Pool of letter brandings an organisation's services may choose.
CREATE TABLE letter_branding_to_organisation (
    organisation_id    uuid NOT NULL REFERENCES organisation (id),
    letter_branding_id uuid NOT NULL REFERENCES letter_branding (id),
    PRIMARY KEY (organisation_id, letter_branding_id)
);

-- Permissions given to an organisation.
CREATE TABLE organisation_permissions (
    id              uuid PRIMARY KEY,
    permission      organisation_permission_types NOT NULL,
    organisation_id uuid NOT NULL REFERENCES organisation (id),
    created_at      timestamp NOT NULL,
    CONSTRAINT uix_organisation_permission UNIQUE (organisation_id, permission)
);

-- What a user may do in an organisation.
CREATE TABLE organisation_user_permissions (
    id              uuid PRIMARY KEY,
    created_at      timestamp NOT NULL,
    organisation_id uuid REFERENCES organisation (id),
    user_id         uuid NOT NULL REFERENCES users (id),
    permission      organisation_user_permission_types,
    CONSTRAINT uix_organisation_user_permission UNIQUE (organisation_id, user_id, permission)
);
CREATE INDEX ix_organisation_user_permissions_organisation_id
    ON organisation_user_permissions (organisation_id);
CREATE INDEX ix_organisation_user_permissions_permission ON organisation_user_permissions (permission);
CREATE INDEX ix_organisation_user_permissions_user_id ON organisation_user_permissions (user_id);

-- Members of an organisation.
CREATE TABLE user_to_organisation (
    user_id         uuid REFERENCES users (id),
    organisation_id uuid REFERENCES organisation (id),
    CONSTRAINT uix_user_to_organisation UNIQUE (user_id, organisation_id)
);

-- Invitations to an organisation.
CREATE TABLE invited_organisation_users (
    id              uuid PRIMARY KEY,
    email_address   varchar(255) NOT NULL,
    invited_by_id   uuid NOT NULL REFERENCES users (id),
    organisation_id uuid NOT NULL REFERENCES organisation (id),
    created_at      timestamp NOT NULL,
    status          varchar NOT NULL REFERENCES invite_status_type (name),
    permissions     varchar NOT NULL -- comma-separated
);
