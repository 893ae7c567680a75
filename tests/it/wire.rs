//! The wire message of every task, as a Python worker of the family would read it: name, queue and
//! arguments are a contract.

use domain::NotificationType;
use queue::{Envelope, Task, Trace};
use serde_json::{Value, json};
use tasks::{
    CheckForLowAvailableInboundSmsNumbers, CheckForServicesWithHighFailureRates,
    CreateNightlyNotificationStatus, CreateNightlyNotificationStatusForServiceAndDay, DeliverEmail,
    DeliverSms, GenerateSmsDeliveryStats, ProcessSesResult, ProcessSmsClientResponse,
    RaiseAlertIfEmailSmsStillInCreated, ReplayCreatedNotifications, SendComplaint,
    SendDeliveryStatus, SendInboundSms, SendReturnedLetter, SwitchCurrentSmsProviderOnSlowDelivery,
    TendProvidersBackToMiddle, TimeoutSendingNotifications, times,
};
use uuid::Uuid;

const ID: &str = "3d844edf-8d35-48ac-975b-e847b4f122b0";

/// The queue, name, body and types of the headers of a task as it goes over the wire.
fn wire<T: Task>(task: &T) -> (String, String, Value) {
    let mut trace = Trace::default();
    trace.headers.insert("notify_request_id".to_owned(), json!("request"));
    let envelope = Envelope::new(task, Uuid::nil(), &trace).unwrap();
    let now = time::macros::datetime!(2026-11-24 12:00 UTC);
    let message = queue::wire::encode(&envelope, "gen1@test", "reply", now).unwrap();
    let read = queue::wire::decode(&message, &envelope.queue).unwrap();
    assert_eq!(read.headers.get("notify_request_id"), Some(&json!("request")));
    let body: Value = serde_json::from_slice(&message.body).unwrap();
    let embed = json!({ "callbacks": null, "errbacks": null, "chain": null, "chord": null });
    assert_eq!(body[2], embed);
    (envelope.queue, envelope.task, json!([body[0], body[1]]))
}

fn expect<T: Task>(task: &T, queue: &str, name: &str, arguments: Value) {
    assert_eq!(wire(task), (queue.to_owned(), name.to_owned(), arguments));
}

/// A task without arguments that beat starts.
fn periodic<T: Task + Default>(name: &str) {
    expect(&T::default(), "periodic-tasks", name, json!([[], {}]));
}

#[test]
fn tasks_on_the_wire() {
    let notification_id = ID.parse().unwrap();
    expect(&DeliverSms { notification_id }, "send-sms-tasks", "deliver_sms", json!([[ID], {}]));
    expect(
        &DeliverEmail { notification_id },
        "send-email-tasks",
        "deliver_email",
        json!([[ID], {}]),
    );
    expect(
        &ProcessSmsClientResponse {
            status: "3".to_owned(),
            provider_reference: ID.to_owned(),
            client_name: "MMG".to_owned(),
            detailed_status_code: Some("5".to_owned()),
            delivery_iso_timestamp: None,
            receipt_iso_timestamp: Some("2026-11-24T12:00:00.000000".to_owned()),
        },
        "sms-callbacks",
        "process-sms-client-response",
        json!([["3", ID, "MMG", "5"], { "receipt_iso_timestamp": "2026-11-24T12:00:00.000000" }]),
    );
    expect(
        &ProcessSesResult { response: json!({ "Message": "{}" }), receipt_iso_timestamp: None },
        "ses-callbacks",
        "process-ses-result",
        json!([[{ "Message": "{}" }], {}]),
    );
    expect(
        &SendDeliveryStatus {
            notification_id,
            signed_status_update: "signed".to_owned(),
            receipt_iso_timestamp: None,
        },
        "service-callbacks",
        "send-delivery-status",
        json!([[ID, "signed"], {}]),
    );
    expect(
        &SendComplaint { complaint_data: "signed".to_owned() },
        "service-callbacks",
        "send-complaint",
        json!([["signed"], {}]),
    );
    expect(
        &SendInboundSms { inbound_sms_id: ID.parse().unwrap(), service_id: ID.parse().unwrap() },
        "service-callbacks",
        "send-inbound-sms",
        json!([[ID, ID], {}]),
    );
    expect(
        &SendReturnedLetter { returned_letter_data: "signed".to_owned() },
        "service-callbacks",
        "send-returned-letter",
        json!([["signed"], {}]),
    );
    periodic::<ReplayCreatedNotifications>("replay-created-notifications");
    periodic::<tasks::SendScheduledNotifications>("send-scheduled-notifications");
    periodic::<tasks::DeleteInboundSms>("delete-inbound-sms");
    periodic::<tasks::DeleteVerifyCodes>("delete-verify-codes");
    periodic::<tasks::DeleteInvitations>("delete-invitations");
    periodic::<tasks::DeleteOldRecordsFromEventsTable>("delete-old-records-from-events-table");
    periodic::<tasks::ArchivePendingFiles>("archive-pending-files");
    periodic::<tasks::RemoveArchivedTemplateEmailFilesFromS3>(
        "remove-archived-template-email-files-from-s3",
    );
    periodic::<tasks::UpdateReportStatusToDeleted>("update-report-status-to-deleted");
    periodic::<TimeoutSendingNotifications>("timeout-sending-notifications");
    periodic::<SwitchCurrentSmsProviderOnSlowDelivery>(
        "switch-current-sms-provider-on-slow-delivery",
    );
    periodic::<TendProvidersBackToMiddle>("tend-providers-back-to-middle");
    periodic::<GenerateSmsDeliveryStats>("generate-sms-delivery-stats");
    periodic::<RaiseAlertIfEmailSmsStillInCreated>("raise-alert-if-email-sms-still-in-created");
    periodic::<CheckForServicesWithHighFailureRates>(
        "check-for-services-with-high-failure-rates-or-sending-to-tv-numbers",
    );
    periodic::<CheckForLowAvailableInboundSmsNumbers>(
        "check-for-low-available-inbound-sms-numbers",
    );
}

