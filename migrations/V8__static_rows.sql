-- Rows that every installation begins with.
--
-- Ids written out are the same everywhere and may be relied on; the others are random. Two things
-- depend on where and when this runs: the environment's name, which `store::migrate` leaves in the
-- setting `postroom.environment`, and the financial year. Statements that give no columns give all.

INSERT INTO alembic_version VALUES ('0560_add_nhs_notify_org');

INSERT INTO auth_type VALUES ('email_auth'), ('sms_auth'), ('webauthn_auth');
INSERT INTO branding_type VALUES ('both'), ('org'), ('org_banner');
INSERT INTO invite_status_type VALUES ('accepted'), ('cancelled'), ('pending');
INSERT INTO job_status VALUES
    ('cancelled'), ('error'), ('finished'), ('finished all notifications created'),
    ('in progress'), ('pending'), ('ready to send'), ('scheduled'), ('sending limits exceeded'),
    ('sent to dvla');
INSERT INTO key_types VALUES ('normal'), ('team'), ('test');
INSERT INTO notification_status_types VALUES
    ('cancelled'), ('created'), ('delivered'), ('failed'), ('pending'), ('pending-virus-check'),
    ('permanent-failure'), ('returned-letter'), ('sending'), ('sent'), ('technical-failure'),
    ('temporary-failure'), ('validation-failed'), ('virus-scan-failed');
INSERT INTO service_callback_type VALUES
    ('complaint'), ('delivery_status'), ('inbound_sms'), ('returned_letter');
INSERT INTO service_permission_types VALUES
    ('edit_folder_permissions'), ('email'), ('email_auth'), ('inbound_sms'),
    ('international_letters'), ('international_sms'), ('letter'), ('sms'), ('sms_to_uk_landlines');

INSERT INTO organisation_types (name, is_crown) VALUES
    ('central', null),
    ('emergency_service', false),
    ('local', false),
    ('nhs', null),
    ('nhs_central', true),
    ('nhs_gp', false),
    ('nhs_local', false),
    ('nhs_notify', false),
    ('other', null),
    ('school_or_college', false);

-- Providers.

INSERT INTO provider_details
    (id, identifier, display_name, notification_type, priority, active, supports_international, version)
VALUES
    (gen_random_uuid(), 'mmg', 'MMG', 'sms', 10, true, true, 1),
    (gen_random_uuid(), 'firetext', 'Firetext', 'sms', 20, true, false, 1),
    (gen_random_uuid(), 'ses', 'AWS SES', 'email', 10, true, false, 1),
    (gen_random_uuid(), 'dvla', 'DVLA', 'letter', 50, true, false, 1);

INSERT INTO provider_details_history
    (id, identifier, display_name, notification_type, priority, active, supports_international, version)
SELECT id, identifier, display_name, notification_type, priority, active, supports_international, version
  FROM provider_details;

-- Prices and allowances.

INSERT INTO rates (id, valid_from, rate, notification_type) VALUES
    (gen_random_uuid(), '2016-05-18 00:00', 0.0165, 'sms'),
    (gen_random_uuid(), '2017-03-31 23:00', 0.0158, 'sms'),
    (gen_random_uuid(), '2021-03-31 23:00', 0.0160, 'sms'),
    (gen_random_uuid(), '2022-03-31 23:00', 0.0161, 'sms'),
    (gen_random_uuid(), '2022-04-30 23:00', 0.0172, 'sms'),
    (gen_random_uuid(), '2023-03-31 23:00', 0.0197, 'sms'),
    (gen_random_uuid(), '2024-03-31 23:00', 0.0227, 'sms'),
    (gen_random_uuid(), '2025-03-31 23:00', 0.0233, 'sms'),
    (gen_random_uuid(), '2026-03-31 23:00', 0.0240, 'sms');

