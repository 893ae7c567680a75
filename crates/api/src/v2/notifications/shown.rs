//! A notification as JSON (public API contract §2.6).

use app::{Cost, NotificationView};
use domain::{NotificationId, NotificationStatus, NotificationType};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::TemplateUsed;
use crate::{
    http::DateTime,
    openapi::{statuses, words},
};

/// A notification as its service sees it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Notification<'a> {
    #[schemars(with = "Uuid")]
    id: NotificationId,
    reference: Option<&'a str>,
    email_address: Option<&'a str>,
    phone_number: Option<&'a str>,
    /// Of a letter, as supplied.
    #[schemars(with = "Value")]
    line_1: Option<&'a Value>,
    #[schemars(with = "Value")]
    line_2: Option<&'a Value>,
    #[schemars(with = "Value")]
    line_3: Option<&'a Value>,
    #[schemars(with = "Value")]
    line_4: Option<&'a Value>,
    #[schemars(with = "Value")]
    line_5: Option<&'a Value>,
    #[schemars(with = "Value")]
    line_6: Option<&'a Value>,
    #[schemars(with = "Value")]
    postcode: Option<&'a Value>,
    #[serde(rename = "type")]
    #[schemars(schema_with = "words::<NotificationType>")]
    channel: NotificationType,
    #[schemars(schema_with = "statuses")]
    status: &'static str,
    template: TemplateUsed,
    body: &'a str,
    /// None for text messages.
    subject: Option<&'a str>,
    created_at: DateTime,
    /// Who sent it from the admin app.
    created_by_name: Option<&'a str>,
    /// When a provider took it.
    sent_at: Option<DateTime>,
    /// When it reached its final status.
    completed_at: Option<DateTime>,
    /// When it is to be sent, while it waits for that.
    scheduled_for: Option<DateTime>,
    /// Of letters only.
    postage: Option<&'a str>,
    one_click_unsubscribe_url: Option<&'a str>,
    is_cost_data_ready: bool,
    /// Null until it is known.
    cost_in_pounds: Option<f64>,
    cost_details: CostDetails<'a>,
    /// Of letters only: absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_delivery: Option<Option<DateTime>>,
}

/// What a cost is made of; nothing while it is not known, and for emails.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum CostDetails<'a> {
    Sms { billable_sms_fragments: i32, international_rate_multiplier: f64, sms_rate: f64 },
    Letter { billable_sheets_of_paper: i32, postage: Option<&'a str> },
    None {},
}

/// A notification as its service sees it.
pub(super) fn shown<'a>(found: &'a NotificationView, base: &str) -> Notification<'a> {
    let recipient_of =
        |channel| (found.notification_type == channel).then_some(found.recipient.as_str());
    let (id, version) = (found.template_id, found.template_version);
    let letter = found.letter.as_ref();
    let line = |index: usize| letter.and_then(|letter| letter.lines[index].as_ref());
    Notification {
        id: found.id,
        reference: found.reference.as_deref(),
        email_address: recipient_of(NotificationType::Email),
        phone_number: recipient_of(NotificationType::Sms),
        line_1: line(0),
        line_2: line(1),
        line_3: line(2),
        line_4: line(3),
        line_5: line(4),
        line_6: line(5),
        postcode: letter.and_then(|letter| letter.postcode.as_ref()),
        channel: found.notification_type,
        status: status(found.notification_type, found.status),
        template: TemplateUsed {
            id,
            version,
            uri: format!("{base}/v2/template/{id}/version/{version}"),
        },
        body: &found.body,
        subject: found.subject.as_deref(),
        created_at: DateTime(found.created_at),
        created_by_name: found.created_by_name.as_deref(),
        sent_at: found.sent_at.map(DateTime),
        completed_at: found.completed_at.map(DateTime),
        scheduled_for: found.scheduled_for.map(DateTime),
        postage: found.postage.as_deref(),
        one_click_unsubscribe_url: found.one_click_unsubscribe_url.as_deref(),
        is_cost_data_ready: found.cost.is_some(),
        cost_in_pounds: found.cost.as_ref().map(pounds),
        cost_details: found.cost.as_ref().map_or(CostDetails::None {}, details),
        estimated_delivery: letter.map(|letter| letter.estimated_delivery.map(DateTime)),
    }
}

/// The status that clients see (public API contract §2.6.1).
pub(crate) fn status(channel: NotificationType, status: NotificationStatus) -> &'static str {
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

fn details(cost: &Cost) -> CostDetails<'_> {
    match cost {
        Cost::Email => CostDetails::None {},
        Cost::Sms { fragments, multiplier, rate, .. } => CostDetails::Sms {
            billable_sms_fragments: *fragments,
            international_rate_multiplier: float(*multiplier),
            sms_rate: float(*rate),
        },
        Cost::Letter { sheets, postage, .. } => {
            CostDetails::Letter { billable_sheets_of_paper: *sheets, postage: postage.as_deref() }
        }
    }
}

/// Clients read costs as JSON numbers; what we compute with stays exact.
fn float(amount: Decimal) -> f64 {
    amount.to_f64().unwrap_or_default()
}
