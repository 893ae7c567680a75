-- What everything else refers to: the trigram extension, enum types and lookup tables.
--
-- V1 to V8 make the database of GOV.UK Notify at its migration head 0560_add_nhs_notify_org, with its
-- names, types, keys and rows, so that a database of theirs can be adopted and theirs can be read.
-- Ours comes from V9 on. Timestamps hold UTC without a zone; "day" in statistics is a day in London.

-- Searching in recipients and references.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TYPE invited_users_status_types AS ENUM ('pending', 'accepted', 'cancelled');
CREATE TYPE job_status_types AS ENUM (
    'pending', 'in progress', 'finished', 'sending limits exceeded'
);
CREATE TYPE letter_despatch_cost_threshold AS ENUM ('sorted', 'unsorted');
CREATE TYPE letter_language_options AS ENUM ('english', 'welsh_then_english');
CREATE TYPE notification_type AS ENUM ('email', 'sms', 'letter');
CREATE TYPE notify_status_type AS ENUM (
    'created', 'sending', 'delivered', 'pending', 'failed', 'technical-failure',
    'temporary-failure', 'permanent-failure', 'sent'
);
CREATE TYPE organisation_permission_types AS ENUM ('can_ask_to_join_a_service');
CREATE TYPE organisation_user_permission_types AS ENUM ('can_make_services_live');
CREATE TYPE permission_types AS ENUM (
    'manage_users', 'manage_templates', 'manage_settings', 'send_texts', 'send_emails',
    'send_letters', 'manage_api_keys', 'platform_admin', 'view_activity',
    'create_broadcasts', 'approve_broadcasts', 'cancel_broadcasts', 'reject_broadcasts'
);
CREATE TYPE recipient_type AS ENUM ('mobile', 'email');
CREATE TYPE report_request_report_type AS ENUM ('notifications');
CREATE TYPE report_request_status_type AS ENUM (
    'pending', 'in progress', 'stored', 'failed', 'deleted'
);
CREATE TYPE service_join_requests_status_type AS ENUM (
    'pending', 'approved', 'rejected', 'cancelled'
);
CREATE TYPE template_type AS ENUM ('sms', 'email', 'letter', 'broadcast');
CREATE TYPE verify_code_types AS ENUM ('email', 'sms');

-- Where Notify's own migration tool stands.
CREATE TABLE alembic_version (
    version_num varchar(32) PRIMARY KEY
);

-- Lookup: ways a user signs in.
CREATE TABLE auth_type (
    name varchar PRIMARY KEY
);

-- Lookup: email branding layouts.
CREATE TABLE branding_type (
    name varchar(255) PRIMARY KEY
);

-- Lookup: states of an organisation invitation.
CREATE TABLE invite_status_type (
    name varchar PRIMARY KEY
);

-- Lookup: states of a job.
CREATE TABLE job_status (
    name varchar(255) PRIMARY KEY
);

-- Lookup: kinds of API key, also kept on each message.
CREATE TABLE key_types (
    name varchar(255) PRIMARY KEY
);

-- Lookup: notification states.
CREATE TABLE notification_status_types (
    name varchar PRIMARY KEY
);

-- Lookup: kinds of organisation with their crown status.
CREATE TABLE organisation_types (
    name     varchar(255) PRIMARY KEY,
    is_crown boolean -- null: must be answered per organisation
);

-- Lookup: kinds of callback.
CREATE TABLE service_callback_type (
    name varchar PRIMARY KEY
);

-- Lookup: capabilities a service can have.
CREATE TABLE service_permission_types (
    name varchar(255) PRIMARY KEY
);

-- SMS sender names of well-known bodies that need checking.
CREATE TABLE protected_sender_ids (
    sender_id varchar(255) PRIMARY KEY
);