-- One line per period and class: for crown bodies (t), others (f) or both, the price of a letter of
-- 1, 2, 3, 4 and 5 sheets; null makes no row.
INSERT INTO letter_rates (id, start_date, end_date, post_class, crown, sheet_count, rate)
SELECT gen_random_uuid(), period.start_date::timestamp, period.end_date::timestamp, post_class,
       crown, sheet_count, rate
  FROM (VALUES
    ('2016-03-31 23:00', '2018-09-30 23:00', 'second',        '{f}',   '{0.33, 0.39, 0.45, null, null}'),
    ('2016-03-31 23:00', '2018-09-30 23:00', 'second',        '{t}',   '{null, 0.33, 0.36, null, null}'),
    ('2016-03-31 23:00', '2019-09-30 23:00', 'second',        '{t}',   '{0.30, null, null, null, null}'),
    ('2018-06-30 23:00', '2018-09-30 23:00', 'second',        '{f}',   '{null, null, null, 0.51, 0.57}'),
    ('2018-06-30 23:00', '2018-09-30 23:00', 'second',        '{t}',   '{null, null, null, 0.39, 0.42}'),
    ('2018-08-31 23:00', '2019-09-30 23:00', 'first',         '{f,t}', '{0.56, 0.61, 0.66, 0.71, 0.76}'),
    ('2018-09-30 23:00', '2019-09-30 23:00', 'second',        '{f}',   '{0.30, 0.35, 0.40, 0.45, 0.50}'),
    ('2018-09-30 23:00', '2019-09-30 23:00', 'second',        '{t}',   '{null, 0.35, 0.40, 0.45, 0.50}'),
    ('2019-09-30 23:00', '2021-02-01 00:00', 'first',         '{f,t}', '{0.61, 0.66, 0.71, 0.76, 0.81}'),
    ('2019-09-30 23:00', '2021-02-01 00:00', 'second',        '{f,t}', '{0.35, 0.40, 0.45, 0.50, 0.55}'),
    ('2020-07-01 00:00', '2021-02-01 00:00', 'europe',        '{f,t}', '{0.84, 0.92, 1.00, 1.08, 1.16}'),
    ('2020-07-01 00:00', '2021-02-01 00:00', 'rest-of-world', '{f,t}', '{0.84, 0.92, 1.00, 1.08, 1.16}'),
    ('2021-02-01 00:00', '2022-03-01 00:00', 'europe',        '{f,t}', '{0.89, 0.97, 1.05, 1.13, 1.21}'),
    ('2021-02-01 00:00', '2022-03-01 00:00', 'first',         '{f,t}', '{0.69, 0.74, 0.79, 0.84, 0.89}'),
    ('2021-02-01 00:00', '2022-03-01 00:00', 'rest-of-world', '{f,t}', '{0.89, 0.97, 1.05, 1.13, 1.21}'),
    ('2021-02-01 00:00', '2022-03-01 00:00', 'second',        '{f,t}', '{0.39, 0.44, 0.49, 0.54, 0.59}'),
    ('2022-03-01 00:00', '2023-01-23 00:00', 'europe',        '{f,t}', '{0.96, 1.04, 1.12, 1.20, 1.28}'),
    ('2022-03-01 00:00', '2023-01-23 00:00', 'first',         '{f,t}', '{0.63, 0.68, 0.73, 0.78, 0.83}'),
    ('2022-03-01 00:00', '2023-01-23 00:00', 'rest-of-world', '{f,t}', '{0.96, 1.04, 1.12, 1.20, 1.28}'),
    ('2022-03-01 00:00', '2023-01-23 00:00', 'second',        '{f,t}', '{0.41, 0.46, 0.51, 0.56, 0.61}'),
    ('2023-01-23 00:00', '2023-11-01 00:00', 'europe',        '{f,t}', '{1.05, 1.13, 1.21, 1.29, 1.37}'),
    ('2023-01-23 00:00', '2023-11-01 00:00', 'first',         '{f,t}', '{0.72, 0.77, 0.82, 0.87, 0.92}'),
    ('2023-01-23 00:00', '2023-11-01 00:00', 'rest-of-world', '{f,t}', '{1.05, 1.13, 1.21, 1.29, 1.37}'),
    ('2023-01-23 00:00', '2023-11-01 00:00', 'second',        '{f,t}', '{0.47, 0.52, 0.57, 0.62, 0.67}'),
    ('2023-11-01 00:00', '2024-01-02 00:00', 'europe',        '{f,t}', '{1.26, 1.31, 1.35, 1.40, 1.45}'),
    ('2023-11-01 00:00', '2024-01-02 00:00', 'rest-of-world', '{f,t}', '{1.26, 1.31, 1.35, 1.40, 1.45}'),
    ('2023-11-01 00:00', '2024-06-30 23:00', 'first',         '{f,t}', '{0.82, 0.86, 0.90, 0.96, 1.00}'),
    ('2023-11-01 00:00', '2024-06-30 23:00', 'second',        '{f,t}', '{0.54, 0.59, 0.63, 0.68, 0.73}'),
    ('2024-01-02 00:00', '2025-02-06 00:00', 'europe',        '{f,t}', '{1.44, 1.49, 1.53, 1.58, 1.63}'),
    ('2024-01-02 00:00', '2025-02-06 00:00', 'rest-of-world', '{f,t}', '{1.44, 1.49, 1.53, 1.58, 1.63}'),
    ('2024-06-30 23:00', '2025-03-31 23:00', 'first',         '{f,t}', '{0.97, 1.01, 1.05, 1.11, 1.15}'),
    ('2024-06-30 23:00', '2025-03-31 23:00', 'second',        '{f,t}', '{0.61, 0.65, 0.68, 0.75, 0.79}'),
    ('2025-02-06 00:00', '2026-01-05 00:00', 'europe',        '{f,t}', '{1.56, 1.61, 1.66, 1.71, 1.76}'),
    ('2025-02-06 00:00', '2026-01-05 00:00', 'rest-of-world', '{f,t}', '{1.56, 1.61, 1.66, 1.71, 1.76}'),
    ('2025-03-31 23:00', '2026-01-05 00:00', 'economy',       '{f,t}', '{0.59, 0.64, 0.68, 0.73, 0.78}'),
    ('2025-03-31 23:00', '2026-01-05 00:00', 'second',        '{f,t}', '{0.68, 0.72, 0.77, 0.82, 0.86}'),
    ('2025-03-31 23:00', '2026-04-06 23:00', 'first',         '{f,t}', '{1.49, 1.53, 1.57, 1.63, 1.67}'),
    ('2026-01-05 00:00', '2026-05-02 23:00', 'europe',        '{f,t}', '{1.72, 1.77, 1.82, 1.85, 1.90}'),
    ('2026-01-05 00:00', '2026-05-02 23:00', 'rest-of-world', '{f,t}', '{1.72, 1.77, 1.82, 1.85, 1.90}'),
    ('2026-01-05 00:00', '2026-06-30 23:00', 'economy',       '{f,t}', '{0.64, 0.69, 0.73, 0.78, 0.82}'),
    ('2026-01-05 00:00', null,               'second',        '{f,t}', '{0.73, 0.77, 0.82, 0.87, 0.91}'),
    ('2026-04-06 23:00', null,               'first',         '{f,t}', '{1.56, 1.61, 1.66, 1.71, 1.76}'),
    ('2026-05-02 23:00', null,               'europe',        '{f,t}', '{1.80, 1.84, 1.88, 1.92, 1.96}'),
    ('2026-05-02 23:00', null,               'rest-of-world', '{f,t}', '{1.80, 1.84, 1.88, 1.92, 1.96}'),
    ('2026-06-30 23:00', null,               'economy',       '{f,t}', '{0.638, 0.684, 0.724, 0.779, 0.823}')
       ) AS period (start_date, end_date, post_class, crowns, rates),
       unnest(crowns::boolean[]) AS crown,
       unnest(rates::numeric[]) WITH ORDINALITY AS price (rate, sheet_count)
 WHERE rate IS NOT NULL;

