-- Templates, their versions, folders and files.

-- PDF pages attached to a letter template.
CREATE TABLE letter_attachment (
    id                uuid PRIMARY KEY,
    created_at        timestamp NOT NULL,
    created_by_id     uuid NOT NULL REFERENCES users (id),
    archived_at       timestamp,
    archived_by_id    uuid REFERENCES users (id),
    original_filename varchar NOT NULL,
    page_count        smallint NOT NULL
);

-- Current version of each template.
CREATE TABLE templates (
    id                        uuid PRIMARY KEY,
    name                      varchar(255) NOT NULL,
    template_type             template_type NOT NULL,
    created_at                timestamp NOT NULL,
    updated_at                timestamp,
    content                   text NOT NULL, -- with ((placeholders))
    service_id                uuid NOT NULL REFERENCES services (id),
    subject                   text,
    created_by_id             uuid NOT NULL,
    version                   integer NOT NULL,
    archived                  boolean NOT NULL, -- deleted by the team
    service_letter_contact_id uuid REFERENCES service_letter_contacts (id),
    hidden                    boolean NOT NULL, -- made by the system, not shown to the team
    postage                   varchar, -- letters only: first, second, economy, europe or rest-of-world
    letter_attachment_id      uuid REFERENCES letter_attachment (id),
    letter_welsh_content      text,
    letter_welsh_subject      text,
    letter_languages          letter_language_options,
    has_unsubscribe_link      boolean NOT NULL,
    CONSTRAINT fk_templates_created_by_id
        FOREIGN KEY (created_by_id) REFERENCES users (id),
    CONSTRAINT chk_templates_letter_languages
        CHECK (CASE WHEN template_type = 'letter' THEN letter_languages IS NOT NULL
                                           ELSE letter_languages IS NULL END),
    CONSTRAINT ck_templates_letter_attachments
        CHECK (template_type = 'letter' OR letter_attachment_id IS NULL),
    CONSTRAINT ck_templates_non_email_has_unsubscribe_false
        CHECK (template_type = 'email' OR has_unsubscribe_link IS FALSE)
);
CREATE INDEX ix_templates_created_by_id ON templates (created_by_id);
CREATE INDEX ix_templates_service_id ON templates (service_id);

-- One row per version of a template.
CREATE TABLE templates_history (
    id                        uuid NOT NULL,
    name                      varchar(255) NOT NULL,
    template_type             template_type NOT NULL,
    created_at                timestamp NOT NULL,
    updated_at                timestamp,
    content                   text NOT NULL,
    service_id                uuid NOT NULL REFERENCES services (id),
    subject                   text,
    created_by_id             uuid NOT NULL REFERENCES users (id),
    version                   integer NOT NULL,
    archived                  boolean NOT NULL,
    service_letter_contact_id uuid REFERENCES service_letter_contacts (id),
    hidden                    boolean NOT NULL,
    postage                   varchar,
    letter_attachment_id      uuid REFERENCES letter_attachment (id),
    letter_welsh_content      text,
    letter_welsh_subject      text,
    letter_languages          letter_language_options,
    has_unsubscribe_link      boolean NOT NULL,
    PRIMARY KEY (id, version),
    CONSTRAINT chk_templates_history_letter_languages
        CHECK (CASE WHEN template_type = 'letter' THEN letter_languages IS NOT NULL
                                           ELSE letter_languages IS NULL END),
    CONSTRAINT ck_templates_history_letter_attachments
        CHECK (template_type = 'letter' OR letter_attachment_id IS NULL),
    CONSTRAINT ck_templates_history_non_email_has_unsubscribe_false
        CHECK (template_type = 'email' OR has_unsubscribe_link IS FALSE)
);
CREATE INDEX ix_templates_history_created_by_id ON templates_history (created_by_id);
CREATE INDEX ix_templates_history_service_id ON templates_history (service_id);

-- Whether a template hides personalisation after sending.
CREATE TABLE template_redacted (
    template_id            uuid PRIMARY KEY REFERENCES templates (id),
    redact_personalisation boolean NOT NULL,
    updated_at             timestamp NOT NULL,
    updated_by_id          uuid NOT NULL REFERENCES users (id)
);
CREATE INDEX ix_template_redacted_updated_by_id ON template_redacted (updated_by_id);

-- Tree of template folders of a service.
CREATE TABLE template_folder (
    id         uuid PRIMARY KEY,
    service_id uuid NOT NULL REFERENCES services (id),
    name       varchar NOT NULL,
    parent_id  uuid REFERENCES template_folder (id),
    CONSTRAINT ix_id_service_id UNIQUE (id, service_id)
);

-- Which folder a template is in.
CREATE TABLE template_folder_map (
    template_id        uuid PRIMARY KEY REFERENCES templates (id),
    template_folder_id uuid NOT NULL REFERENCES template_folder (id)
);

-- Folders a user can see in a service.
CREATE TABLE user_folder_permissions (
    user_id            uuid NOT NULL,
    template_folder_id uuid NOT NULL REFERENCES template_folder (id),
    service_id         uuid NOT NULL,
    PRIMARY KEY (user_id, template_folder_id, service_id),
    CONSTRAINT user_folder_permissions_template_folder_id_service_id_fkey
        FOREIGN KEY (template_folder_id, service_id) REFERENCES template_folder (id, service_id),
    CONSTRAINT user_folder_permissions_user_id_service_id_fkey
        FOREIGN KEY (user_id, service_id) REFERENCES user_to_service (user_id, service_id)
);

-- Files linked from an email template.
CREATE TABLE template_email_files (
    id                   uuid PRIMARY KEY,
    filename             text NOT NULL,
    link_text            text,
    retention_period     integer NOT NULL, -- weeks
    validate_users_email boolean NOT NULL,
    created_at           timestamp NOT NULL,
    updated_at           timestamp,
    archived_at          timestamp,
    version              integer NOT NULL,
    template_id          uuid NOT NULL REFERENCES templates (id),
    template_version     integer NOT NULL,
    created_by_id        uuid NOT NULL REFERENCES users (id),
    archived_by_id       uuid REFERENCES users (id),
    pending              boolean DEFAULT false -- uploaded, not yet part of a saved version
);
CREATE INDEX ix_template_email_files_archived_by_id ON template_email_files (archived_by_id);
CREATE INDEX ix_template_email_files_created_by_id ON template_email_files (created_by_id);
CREATE INDEX ix_template_email_files_template_id ON template_email_files (template_id);
CREATE INDEX ix_template_email_files_template_version ON template_email_files (template_version);

-- One row per version of such a file.
CREATE TABLE template_email_files_history (
    id                   uuid NOT NULL,
    filename             text NOT NULL,
    link_text            text,
    retention_period     integer NOT NULL,
    validate_users_email boolean NOT NULL,
    created_at           timestamp NOT NULL,
    updated_at           timestamp,
    archived_at          timestamp,
    version              integer NOT NULL,
    template_id          uuid NOT NULL REFERENCES templates (id),
    template_version     integer NOT NULL,
    created_by_id        uuid NOT NULL REFERENCES users (id),
    archived_by_id       uuid REFERENCES users (id),
    pending              boolean DEFAULT false,
    PRIMARY KEY (id, version)
);
CREATE INDEX ix_template_email_files_history_archived_by_id ON template_email_files_history (archived_by_id);
CREATE INDEX ix_template_email_files_history_created_by_id ON template_email_files_history (created_by_id);
CREATE INDEX ix_template_email_files_history_template_id ON template_email_files_history (template_id);
CREATE INDEX ix_template_email_files_history_template_version
    ON template_email_files_history (template_version);