#[test]
fn the_nights_tasks_on_the_wire() {
    let (service_id, notification_type) = (ID.parse().unwrap(), NotificationType::Sms);
    let day = times::WireDate(time::macros::date!(2026 - 11 - 23));
    expect(
        &CreateNightlyNotificationStatus {},
        "reporting-tasks",
        "create-nightly-notification-status",
        json!([[], {}]),
    );
    expect(
        &CreateNightlyNotificationStatusForServiceAndDay {
            process_day: day,
            service_id,
            notification_type,
        },
        "reporting-tasks",
        "create-nightly-notification-status-for-service-and-day",
        json!([[], { "process_day": "2026-11-23", "service_id": ID, "notification_type": "sms" }]),
    );
    let one_day = json!([[], { "process_day": "2026-11-23" }]);
    expect(
        &tasks::CreateNightlyBilling::default(),
        "reporting-tasks",
        "create-nightly-billing",
        json!([[], { "n_days": 10 }]),
    );
    expect(
        &tasks::CreateOrUpdateFtBillingForDay {
            process_day: day,
            notification_type: None,
            service_id: None,
        },
        "reporting-tasks",
        "create-or-update-ft-billing-for-day",
        one_day.clone(),
    );
    expect(
        &tasks::CreateOrUpdateFtBillingForDay {
            process_day: day,
            notification_type: Some(notification_type),
            service_id: Some(service_id),
        },
        "reporting-tasks",
        "create-or-update-ft-billing-for-day",
        json!([[], { "process_day": "2026-11-23", "service_id": ID, "notification_type": "sms" }]),
    );
    expect(
        &tasks::CreateNightlyBillingForDay { process_day: day },
        "reporting-tasks",
        "create-nightly-billing-for-day",
        one_day.clone(),
    );
    expect(
        &tasks::CreateOrUpdateFtBillingLetterDespatchForDay { process_day: day },
        "reporting-tasks",
        "create-or-update-ft-billing-letter-despatch-for-day",
        one_day,
    );
    let nothing = json!([[], {}]);
    expect(
        &tasks::UpdateFtBillingForToday {},
        "reporting-tasks",
        "update-ft-billing-for-today",
        nothing.clone(),
    );
    expect(
        &tasks::RunPopulateAnnualBilling {},
        "periodic-tasks",
        "run-populate-annual-billing",
        nothing,
    );
    periodic::<tasks::SaveDailyNotificationProcessingTime>(
        "save-daily-notification-processing-time",
    );
}