-- A row holds from its financial year until a later row for the same type of organisation.
INSERT INTO default_annual_allowance
    (id, valid_from_financial_year_start, organisation_type, allowance, notification_type)
VALUES
    ('e88573e7-0208-41a0-8151-4de0fac7efcd', 2016, 'central', 250000, 'sms'),
    ('18b4c13c-c38a-4057-b055-fa00f53283f9', 2016, 'emergency_service', 25000, 'sms'),
    ('916f882c-815c-436b-9cbe-db8569ce0cbc', 2016, 'local', 25000, 'sms'),
    ('8469a139-f6d8-452d-a171-a2decb5b0664', 2016, 'nhs_central', 250000, 'sms'),
    ('57a87067-ea42-4e69-9f28-01a4e7f6da5d', 2016, 'nhs_gp', 25000, 'sms'),
    ('baf655a4-6b7a-47d1-ba92-83f83ee4f3ce', 2016, 'nhs_local', 25000, 'sms'),
    ('bee907d7-a39f-474a-a28a-1c454a3a24e1', 2016, 'other', 25000, 'sms'),
    ('30ffb21e-f28a-4477-b6cf-09ec9151cdfc', 2016, 'school_or_college', 25000, 'sms'),
    ('47266278-eb11-43a3-b6d0-320d4cfcaf17', 2021, 'central', 150000, 'sms'),
    ('2ccf09ce-fb8e-4bbe-afd7-c156718b63ed', 2021, 'emergency_service', 25000, 'sms'),
    ('96986306-b679-4a70-8fd5-0385e2f4e38c', 2021, 'local', 25000, 'sms'),
    ('f2a0bfa4-ac09-4c32-adee-6410427e0872', 2021, 'nhs_central', 150000, 'sms'),
    ('a04dfd08-54d7-438a-b437-e3d089b07ed2', 2021, 'nhs_gp', 10000, 'sms'),
    ('5b78c0de-0d77-44d8-bde3-3604bdc7707e', 2021, 'nhs_local', 25000, 'sms'),
    ('98374569-dc8b-469c-be5e-071c634a00a1', 2021, 'other', 10000, 'sms'),
    ('194ea847-320e-4663-b06a-bbd63f831aca', 2021, 'school_or_college', 10000, 'sms'),
    ('6ed51647-ffc0-4115-adec-a6593334adbb', 2022, 'central', 40000, 'sms'),
    ('68514c78-219a-4feb-9993-932a90565ab9', 2022, 'emergency_service', 20000, 'sms'),
    ('a1cf2d1f-a473-4fff-b801-0571938449cf', 2022, 'local', 20000, 'sms'),
    ('595e1ae1-b78e-4922-8c3a-ed9100a0356e', 2022, 'nhs_central', 40000, 'sms'),
    ('245f1c44-a669-486a-9938-6d3281cd556b', 2022, 'nhs_gp', 10000, 'sms'),
    ('32e9d36d-6e60-4387-922d-c5747d26e2d3', 2022, 'nhs_local', 20000, 'sms'),
    ('bf6fdc17-d033-4724-bfc5-598470bb2ff8', 2022, 'other', 10000, 'sms'),
    ('a310c613-2a7c-42d3-8a95-85e82173b4ee', 2022, 'school_or_college', 10000, 'sms'),
    ('450825e2-927a-4413-9bf6-19a42ed66a37', 2023, 'central', 40000, 'sms'),
    ('e3938653-4ec8-4928-b7c1-2c614a01ee28', 2023, 'emergency_service', 20000, 'sms'),
    ('4c30519a-48a6-49ad-884b-a30c0b1d0cf9', 2023, 'local', 20000, 'sms'),
    ('3a9efa73-7bf6-48e4-b1a1-9baaaef6b902', 2023, 'nhs_central', 40000, 'sms'),
    ('aff5e21e-f68a-4864-804c-2ece82adfdde', 2023, 'nhs_gp', 10000, 'sms'),
    ('e169662f-8c2c-4374-b5d1-92e336f7cc5a', 2023, 'nhs_local', 20000, 'sms'),
    ('65ac216b-7e45-4862-b6fd-35465b39d22e', 2023, 'other', 10000, 'sms'),
    ('7595f477-18b2-4b75-ab0e-f884ee3a2fe2', 2023, 'school_or_college', 10000, 'sms'),
    (gen_random_uuid(), 2016, 'nhs_notify', 0, 'sms'),
    (gen_random_uuid(), 2024, 'central', 30000, 'sms'),
    (gen_random_uuid(), 2024, 'emergency_service', 10000, 'sms'),
    (gen_random_uuid(), 2024, 'local', 10000, 'sms'),
    (gen_random_uuid(), 2024, 'nhs_central', 30000, 'sms'),
    (gen_random_uuid(), 2024, 'nhs_gp', 0, 'sms'),
    (gen_random_uuid(), 2024, 'nhs_local', 10000, 'sms'),
    (gen_random_uuid(), 2024, 'other', 5000, 'sms'),
    (gen_random_uuid(), 2024, 'school_or_college', 5000, 'sms'),
    (gen_random_uuid(), 2026, 'central', 20000, 'sms'),
    (gen_random_uuid(), 2026, 'emergency_service', 10000, 'sms'),
    (gen_random_uuid(), 2026, 'local', 10000, 'sms'),
    (gen_random_uuid(), 2026, 'nhs_central', 20000, 'sms'),
    (gen_random_uuid(), 2026, 'nhs_gp', 0, 'sms'),
    (gen_random_uuid(), 2026, 'nhs_local', 10000, 'sms'),
    (gen_random_uuid(), 2026, 'other', 5000, 'sms'),
    (gen_random_uuid(), 2026, 'school_or_college', 5000, 'sms');

