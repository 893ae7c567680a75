-- Statistics over several columns: how many values go together (dependencies) and which are
-- commonest (mcv). They change query plans on big tables only.

CREATE STATISTICS st_dep_api_keys_service_id_created_by_id (dependencies)
    ON service_id, created_by_id FROM api_keys;

CREATE STATISTICS st_dep_ft_billing_ntfcn_type_intnl (dependencies)
    ON notification_type, international FROM ft_billing;
CREATE STATISTICS st_dep_ft_billing_ntfcn_type_postage (dependencies)
    ON notification_type, postage FROM ft_billing;
CREATE STATISTICS st_dep_ft_billing_ntfcn_type_provider (dependencies)
    ON notification_type, provider FROM ft_billing;
CREATE STATISTICS st_dep_ft_billing_ntfcn_type_template_id (dependencies)
    ON template_id, notification_type FROM ft_billing;
CREATE STATISTICS st_dep_ft_billing_provider_postage (dependencies)
    ON provider, postage FROM ft_billing;
CREATE STATISTICS st_dep_ft_billing_service_id_template_id (dependencies)
    ON template_id, service_id FROM ft_billing;

CREATE STATISTICS st_dep_ft_notification_status_job_id_template_id_ntfcn_type (dependencies)
    ON template_id, job_id, notification_type FROM ft_notification_status;
CREATE STATISTICS st_dep_ft_notification_status_service_id_job_id (dependencies)
    ON service_id, job_id FROM ft_notification_status;
CREATE STATISTICS st_dep_ft_notification_status_service_id_template_id (dependencies)
    ON template_id, service_id FROM ft_notification_status;

CREATE STATISTICS st_dep_inb_sms_service_id_ntfy_num_provider (dependencies)
    ON service_id, notify_number, provider FROM inbound_sms;

CREATE STATISTICS st_dep_inb_sms_hist_service_id_ntfy_num_provider (dependencies)
    ON service_id, notify_number, provider FROM inbound_sms_history;

CREATE STATISTICS st_dep_inv_org_users_inv_by_id_org_id (dependencies)
    ON invited_by_id, organisation_id FROM invited_organisation_users;

CREATE STATISTICS st_dep_inv_users_user_id_service_id (dependencies)
    ON user_id, service_id FROM invited_users;

CREATE STATISTICS st_dep_jobs_service_id_contact_list_id (dependencies)
    ON service_id, contact_list_id FROM jobs;
CREATE STATISTICS st_dep_jobs_service_id_created_by_id (dependencies)
    ON service_id, created_by_id FROM jobs;
CREATE STATISTICS st_dep_jobs_service_id_template_id (dependencies)
    ON service_id, template_id FROM jobs;

CREATE STATISTICS st_dep_notification_history_job_id_tpt_id_ntfcn_type (dependencies)
    ON job_id, template_id, notification_type FROM notification_history;
CREATE STATISTICS st_dep_notification_history_ntfcn_type_doc_dl (dependencies)
    ON notification_type, document_download_count FROM notification_history;
CREATE STATISTICS st_dep_notification_history_ntfcn_type_intnl (dependencies)
    ON notification_type, international FROM notification_history;
CREATE STATISTICS st_dep_notification_history_ntfcn_type_phone_prefix (dependencies)
    ON notification_type, phone_prefix FROM notification_history;
CREATE STATISTICS st_dep_notification_history_ntfcn_type_postage (dependencies)
    ON notification_type, postage FROM notification_history;
CREATE STATISTICS st_dep_notification_history_ntfcn_type_sent_by (dependencies)
    ON notification_type, sent_by FROM notification_history;
CREATE STATISTICS st_dep_notification_history_phone_prefix_intnl (dependencies)
    ON international, phone_prefix FROM notification_history;
CREATE STATISTICS st_dep_notification_history_sent_by_postage (dependencies)
    ON sent_by, postage FROM notification_history;
CREATE STATISTICS st_dep_notification_history_service_id_api_key_id (dependencies)
    ON service_id, api_key_id FROM notification_history;
CREATE STATISTICS st_dep_notification_history_service_id_cby_id (dependencies)
    ON service_id, created_by_id FROM notification_history;
CREATE STATISTICS st_dep_notification_history_service_id_job_id (dependencies)
    ON job_id, service_id FROM notification_history;
CREATE STATISTICS st_dep_notification_history_service_id_tpt_id (dependencies)
    ON service_id, template_id FROM notification_history;
CREATE STATISTICS st_mcv_notification_history_ntfcn_type_status (mcv)
    ON notification_type, notification_status FROM notification_history;
CREATE STATISTICS st_mcv_notification_history_service_id_key_type (mcv)
    ON service_id, key_type FROM notification_history;
CREATE STATISTICS st_mcv_notification_history_service_id_ntfcn_type (mcv)
    ON service_id, notification_type FROM notification_history;