#[test]
fn archives_and_reports_on_the_wire() {
    let service_id: domain::ServiceId = ID.parse().unwrap();
    expect(
        &tasks::ArchiveUnsubscribeRequests {},
        "reporting-tasks",
        "archive-unsubscribe-requests",
        json!([[], {}]),
    );
    expect(
        &tasks::ArchiveBatchedUnsubscribeRequests { service_id },
        "reporting-tasks",
        "archive-batched-unsubscribe-requests",
        json!([[ID], {}]),
    );
    expect(
        &tasks::ArchiveOldUnsubscribeRequests { service_id },
        "reporting-tasks",
        "archive-old-unsubscribe-requests",
        json!([[ID], {}]),
    );
    expect(
        &tasks::ProcessReportRequest { service_id, report_request_id: ID.parse().unwrap() },
        "report-requests-notifications-tasks",
        "process-report-request",
        json!([[], { "service_id": ID, "report_request_id": ID }]),
    );
}

#[test]
fn messages_of_older_producers_are_understood() {
    let four = json!({ "status": "3", "provider_reference": ID, "client_name": "MMG",
                       "detailed_status_code": null });
    let task: ProcessSmsClientResponse = serde_json::from_value(four).unwrap();
    assert_eq!(task.receipt_iso_timestamp, None);
}

#[test]
fn letters_on_the_wire() {
    use tasks::letters as l;
    let notification_id: domain::NotificationId = ID.parse().unwrap();
    let filename = || "NOTIFY.FOO.D.2.C.20171204172900.PDF".to_owned();
    let (file, empty) = (json!({ "filename": filename() }), json!([]));
    expect(
        &l::GetPdfForTemplatedLetter { notification_id },
        "create-letters-pdf-tasks",
        "get-pdf-for-templated-letter",
        json!([[ID], {}]),
    );
    expect(
        &l::CreatePdfForTemplatedLetter { signed_letter: "signed".to_owned() },
        "sanitise-letter-tasks",
        "create-pdf-for-templated-letter",
        json!([["signed"], {}]),
    );
    let pages = json!({ "notification_id": ID, "page_count": 3 });
    expect(
        &l::UpdateBillableUnitsForLetter { notification_id, page_count: 3 },
        "letter-tasks",
        "update-billable-units-for-letter",
        json!([empty, pages]),
    );
    expect(
        &l::UpdateValidationFailedForTemplatedLetter { notification_id, page_count: 3 },
        "letter-tasks",
        "update-validation-failed-for-templated-letter",
        json!([empty, pages]),
    );
    expect(
        &l::ScanFile { filename: filename() },
        "antivirus-tasks",
        "scan-file",
        json!([empty, file]),
    );
    expect(
        &l::SanitiseLetter { filename: filename() },
        "letter-tasks",
        "sanitise-letter",
        json!([[filename()], {}]),
    );
    expect(
        &l::SanitiseAndUploadLetter {
            notification_id,
            filename: filename(),
            allow_international_letters: true,
        },
        "sanitise-letter-tasks",
        "sanitise-and-upload-letter",
        json!([[], { "notification_id": ID, "filename": filename(),
                     "allow_international_letters": true }]),
    );
}

#[test]
fn answers_about_letters_on_the_wire() {
    use tasks::letters as l;
    let notification_id: domain::NotificationId = ID.parse().unwrap();
    let filename = || "NOTIFY.FOO.D.2.C.20171204172900.PDF".to_owned();
    let (file, empty) = (json!({ "filename": filename() }), json!([]));
    expect(
        &l::ProcessSanitisedLetter { sanitise_data: "signed".to_owned() },
        "letter-tasks",
        "process-sanitised-letter",
        json!([["signed"], {}]),
    );
    expect(
        &l::ProcessVirusScanFailed { filename: filename() },
        "letter-tasks",
        "process-virus-scan-failed",
        json!([empty, file]),
    );
    expect(
        &l::ProcessVirusScanError { filename: filename() },
        "letter-tasks",
        "process-virus-scan-error",
        json!([empty, file]),
    );
    expect(
        &l::ResanitisePdf { notification_id },
        "letter-tasks",
        "resanitise-pdf",
        json!([[ID], {}]),
    );
    expect(
        &l::RecreatePdfForPrecompiledLetter {
            notification_id,
            file_location: filename(),
            allow_international_letters: false,
        },
        "sanitise-letter-tasks",
        "recreate-pdf-for-precompiled-letter",
        json!([[], { "notification_id": ID, "file_location": filename(),
                     "allow_international_letters": false }]),
    );
    let attachment = json!({ "service_id": ID, "attachment_id": ID, "original_filename": "a.pdf" });
    let (id, name) = (|| ID.to_owned(), || "a.pdf".to_owned());
    expect(
        &l::ResanitiseLetterAttachment {
            service_id: id(),
            attachment_id: id(),
            original_filename: name(),
        },
        "letter-tasks",
        "resanitise-letter-attachment",
        json!([empty, attachment]),
    );
    expect(
        &l::RecreatePdfForTemplateLetterAttachments {
            service_id: id(),
            attachment_id: id(),
            original_filename: name(),
        },
        "sanitise-letter-tasks",
        "recreate-pdf-for-template-letter-attachments",
        json!([empty, attachment]),
    );
}

