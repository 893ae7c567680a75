//! The wire message of every task, as a Python worker of the family would read it: name, queue and
//! arguments are a contract.

use domain::NotificationType;
use queue::{Envelope, Task, Trace};
use serde_json::{Value, json};
use tasks::{
    CreateNightlyNotificationStatus, CreateNightlyNotificationStatusForServiceAndDay, DeliverEmail,
    DeliverSms, ProcessSesResult, ProcessSmsClientResponse, ReplayCreatedNotifications,
    SendDeliveryStatus, times,
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
        &ReplayCreatedNotifications {},
        "periodic-tasks",
        "replay-created-notifications",
        json!([[], {}]),
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
}

#[test]
fn messages_of_older_producers_are_understood() {
    let four = json!({ "status": "3", "provider_reference": ID, "client_name": "MMG",
                       "detailed_status_code": null });
    let task: ProcessSmsClientResponse = serde_json::from_value(four).unwrap();
    assert_eq!(task.receipt_iso_timestamp, None);
}