-- Branding. The NHS rows are named by id in the settings.

INSERT INTO email_branding (id, name, brand_type, colour, logo, text, alt_text) VALUES
    ('a7dc4e56-660b-4db7-8cff-12c37b12b5ea', 'NHS', 'org', null,
     '1ac6f483-3105-4c9e-9017-dd7fb2752c44-nhs-blue_x2.png', null, 'NHS'),
    ('9d25d02d-2915-4e98-874b-974e123e8536', 'UK Visas & Immigration', 'org', '#9325b2',
     'ho_crest_27px_x2.png', 'UK Visas & Immigration', null),
    ('123496d4-44cb-4324-8e0a-4187101f4bdc', 'data gov.uk', 'org', '',
     'data_gov_uk_x2.png', 'data gov.uk', null),
    ('89ce468b-fb29-4d5d-bd3f-d468fb6f7c36', 'een', 'org', '', 'een_x2.png', 'een', null),
    ('1d70f564-919b-4c68-8bdf-b8520d92516e', 'tfl', 'org', '', 'tfl_dar_x2.png', 'tfl', null);

INSERT INTO letter_branding (id, name, filename) VALUES
    ('2cd354bb-6b85-eda3-c0ad-6b613150459f', 'NHS', 'nhs'),
    (gen_random_uuid(), 'ACAS', 'acas'),
    (gen_random_uuid(), 'Anglesey Council', 'anglesey'),
    (gen_random_uuid(), 'Angus Council', 'angus'),
    (gen_random_uuid(), 'Bournemouth Borough Council', 'bournemouth'),
    (gen_random_uuid(), 'Brighton and Hove city council', 'brighton-hove'),
    (gen_random_uuid(), 'Buckinghamshire County Council', 'buckinghamshire'),
    (gen_random_uuid(), 'CADW', 'cadw'),
    (gen_random_uuid(), 'Cheshire East Council', 'cheshire-east'),
    (gen_random_uuid(), 'Companies House', 'ch'),
    (gen_random_uuid(), 'DWP (Welsh)', 'dwp-welsh'),
    (gen_random_uuid(), 'Department for Communities', 'dept-for-communities'),
    (gen_random_uuid(), 'Department for Work and Pensions', 'dwp'),
    (gen_random_uuid(), 'Disclosure and Barring Service', 'dbs'),
    (gen_random_uuid(), 'East Riding of Yorkshire Council', 'eryc'),
    (gen_random_uuid(), 'Environment Agency (PDF letters ONLY)', 'ea'),
    (gen_random_uuid(), 'Government Equalities Office', 'geo'),
    (gen_random_uuid(), 'HM Government', 'hm-government'),
    (gen_random_uuid(), 'HM Passport Office', 'hmpo'),
    (gen_random_uuid(), 'Hackney Council', 'hackney'),
    (gen_random_uuid(), 'Hampshire County Council', 'hants'),
    (gen_random_uuid(), 'Land Registry', 'hm-land-registry'),
    (gen_random_uuid(), 'Marine Management Organisation', 'mmo'),
    (gen_random_uuid(), 'Natural Resources Wales', 'natural-resources-wales'),
    (gen_random_uuid(), 'Neath Port Talbot Council', 'npt'),
    (gen_random_uuid(), 'Newham Council', 'newham'),
    (gen_random_uuid(), 'North Somerset Council', 'north-somerset'),
    (gen_random_uuid(), 'North Yorkshire Council', 'north-yorkshire'),
    (gen_random_uuid(), 'Office of the Public Guardian', 'opg'),
    (gen_random_uuid(), 'Ofgem', 'ofgem'),
    (gen_random_uuid(), 'Pension Wise', 'pension-wise'),
    (gen_random_uuid(), 'Redbridge Council', 'redbridge'),
    (gen_random_uuid(), 'Rother District Council', 'rother'),
    (gen_random_uuid(), 'Rother and Wealden', 'wdc'),
    (gen_random_uuid(), 'Thames Valley Police', 'thames-valley-police'),
    (gen_random_uuid(), 'Tyne and Wear Fire and Rescue Service', 'twfrs'),
    (gen_random_uuid(), 'Vale of Glamorgan', 'vale-of-glamorgan'),
    (gen_random_uuid(), 'Warwickshire Council', 'warwickshire'),
    (gen_random_uuid(), 'Welsh Revenue Authority', 'wra'),
    (gen_random_uuid(), 'Wigan Council', 'wigan'),
    (gen_random_uuid(), 'Worcestershire County Council', 'worcestershire');