#[test]
fn printed_letters_on_the_wire() {
    use tasks::letters as l;
    let notification_id: domain::NotificationId = ID.parse().unwrap();
    let word = json!({ "notification_id": ID, "page_count": 2, "dvla_status": "DESPATCHED",
                       "cost_threshold": "sorted", "despatch_date": "2026-11-24" });
    expect(
        &l::ProcessLetterCallback {
            notification_id,
            page_count: Some(2),
            dvla_status: "DESPATCHED".to_owned(),
            cost_threshold: Some("sorted".to_owned()),
            despatch_date: Some("2026-11-24".to_owned()),
        },
        "letter-callbacks",
        "process-letter-callback",
        json!([[], word]),
    );
    expect(
        &l::CreateFakeLetterCallback {
            notification_id,
            billable_units: 2,
            postage: "second".to_owned(),
        },
        "research-mode-tasks",
        "create-fake-letter-callback",
        json!([[ID, 2, "second"], {}]),
    );
    expect(
        &l::ProcessReturnedLettersList { notification_references: vec!["FOO".to_owned()] },
        "database-tasks",
        "process-returned-letters-list",
        json!([[["FOO"]], {}]),
    );
}

#[test]
fn monitors_of_letters_on_the_wire() {
    use tasks::letter_monitors as m;
    expect(
        &m::CheckIfLettersStillPendingVirusCheck::default(),
        "periodic-tasks",
        "check-if-letters-still-pending-virus-check",
        json!([[], { "max_minutes_ago_to_check": 120 }]),
    );
    let bare: m::CheckIfLettersStillPendingVirusCheck = serde_json::from_value(json!({})).unwrap();
    assert_eq!(bare.max_minutes_ago_to_check, 30);
    expect(
        &m::CheckIfLettersStillPendingVirusCheckNightly::default(),
        "periodic-tasks",
        "check-if-letters-still-pending-virus-check-nightly",
        json!([[], { "max_minutes_ago_to_check_only": 7200,
                     "max_minutes_ago_to_check_and_rescan": 4320 }]),
    );
    let (periodic, nothing) = ("periodic-tasks", json!([[], {}]));
    let name = "check-if-letters-still-in-created";
    expect(&m::CheckIfLettersStillInCreated {}, periodic, name, nothing.clone());
    let name = "check-if-letters-in-technical-failure";
    expect(&m::CheckIfLettersInTechnicalFailure {}, periodic, name, nothing.clone());
    let name = "raise-alert-if-letter-notifications-still-sending";
    expect(&m::RaiseAlertIfLetterNotificationsStillSending {}, periodic, name, nothing);
}

