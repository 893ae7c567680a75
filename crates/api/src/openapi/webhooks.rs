//! What services are called back with (public API contract §6). Workers post it; tests of theirs
//! compare what they post with this.

use serde_json::{Map, Value, json};

type Fields = &'static [(&'static str, Kind)];

#[derive(Clone, Copy)]
enum Kind {
    Id,
    IdOrNull,
    Text,
    TextOrNull,
    Time,
    TimeOrNull,
    Number,
    NumberOrNull,
}

const DELIVERY_STATUS: Fields = &[
    ("id", Kind::Id),
    ("reference", Kind::TextOrNull),
    ("to", Kind::Text),
    ("status", Kind::Text),
    ("created_at", Kind::Time),
    ("completed_at", Kind::TimeOrNull),
    ("sent_at", Kind::TimeOrNull),
    ("notification_type", Kind::Text),
    ("template_id", Kind::Id),
    ("template_version", Kind::Number),
];

const INBOUND_SMS: Fields = &[
    ("id", Kind::Id),
    ("source_number", Kind::Text),
    ("destination_number", Kind::Text),
    ("message", Kind::Text),
    ("date_received", Kind::Time),
];

const RETURNED_LETTER: Fields = &[
    ("notification_id", Kind::Id),
    ("reference", Kind::TextOrNull),
    ("date_sent", Kind::Time),
    ("sent_by", Kind::Text),
    ("template_name", Kind::TextOrNull),
    ("template_id", Kind::IdOrNull),
    ("template_version", Kind::NumberOrNull),
    ("spreadsheet_file_name", Kind::TextOrNull),
    ("spreadsheet_row_number", Kind::NumberOrNull),
    ("upload_letter_file_name", Kind::TextOrNull),
];

const COMPLAINT: Fields = &[
    ("notification_id", Kind::Id),
    ("complaint_id", Kind::Id),
    ("reference", Kind::TextOrNull),
    ("to", Kind::TextOrNull),
    ("complaint_date", Kind::TimeOrNull),
];

/// All of them, as OpenAPI writes them, under the names that their secrets have.
pub(super) fn all() -> Value {
    json!({
        "delivery_status": webhook("A message has reached its final status", DELIVERY_STATUS),
        "inbound_sms": webhook("A text message has been received", INBOUND_SMS),
        "returned_letter": webhook("A letter came back", RETURNED_LETTER),
        "complaint": webhook("The recipient of an email complained", COMPLAINT),
    })
}

fn webhook(summary: &str, fields: Fields) -> Value {
    let header = |name: &str, description: &str| {
        json!({
            "name": name, "in": "header", "required": true, "description": description,
            "schema": { "type": "string" },
        })
    };
    let properties: Map<String, Value> =
        fields.iter().map(|(name, kind)| ((*name).to_owned(), kind.schema())).collect();
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    json!({
        "post": {
            "tags": ["Callbacks"],
            "summary": summary,
            "parameters": [
                header("Authorization", "`Bearer` and the token that the service chose"),
                header("webhook-id", "The same in every attempt"),
                header("webhook-timestamp", "When it is posted, in seconds"),
                header(
                    "webhook-signature",
                    "One or more, as https://www.standardwebhooks.com makes them with the secret \
                     that `GET /v2/webhook-secrets` tells",
                ),
            ],
            "requestBody": {
                "required": true,
                "content": { "application/json": { "schema": {
                    "type": "object", "properties": properties, "required": names,
                } } },
            },
            "responses": {
                "2XX": { "description": "Taken" },
                "429": { "description": "Tried again, up to five times, every five minutes" },
                "4XX": { "description": "Not tried again" },
                "5XX": { "description": "Tried again, as after 429" },
            },
        },
    })
}

impl Kind {
    fn schema(self) -> Value {
        match self {
            Self::Id => json!({ "type": "string", "format": "uuid" }),
            Self::IdOrNull => json!({ "type": ["string", "null"], "format": "uuid" }),
            Self::Text => json!({ "type": "string" }),
            Self::TextOrNull => json!({ "type": ["string", "null"] }),
            Self::Time => json!({ "type": "string", "format": "date-time" }),
            Self::TimeOrNull => json!({ "type": ["string", "null"], "format": "date-time" }),
            Self::Number => json!({ "type": "integer" }),
            Self::NumberOrNull => json!({ "type": ["integer", "null"] }),
        }
    }
}