-- Organisations.

INSERT INTO organisation
    (id, name, active, created_at, organisation_type, crown, agreement_signed,
     can_approve_own_go_live_requests)
VALUES
    ('38e4bf69-93b0-445d-acee-53ea53fe02df',
     'Broadcast Services (' || current_setting('postroom.environment') || ')',
     true, now() AT TIME ZONE 'UTC', 'central', null, null, false),
    ('477f8870-af2b-4b81-9a2c-1fad12028919', 'NHS Notify',
     true, now() AT TIME ZONE 'UTC', 'nhs_notify', false, true, true);

INSERT INTO organisation_permissions (id, organisation_id, permission, created_at) VALUES
    (gen_random_uuid(), '38e4bf69-93b0-445d-acee-53ea53fe02df', 'can_ask_to_join_a_service',
     now() AT TIME ZONE 'UTC');

-- The service that sends the system's own messages, and the user who owns it. Nobody can sign in as
-- that user: the password is a well-formed bcrypt hash of nothing that anybody knows.

INSERT INTO users
    (id, name, email_address, mobile_number, state, auth_type, platform_admin, failed_login_count,
     _password, created_at, password_changed_at, email_access_validated_at)
SELECT '6af522d0-2915-4e52-83a3-3690455a5fe6', 'GOV.UK Notify',
       'notify-service-user@digital.cabinet-office.gov.uk', '+441234123412', 'active', 'sms_auth',
       false, 0,
       '$2b$10$' || left(replace(gen_random_uuid()::text, '-', ''), 21) || '.'
                 || left(replace(gen_random_uuid()::text, '-', ''), 30) || '.',
       moment, moment, moment
  FROM (SELECT now() AT TIME ZONE 'UTC') AS started (moment);