#[test]
fn jobs_on_the_wire() {
    use tasks::jobs as j;
    let (job_id, notification_id) = (ID.parse().unwrap(), ID.parse().unwrap());
    let service_id = ID.parse().unwrap();
    let encoded_notification = || "signed".to_owned();
    expect(
        &j::ProcessJob { job_id, sender_id: None },
        "job-tasks",
        "process-job",
        json!([[ID], {}]),
    );
    let row = (vec![json!(ID), json!(ID), json!("signed")], serde_json::Map::new());
    expect(
        &j::ShatterJobRows {
            template_type: domain::NotificationType::Sms,
            args_kwargs_seq: vec![row],
            has_files: false,
        },
        "job-tasks",
        "shatter-job-rows",
        json!([["sms", [[[ID, ID, "signed"], {}]]], {}]),
    );
    expect(
        &j::ProcessIncompleteJobs { job_ids: vec![job_id] },
        "job-tasks",
        "process-incomplete-jobs",
        json!([[[ID]], {}]),
    );
    let sender_id = Some(ID.to_owned());
    expect(
        &j::SaveSms {
            service_id,
            notification_id,
            encoded_notification: encoded_notification(),
            sender_id: sender_id.clone(),
        },
        "database-tasks",
        "save-sms",
        json!([[ID, ID, "signed"], { "sender_id": ID }]),
    );
    expect(
        &j::SaveEmail {
            service_id,
            notification_id,
            encoded_notification: encoded_notification(),
            sender_id: None,
        },
        "database-tasks",
        "save-email",
        json!([[ID, ID, "signed"], {}]),
    );
    expect(
        &j::SaveLetter {
            service_id,
            notification_id,
            encoded_notification: encoded_notification(),
        },
        "database-tasks",
        "save-letter",
        json!([[ID, ID, "signed"], {}]),
    );
    let nothing = json!([[], {}]);
    expect(&j::RunScheduledJobs {}, "periodic-tasks", "run-scheduled-jobs", nothing.clone());
    expect(&j::CheckJobStatus {}, "periodic-tasks", "check-job-status", nothing.clone());
    expect(
        &j::CheckForMissingRowsInCompletedJobs {},
        "periodic-tasks",
        "check-for-missing-rows-in-completed-jobs",
        nothing.clone(),
    );
    expect(
        &j::UpdateStatusOfFullyProcessedJobs {},
        "periodic-tasks",
        "update-status-of-fully-processed-jobs",
        nothing.clone(),
    );
    let periodic = "periodic-tasks";
    expect(&j::RemoveSmsEmailJobs {}, periodic, "remove_sms_email_jobs", nothing.clone());
    expect(&j::RemoveLetterJobs {}, periodic, "remove_letter_jobs", nothing);
}

#[test]
fn retention_on_the_wire() {
    use tasks::retention as r;
    let (reporting, nothing) = ("reporting-tasks", json!([[], {}]));
    let nightly = "delete-notifications-older-than-retention";
    expect(&r::DeleteNotificationsOlderThanRetention {}, reporting, nightly, nothing.clone());
    let emails = "delete-email-notifications";
    expect(&r::DeleteEmailNotifications {}, reporting, emails, nothing.clone());
    let texts = "delete-sms-notifications";
    expect(&r::DeleteSmsNotifications {}, reporting, texts, nothing.clone());
    let letters = "delete-letter-notifications";
    expect(&r::DeleteLetterNotifications {}, reporting, letters, nothing);
    let (service_id, notification_type) = (ID.parse().unwrap(), NotificationType::Letter);
    let datetime_to_delete_before = times::WireTime(time::macros::datetime!(2022-05-01 23:00 UTC));
    let arguments = json!([[], {
        "service_id": ID,
        "notification_type": "letter",
        "datetime_to_delete_before": "2022-05-01T23:00:00",
    }]);
    expect(
        &r::DeleteNotificationsForServiceAndType {
            service_id,
            notification_type,
            datetime_to_delete_before,
        },
        reporting,
        "delete-notifications-for-service-and-type",
        arguments.clone(),
    );
    expect(
        &r::DeleteTestNotificationsForServiceAndType {
            service_id,
            notification_type,
            datetime_to_delete_before,
        },
        reporting,
        "delete-test-notifications-for-service-and-type",
        arguments,
    );
}

#[test]
fn printing_on_the_wire() {
    use tasks::printing as p;
    let notification_id: domain::NotificationId = ID.parse().unwrap();
    let (periodic, nothing) = ("periodic-tasks", json!([[], {}]));
    expect(
        &p::CheckTimeToCollateLetters {},
        periodic,
        "check-time-to-collate-letters",
        nothing.clone(),
    );
    let collate = "collate-letter-pdfs-to-be-sent";
    expect(&p::CollateLetterPdfsToBeSent::default(), periodic, collate, nothing);
    let deadline = "2021-06-01T16:30:00";
    expect(
        &p::CollateLetterPdfsToBeSent { print_run_deadline_utc: Some(deadline.to_owned()) },
        periodic,
        collate,
        json!([[deadline], {}]),
    );
    expect(
        &p::ShatterDeliverLettersTasks { notification_ids: vec![notification_id] },
        periodic,
        "shatter-deliver-letters-tasks",
        json!([[[ID]], {}]),
    );
    expect(
        &p::DeliverLetter { notification_id },
        "send-letter-tasks",
        "deliver_letter",
        json!([[], { "notification_id": ID }]),
    );
}