CREATE STATISTICS st_dep_notifications_job_id_template_id_notification_type (dependencies)
    ON job_id, template_id, notification_type FROM notifications;
CREATE STATISTICS st_dep_notifications_ntfcn_type_doc_dl (dependencies)
    ON notification_type, document_download_count FROM notifications;
CREATE STATISTICS st_dep_notifications_ntfcn_type_intnl (dependencies)
    ON notification_type, international FROM notifications;
CREATE STATISTICS st_dep_notifications_ntfcn_type_phone_prefix (dependencies)
    ON notification_type, phone_prefix FROM notifications;
CREATE STATISTICS st_dep_notifications_ntfcn_type_postage (dependencies)
    ON notification_type, postage FROM notifications;
CREATE STATISTICS st_dep_notifications_ntfcn_type_sent_by (dependencies)
    ON sent_by, notification_type FROM notifications;
CREATE STATISTICS st_dep_notifications_phone_prefix_intnl (dependencies)
    ON international, phone_prefix FROM notifications;
CREATE STATISTICS st_dep_notifications_sent_by_postage (dependencies)
    ON sent_by, postage FROM notifications;
CREATE STATISTICS st_dep_notifications_service_id_api_key_id (dependencies)
    ON service_id, api_key_id FROM notifications;
CREATE STATISTICS st_dep_notifications_service_id_cby_id (dependencies)
    ON service_id, created_by_id FROM notifications;
CREATE STATISTICS st_dep_notifications_service_id_job_id (dependencies)
    ON job_id, service_id FROM notifications;
CREATE STATISTICS st_dep_notifications_service_id_template_id (dependencies)
    ON service_id, template_id FROM notifications;
CREATE STATISTICS st_mcv_notifications_notification_type_status (mcv)
    ON notification_type, notification_status FROM notifications;
CREATE STATISTICS st_mcv_notifications_service_id_key_type (mcv)
    ON service_id, key_type FROM notifications;
CREATE STATISTICS st_mcv_notifications_service_id_notification_type (mcv)
    ON service_id, notification_type FROM notifications;

CREATE STATISTICS st_dep_permissions_service_id_user_id (dependencies)
    ON service_id, user_id FROM permissions;

CREATE STATISTICS st_dep_report_requests_service_id_user_id (dependencies)
    ON user_id, service_id FROM report_requests;

CREATE STATISTICS st_dep_template_folder_service_id_parent_id (dependencies)
    ON service_id, parent_id FROM template_folder;

CREATE STATISTICS st_dep_templates_service_id_ctd_by_id (dependencies)
    ON service_id, created_by_id FROM templates;
CREATE STATISTICS st_dep_templates_service_id_let_att_id (dependencies)
    ON service_id, letter_attachment_id FROM templates;
CREATE STATISTICS st_dep_templates_service_id_sv_let_cct_id (dependencies)
    ON service_id, service_letter_contact_id FROM templates;
CREATE STATISTICS st_dep_templates_tpt_type_has_unsub_lnk (dependencies)
    ON template_type, has_unsubscribe_link FROM templates;
CREATE STATISTICS st_dep_templates_tpt_type_letter_lang (dependencies)
    ON template_type, letter_languages FROM templates;
CREATE STATISTICS st_dep_templates_tpt_type_postage (dependencies)
    ON template_type, postage FROM templates;

CREATE STATISTICS st_dep_templates_history_service_id_ctd_by_id (dependencies)
    ON service_id, created_by_id FROM templates_history;
CREATE STATISTICS st_dep_templates_history_service_id_let_att_id (dependencies)
    ON service_id, letter_attachment_id FROM templates_history;
CREATE STATISTICS st_dep_templates_history_service_id_sv_let_cct_id (dependencies)
    ON service_id, service_letter_contact_id FROM templates_history;
CREATE STATISTICS st_dep_templates_history_tpt_type_has_unsub_lnk (dependencies)
    ON template_type, has_unsubscribe_link FROM templates_history;
CREATE STATISTICS st_dep_templates_history_tpt_type_letter_lang (dependencies)
    ON template_type, letter_languages FROM templates_history;
CREATE STATISTICS st_dep_templates_history_tpt_type_postage (dependencies)
    ON template_type, postage FROM templates_history;

CREATE STATISTICS st_dep_unsub_req_service_id_tpt_id_ntfcn_id (dependencies)
    ON notification_id, service_id, template_id FROM unsubscribe_request;
CREATE STATISTICS st_dep_unsub_req_service_id_unsub_req_rpt_id (dependencies)
    ON service_id, unsubscribe_request_report_id FROM unsubscribe_request;

CREATE STATISTICS st_dep_unsub_req_history_service_id_tpt_id_ntfcn_id (dependencies)
    ON notification_id, service_id, template_id FROM unsubscribe_request_history;
CREATE STATISTICS st_dep_unsub_req_history_service_id_unsub_req_rpt_id (dependencies)
    ON service_id, unsubscribe_request_report_id FROM unsubscribe_request_history;
