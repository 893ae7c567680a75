//! The schema that our migrations make, compared with the catalogue of Notify's database
//! (`schema.json`): nothing missing, nothing different, and nothing more than [`OUR_ADDITIONS`].

use std::{collections::BTreeMap, sync::LazyLock};

use deadpool_postgres::GenericClient;
use serde_json::{Map, Value, json};
use store::migrate;
use testkit::Database;

/// All that we add to Notify's database.
pub const OUR_ADDITIONS: &[&str] = &[
    "notifications/column claimed_by",
    "notifications/column claimed_until",
    "notifications/column claim_attempt",
    "notifications/column next_attempt_at",
    "notifications/column last_error",
    "notifications/index ix_notifications_team_and_test",
    "user_to_service/index ix_user_to_service_service_id",
    "jobs/column counted_at",
    "jobs/index ix_jobs_finished",
    "ft_notification_status/index ix_ft_notification_status_day_type_service",
    "ft_billing/index ix_ft_billing_day_type_service",
    "inbound_sms/index ix_inbound_sms_service_id_created_at",
    "events/index ix_events_created_at",
    "unsubscribe_request/index ix_unsubscribe_request_service_id_created_at",
    "report_requests/index ix_report_requests_created_at",
    "beat_slots",
    "idempotency_keys",
    "letter_volume_emails",
    "outbox",
    "scheduled_notifications",
    "postroom_schema_history",
];

/// Notify's database after its migrations have run on an empty one.
pub static NOTIFYS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("schema.json")).unwrap());

/// What is where, e.g. at `jobs/column id` its type, default and position.
type Facts = BTreeMap<String, Value>;

#[tokio::test]
async fn an_empty_database_becomes_notifys_and_our_additions() {
    let database = Database::create_empty().await;
    migrate::run(&database.config(), "development").await.unwrap();
    assert_is_complete(&database.client().await).await;
}

/// Panics unless the database has Notify's schema and our additions.
pub async fn assert_is_complete(db: &impl GenericClient) {
    let (mut actual, expected) = (actual(db).await, expected());
    for addition in OUR_ADDITIONS {
        let inside = format!("{addition}/");
        let count = actual.len();
        actual.retain(|place, _| place != addition && !place.starts_with(&inside));
        assert!(actual.len() < count, "{addition} is missing");
    }

    let mut differences = Vec::new();
    for (place, fact) in &expected {
        match actual.get(place) {
            None => differences.push(format!("missing: {place}")),
            Some(found) if found != fact => {
                differences.push(format!("different: {place}: {found}, not {fact}"));
            }
            Some(_) => {}
        }
    }
    for place in actual.keys().filter(|place| !expected.contains_key(*place)) {
        differences.push(format!("too much: {place}"));
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

async fn actual(db: &impl GenericClient) -> Facts {
    let rows = db.query(include_str!("catalog.sql"), &[]).await.unwrap();
    rows.iter()
        .map(|row| {
            let (place, mut fact): (String, Value) = (row.get("place"), row.get("fact"));
            if let Some(expression) = fact.get_mut("expression") {
                *expression = plain(expression);
            }
            (place, fact)
        })
        .collect()
}

fn expected() -> Facts {
    let mut facts = Facts::new();
    for extension in list(&NOTIFYS["extensions"]) {
        facts.insert(format!("extension {}", text(extension)), json!(true));
    }
    for (name, labels) in object(&NOTIFYS["enums"]) {
        facts.insert(format!("enum {name}"), labels.clone());
    }
    for (name, table) in object(&NOTIFYS["tables"]) {
        table_facts(name, table, &mut facts);
    }
    for (name, view) in object(&NOTIFYS["views"]) {
        facts.insert(name.clone(), json!("v"));
        facts.insert(format!("{name}/definition"), json!(union_of_both(view)));
        for (index, column) in list(&view["columns"]).iter().enumerate() {
            let fact = json!({
                "position": index + 1, "type": column["type"], "nullable": true, "default": null
            });
            facts.insert(format!("{name}/column {}", text(&column["name"])), fact);
        }
    }
    for statistics in list(&NOTIFYS["extended_statistics"]) {
        let (table, name) = (text(&statistics["table"]), text(&statistics["name"]));
        let fact = json!({ "kind": statistics["kind"], "columns": statistics["columns"] });
        facts.insert(format!("{table}/statistics {name}"), fact);
    }
    facts
}

fn table_facts(name: &str, table: &Value, facts: &mut Facts) {
    facts.insert(name.to_owned(), json!("r"));
    for (index, column) in list(&table["columns"]).iter().enumerate() {
        let mut fact = without_name(column);
        fact["position"] = json!(index + 1);
        facts.insert(format!("{name}/column {}", text(&column["name"])), fact);
    }
    if !table["primary_key"].is_null() {
        facts.insert(format!("{name}/primary key"), table["primary_key"].clone());
    }
    for unique in list(&table["unique"]) {
        let place = format!("{name}/unique {}", text(&unique["name"]));
        facts.insert(place, unique["columns"].clone());
    }
    for key in list(&table["foreign_keys"]) {
        facts.insert(format!("{name}/foreign key {}", text(&key["name"])), without_name(key));
    }
    for check in list(&table["checks"]) {
        let fact =
            json!({ "expression": plain(&check["expression"]), "validated": check["validated"] });
        facts.insert(format!("{name}/check {}", text(&check["name"])), fact);
    }
    for index in list(&table["indexes"]) {
        facts.insert(format!("{name}/index {}", text(&index["name"])), without_name(index));
    }
}

/// The catalogue says this of the view in words only.
fn union_of_both(view: &Value) -> String {
    let select_from = |table: &str| {
        let columns: Vec<String> = list(&view["columns"])
            .iter()
            .map(|column| format!("{table}.{}", text(&column["name"])))
            .collect();
        format!(" SELECT {} FROM {table}", columns.join(", "))
    };
    format!("{} UNION ALL{};", select_from("notifications"), select_from("notification_history"))
}

/// A check without what the catalogue writes sometimes so and sometimes otherwise: the keyword, the
/// outermost brackets, line breaks.
fn plain(expression: &Value) -> Value {
    let text: String = text(expression).split_whitespace().collect();
    json!(text.trim_start_matches("CHECK").trim_matches(['(', ')']))
}

fn without_name(entry: &Value) -> Value {
    let mut entry = object(entry).clone();
    entry.shift_remove("name");
    Value::Object(entry)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap()
}
