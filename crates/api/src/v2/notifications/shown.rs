//! A notification as JSON (public API contract §2.6).

use app::{Cost, NotificationView};
use domain::{NotificationStatus, NotificationType};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde_json::{Value, json};

use crate::http::datetime;

/// A notification as its service sees it.
pub(super) fn shown(found: &NotificationView, base: &str) -> Value {
    let recipient_of =
        |channel| (found.notification_type == channel).then_some(found.recipient.as_str());
    let (id, version) = (found.template_id, found.template_version);
    let mut shown = json!({
        "id": found.id,
        "reference": found.reference,
        "email_address": recipient_of(NotificationType::Email),
        "phone_number": recipient_of(NotificationType::Sms),
        "line_1": null, "line_2": null, "line_3": null, "line_4": null, "line_5": null,
        "line_6": null, "postcode": null,
        "type": found.notification_type,
        "status": status(found.notification_type, found.status),
        "template": {
            "id": id, "version": version, "uri": format!("{base}/v2/template/{id}/version/{version}"),
        },
        "body": found.body,
        "subject": found.subject,
        "created_at": datetime(found.created_at),
        "created_by_name": found.created_by_name,
        "sent_at": found.sent_at.and_then(datetime),
        "completed_at": found.completed_at.and_then(datetime),
        "scheduled_for": found.scheduled_for.and_then(datetime),
        "postage": found.postage,
        "one_click_unsubscribe_url": found.one_click_unsubscribe_url,
        "is_cost_data_ready": found.cost.is_some(),
        "cost_in_pounds": found.cost.as_ref().map(pounds),
        "cost_details": found.cost.as_ref().map_or_else(|| json!({}), details),
    });
    if let Some(letter) = &found.letter {
        for (number, line) in (1..).zip(&letter.lines) {
            shown[format!("line_{number}")] = json!(line);
        }
        shown["postcode"] = json!(letter.postcode);
        shown["estimated_delivery"] = json!(letter.estimated_delivery.and_then(datetime));
    }
    shown
}

/// The status that clients see (public API contract §2.6.1).
pub(in crate::v2) fn status(channel: NotificationType, status: NotificationStatus) -> &'static str {
    match (channel, status) {
        (NotificationType::Letter, NotificationStatus::Created | NotificationStatus::Sending) => {
            "accepted"
        }
        (
            NotificationType::Letter,
            NotificationStatus::Delivered | NotificationStatus::ReturnedLetter,
        ) => "received",
        _ => status.into(),
    }
}

fn pounds(cost: &Cost) -> f64 {
    match cost {
        Cost::Email => 0.0,
        Cost::Sms { total, .. } | Cost::Letter { total, .. } => float(*total),
    }
}

fn details(cost: &Cost) -> Value {
    match cost {
        Cost::Email => json!({}),
        Cost::Sms { fragments, multiplier, rate, .. } => json!({
            "billable_sms_fragments": fragments,
            "international_rate_multiplier": float(*multiplier),
            "sms_rate": float(*rate),
        }),
        Cost::Letter { sheets, postage, .. } => json!({
            "billable_sheets_of_paper": sheets,
            "postage": postage,
        }),
    }
}

/// Clients read costs as JSON numbers; what we compute with stays exact.
fn float(amount: Decimal) -> f64 {
    amount.to_f64().unwrap_or_default()
}