INSERT INTO services
    (id, name, normalised_service_name, email_sender_local_part, created_by_id, version, active,
     restricted, prefix_sms, crown, rate_limit, email_message_limit, sms_message_limit,
     letter_message_limit, international_sms_message_limit, has_active_go_live_request,
     created_at, updated_at)
VALUES
    ('d6aa2c68-a2d9-4437-ab19-3ae8eb202553', 'GOV.UK Notify', 'gov.uk.notify', 'gov.uk.notify',
     '6af522d0-2915-4e52-83a3-3690455a5fe6', 1, true, false, false, true, 3000, 1000, 1000, 20000,
     100, false, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC');

-- Its history holds other limits at the same version: Notify's does, too.
INSERT INTO services_history
    (id, name, normalised_service_name, email_sender_local_part, created_by_id, version, active,
     restricted, prefix_sms, crown, rate_limit, email_message_limit, sms_message_limit,
     letter_message_limit, international_sms_message_limit, has_active_go_live_request, created_at)
SELECT id, name, normalised_service_name, email_sender_local_part, created_by_id, version, active,
       restricted, prefix_sms, crown, rate_limit, 999999999, 999999999, 999999999, 250000,
       has_active_go_live_request, created_at
  FROM services;

INSERT INTO user_to_service (user_id, service_id) VALUES
    ('6af522d0-2915-4e52-83a3-3690455a5fe6', 'd6aa2c68-a2d9-4437-ab19-3ae8eb202553');

INSERT INTO service_permissions (service_id, permission, created_at) VALUES
    ('d6aa2c68-a2d9-4437-ab19-3ae8eb202553', 'email', '2017-05-26 17:30'),
    ('d6aa2c68-a2d9-4437-ab19-3ae8eb202553', 'sms', '2017-05-26 17:30'),
    ('d6aa2c68-a2d9-4437-ab19-3ae8eb202553', 'international_sms', now() AT TIME ZONE 'UTC'),
    ('d6aa2c68-a2d9-4437-ab19-3ae8eb202553', 'international_letters', now() AT TIME ZONE 'UTC');

-- The number is the sender of text messages abroad.
INSERT INTO inbound_numbers (id, number, provider, active, created_at) VALUES
    (gen_random_uuid(), '07984404008', 'mmg', false, now() AT TIME ZONE 'UTC');

INSERT INTO service_sms_senders (id, sms_sender, service_id, is_default, created_at) VALUES
    ('286d6176-adbe-7ea7-ba26-b7606ee5e2a4', 'GOVUK',
     'd6aa2c68-a2d9-4437-ab19-3ae8eb202553', true, now() AT TIME ZONE 'UTC'),
    ('d24b830b-57b4-4f14-bd80-02f46f8d54de', '07984404008',
     'd6aa2c68-a2d9-4437-ab19-3ae8eb202553', false, now() AT TIME ZONE 'UTC');

INSERT INTO service_email_reply_to (id, service_id, email_address, is_default, created_at) VALUES
    ('b3a58d57-2337-662a-4cba-40792a9322f2', 'd6aa2c68-a2d9-4437-ab19-3ae8eb202553',
     'notify+1@digital.cabinet-office.gov.uk', false, now() AT TIME ZONE 'UTC');

-- A financial year begins on 1 April in London: three months earlier, that is 1 January.
INSERT INTO annual_billing
    (id, service_id, financial_year_start, free_sms_fragment_limit, created_at, updated_at)
VALUES
    (gen_random_uuid(), 'd6aa2c68-a2d9-4437-ab19-3ae8eb202553',
     extract(year FROM now() AT TIME ZONE 'Europe/London' - interval '3 months'), 250000,
     now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC');

-- What that service sends. The settings name these templates by id.

INSERT INTO templates
    (id, name, template_type, subject, content, service_id, created_by_id, version, archived, hidden,
     has_unsubscribe_link, created_at)
SELECT id::uuid, name, template_type::template_type, subject, content,
       'd6aa2c68-a2d9-4437-ab19-3ae8eb202553', '6af522d0-2915-4e52-83a3-3690455a5fe6', 1, false,
       false, false, now() AT TIME ZONE 'UTC'
  FROM (VALUES

-- To people who register, sign in or change their details. The subject of a text message is the word
-- "None", as Notify has it; nothing reads it.

('ece42649-22a8-4d06-b87f-d52d5d3f0a27', 'Notify email verification code', 'email',
 'Finish creating your GOV.UK Notify account',
$$Hello ((name)),

To finish creating your GOV.UK Notify account, open this link:

((url))

If you did not ask for an account, you do not need to do anything.$$),

('36fb0730-6259-4da1-8a80-c8de22ad4246', 'Notify SMS verify code', 'sms', 'None',
$$Your code to sign in to GOV.UK Notify is ((verify_code))$$),

('299726d2-dba6-42b8-8209-30e1d66ea164', 'Email sign in link', 'email',
 'Your link to sign in to GOV.UK Notify',
$$Hello ((name)),

Open this link to sign in to GOV.UK Notify:

((url))

If you did not try to sign in, you do not need to do anything.$$),

('474e9242-823b-4f99-813d-ed392e7f1201', 'Notify password reset email', 'email',
 'Choose a new password for GOV.UK Notify',
$$Hello ((user_name)),

Somebody asked for a new password for your GOV.UK Notify account. If it was you, choose one here:

((url))

If it was not you, ignore this email. Your old password still works.$$),

('0880fbb1-a0c6-46f0-9a8e-36c986381ceb', 'Your GOV.UK Notify account', 'email',
 'You already have a GOV.UK Notify account',
$$Somebody tried to register with this email address. It has a GOV.UK Notify account already.

Sign in here:

((signin_url))

If you do not remember your password, choose a new one here:

((forgot_password_url))

If it was not you who tried, tell us:

((feedback_url))$$),

('eb4d9930-87ab-4aef-9bce-786762687884', 'Confirm your new email address', 'email',
 'Confirm that this email address is yours',
$$Hello ((name)),

Open this link to use this email address with your GOV.UK Notify account:

((url))

If you did not ask for this change, tell us:

((feedback_url))$$),

('c73f1d71-4049-46d5-a647-d013bdeca3f0', 'Email address changed by service manager', 'email',
 'The email address of your GOV.UK Notify account is different now',
$$Hello ((name)),

((servicemanagername)) has changed the email address of your GOV.UK Notify account to ((email address)).

From now on, sign in with that address.$$),

('8a31520f-4751-4789-8ea1-fe54496725eb', 'Phone number changed by service manager', 'sms', 'None',
$$((servicemanagername)) has changed the phone number of your GOV.UK Notify account. Codes to sign in will now come to this phone.$$),

-- Invitations, and requests to be invited.

('4f46df42-f795-4cc4-83bb-65ca312f49cc', 'Notify invitation email', 'email',
 '((user_name)) invites you to ((service_name)) on GOV.UK Notify',
$$((user_name)) would like you to join the team of ‘((service_name))’ on GOV.UK Notify, where it writes and sends its emails, text messages and letters.

To join, open this link:

((url))

The link works for a short time only.$$),

('203566f0-d835-47c5-aa06-932439c86573', 'Notify organisation invitation email', 'email',
 '((user_name)) invites you to ((organisation_name)) on GOV.UK Notify',
$$((user_name)) would like you to join the team of ‘((organisation_name))’ on GOV.UK Notify, where you can see its services and how much they use.

To join, open this link:

((url))

The link works for a short time only.$$),

('46152f7c-6901-41d5-8590-a5624d0d4359', 'Notify broadcast invitation email', 'email',
 '((user_name)) invites you to ((service_name)) on GOV.UK Notify',
$$((user_name)) would like you to join the team of ‘((service_name))’, which broadcasts emergency alerts.

To join, open this link:

((url))$$),

('77677459-f862-44ee-96d9-b8cb2323d407', 'Request invite to a service', 'email',
 '((requester_name)) would like to join ((service_name))',
$$Hello ((approver_name)),

((requester_name)) would like to join the team of ‘((service_name))’ on GOV.UK Notify.

((reason_given??They told us why:))

^ ((reason))

Accept or refuse the request here:

((url))

If you have questions, write to ((requester_name)) at ((requester_email_address)).$$),

('38bcd263-6ce8-431f-979d-8e637c1f0576', 'You have asked to join a GOV.UK Notify service', 'email',
 'Your request to join ((service_name))',
$$Hello ((requester_name)),

We have passed on your request to join ‘((service_name))’ to:

((service_admin_names))

If nobody answers, you can ask somebody else here:

((url_ask_to_join_page))$$),

('4d8ee728-100e-4f0e-8793-5638cfa4ffa4', '03 - Requester - Your request has been approved', 'email',
 'You can now use ((service_name))',
$$Hello ((requester_name)),

((approver_name)) has let you join the team of ‘((service_name))’. Begin here:

((dashboard_url))$$),

-- Going live.

('618185c6-3636-49cd-b7d2-6f6f5eb3bdde', 'Automated "You''re now live" message', 'email',
 '((service name)) is live on GOV.UK Notify',
$$Hello ((name)),

‘((service name))’ is live. It can now send messages to anybody.

Make new API keys for live messages: those you tested with go on reaching only your team.$$),

('5c7cfc0f-c3f4-4bd6-9a84-5a144aad5425', 'Service wants to go live (for organisation users)', 'email',
 'Decide whether ((service_name)) may go live',
$$Hello ((name)),

((requester_name)) asks to make ‘((service_name))’ live. It belongs to ‘((organisation_name))’, so the decision is yours.

Accept or refuse the request here:

((make_service_live_link))

If you have questions about the service, write to ((requester_name)) at ((requester_email_address)). If you need our help, write to us:

((support_page_link))$$),

('c7083bfe-1b9a-4ff9-bd5c-30508727df6e',
 'Receipt email after requesting to go live (self-approval)', 'email',
 'Your request to make ((service_name)) live',
$$Hello ((name)),

We have passed on your request to make ‘((service_name))’ live to these people at ‘((organisation_name))’:

((organisation_team_member_names))

We will email you when one of them has decided.$$),

('507d0796-9e23-4ad7-b83b-5efbd9496866', 'Reject self-service go live request', 'email',
 '((service_name)) cannot go live yet',
$$Hello ((name)),

((organisation_team_member_name)) at ‘((organisation_name))’ has refused your request to make ‘((service_name))’ live, and says:

^ ((reason))

If you have questions, write to them at ((organisation_team_member_email)).$$),

('62f12a62-742b-4458-9336-741521b131c7',
 'Reminder: continue self-service go live journey (for organisation users)', 'email',
 'What to do next about ((service_name))',
$$((body))$$),

-- Agreements.

('4fd2e43c-309b-4e50-8fb8-1955852d9d71', 'MOU Signed By Receipt', 'email',
 'You have accepted the GOV.UK Notify agreement',
$$Hello ((signed_by_name)),

You have accepted the agreement to use GOV.UK Notify for ((org_name)). Keep a copy of it:

((mou_link))$$),

('522b6657-5ca5-4368-a294-6b527703bd0b', 'MOU Signed On Behalf Of Receipt - On Behalf Of', 'email',
 'The GOV.UK Notify agreement has been accepted in your name',
$$Hello ((on_behalf_of_name)),

((signed_by_name)) has accepted the agreement to use GOV.UK Notify for ((org_name)) in your name. Keep a copy of it:

((mou_link))$$),

('c20206d5-bf03-4002-9a90-37d5032d9e84', 'MOU Signed On Behalf Of Receipt - Signed by', 'email',
 'You have accepted the GOV.UK Notify agreement for somebody else',
$$Hello ((signed_by_name)),

You have accepted the agreement to use GOV.UK Notify for ((org_name)), in the name of ((on_behalf_of_name)). Keep a copy of it:

((mou_link))$$),

('d0e66c4c-0c50-43f0-94f5-f85b613202d4', 'MOU Signed Notify Team Alert', 'email',
 'An organisation has accepted the agreement',
$$((signed_by_name)) has accepted the agreement for ((org_name)). Its services are here:

((org_dashboard_link))$$),

-- The rest.

('a42f1d17-9404-46d5-a647-d013bdfca3e1', 'Verify email reply-to address for a service', 'email',
 'Testing your reply-to email address',
$$This email tests whether a reply-to address takes messages. You do not need to do anything.$$),

('11fad854-fd38-4a7c-bd17-805fb13dfc12', 'Notify daily letter volumes', 'email',
 'GOV.UK Notify letters for ((date))',
$$Letters to print on ((date))

Together: ((total_volume)) letters, ((total_sheets)) sheets

First class: ((first_class_volume)) letters, ((first_class_sheets)) sheets

Second class: ((second_class_volume)) letters, ((second_class_sheets)) sheets

Economy: ((economy_mail_volume)) letters, ((economy_mail_sheets)) sheets

International: ((international_volume)) letters, ((international_sheets)) sheets$$),

('55bcb671-4924-46c5-a00d-1a9d48458008', 'New user survey', 'email',
 'How are you getting on with GOV.UK Notify?',
$$Hello ((name)),

You began to use GOV.UK Notify not long ago. What went well, and what was hard? Reply to this email and tell us.$$)

       ) AS own (id, name, template_type, subject, content);

-- Both tables have the same columns in the same order.
INSERT INTO templates_history SELECT * FROM templates;

-- Notify's history of this one differs from the template at the same version.
UPDATE templates_history
   SET subject = 'Confirm your registration with GOV.UK Notify',
       content = $$Hello ((name)),

Open this link to confirm your registration with GOV.UK Notify:

((url))$$
 WHERE id = 'ece42649-22a8-4d06-b87f-d52d5d3f0a27';

-- Notify has no such row for the broadcast invitation and the letter volumes.
INSERT INTO template_redacted (template_id, redact_personalisation, updated_at, updated_by_id)
SELECT id, false, now() AT TIME ZONE 'UTC', created_by_id
  FROM templates
 WHERE id NOT IN ('46152f7c-6901-41d5-8590-a5624d0d4359', '11fad854-fd38-4a7c-bd17-805fb13dfc12');
