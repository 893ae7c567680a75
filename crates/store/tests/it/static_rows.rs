//! The rows that our migrations write, compared with those of Notify's (`schema.json`, which holds
//! the columns that matter), joined on what identifies them in every installation.

use std::collections::BTreeSet;

use deadpool_postgres::GenericClient;
use domain::{Clock, london};
use serde_json::{Value, json};
use store::migrate;
use testkit::Database;
use time::{Date, Month};

use crate::schema::NOTIFYS;

/// How the rows of one table compare.
struct Rows {
    table: &'static str,
    /// Columns that identify a row.
    key: &'static [&'static str],
    /// Columns that are random or tell the time of the run: they must only be there.
    any: &'static [&'static str],
}

const fn rows(
    table: &'static str,
    key: &'static [&'static str],
    any: &'static [&'static str],
) -> Rows {
    Rows { table, key, any }
}

const ROWS: &[Rows] = &[
    rows("annual_billing", &["service_id"], &["id", "created_at", "updated_at"]),
    rows("auth_type", &["name"], &[]),
    rows("branding_type", &["name"], &[]),
    rows(
        "default_annual_allowance",
        &["valid_from_financial_year_start", "organisation_type", "notification_type"],
        &["id"],
    ),
    rows("email_branding", &["id"], &[]),
    rows("inbound_numbers", &["number"], &["id", "created_at"]),
    rows("invite_status_type", &["name"], &[]),
    rows("job_status", &["name"], &[]),
    rows("key_types", &["name"], &[]),
    rows("letter_branding", &["name"], &["id"]),
    rows("letter_rates", &["start_date", "post_class", "crown", "sheet_count"], &["id"]),
    rows("notification_status_types", &["name"], &[]),
    rows("organisation", &["id"], &["created_at"]),
    rows("organisation_permissions", &["organisation_id", "permission"], &["id", "created_at"]),
    rows("organisation_types", &["name"], &[]),
    rows("provider_details", &["identifier"], &["id"]),
    rows("provider_details_history", &["identifier", "version"], &["id"]),
    rows("rates", &["valid_from", "notification_type"], &["id"]),
    rows("service_callback_type", &["name"], &[]),
    rows("service_email_reply_to", &["service_id"], &["id", "created_at"]),
    rows("service_permission_types", &["name"], &[]),
    rows("service_permissions", &["service_id", "permission"], &["created_at"]),
    rows("service_sms_senders", &["sms_sender"], &["id", "created_at"]),
    rows("services", &["id"], &["created_at", "updated_at"]),
    rows("user_to_service", &["user_id", "service_id"], &[]),
    rows(
        "users",
        &["id"],
        &["_password", "created_at", "password_changed_at", "email_access_validated_at"],
    ),
];

#[tokio::test]
async fn the_rows_are_notifys() {
    let database = Database::create_empty().await;
    migrate::run(&database.config(), "development").await.unwrap();
    let db = &database.client().await;

    for (table, entry) in NOTIFYS["tables"].as_object().unwrap() {
        let count = all(db, table).await.len();
        assert_eq!(json!(count), entry["seeded_rows"], "rows of {table}");
    }
    for rows in ROWS {
        compare(rows, &all(db, rows.table).await);
    }
    // `templates` has a test of its own: the catalogue describes what they say.
    let compared = ROWS.iter().map(|rows| rows.table).chain(["templates"]);
    let catalogued = NOTIFYS["seeds"].as_object().unwrap().keys().map(String::as_str);
    assert_eq!(compared.collect::<BTreeSet<_>>(), catalogued.collect());
}

fn compare(rows: &Rows, actual: &[Value]) {
    for expected in catalogued(rows.table) {
        let same = |row: &&Value| rows.key.iter().all(|column| row[column] == expected[column]);
        let found: Vec<&Value> = actual.iter().filter(same).collect();
        let [found] = found[..] else { panic!("{}: {found:?} for {expected}", rows.table) };
        for (column, value) in expected.as_object().unwrap() {
            let column = column.as_str();
            match (rows.table, column) {
                _ if rows.any.contains(&column) => {}
                ("annual_billing", "financial_year_start") => {
                    assert_eq!(found[column], financial_year());
                }
                (table, _) => assert_eq!(&found[column], value, "{table}.{column} of {found}"),
            }
        }
        for column in rows.any {
            assert!(!found[column].is_null(), "{}.{column} of {found}", rows.table);
        }
        // No row has been changed since it was written, but for one that has a time for it above.
        if !rows.any.contains(&"updated_at") {
            assert!(found["updated_at"].is_null(), "{}.updated_at of {found}", rows.table);
        }
    }
}

#[tokio::test]
async fn ids_that_settings_name_are_the_same_everywhere() {
    let database = Database::create().await;
    let db = &database.client().await;

    for row in catalogued("default_annual_allowance") {
        let recent = row["valid_from_financial_year_start"].as_i64() >= Some(2024);
        if !recent && row["organisation_type"] != "nhs_notify" {
            assert_has(db, "default_annual_allowance", row).await;
        }
    }
    let nhs = json!({ "id": "2cd354bb-6b85-eda3-c0ad-6b613150459f", "name": "NHS" });
    assert_has(db, "letter_branding", &nhs).await;
    for (id, sender) in [
        ("286d6176-adbe-7ea7-ba26-b7606ee5e2a4", "GOVUK"),
        ("d24b830b-57b4-4f14-bd80-02f46f8d54de", "07984404008"),
    ] {
        assert_has(db, "service_sms_senders", &json!({ "id": id, "sms_sender": sender })).await;
    }
    let reply_to = json!({ "id": "b3a58d57-2337-662a-4cba-40792a9322f2" });
    assert_has(db, "service_email_reply_to", &reply_to).await;
    for permission in ["email", "sms"] {
        let since = json!({ "permission": permission, "created_at": "2017-05-26T17:30:00" });
        assert_has(db, "service_permissions", &since).await;
    }
}

#[tokio::test]
async fn histories_agree_but_where_notifys_do_not() {
    let database = Database::create().await;
    let db = &database.client().await;

    for row in all(db, "provider_details_history").await {
        assert_has(db, "provider_details", &row).await;
    }
    let mut service = all(db, "services").await.remove(0);
    for limit in ["letter_message_limit", "sms_message_limit", "email_message_limit"] {
        service[limit] = json!(999_999_999);
    }
    service["international_sms_message_limit"] = json!(250_000);
    service["updated_at"] = Value::Null;
    assert_has(db, "services_history", &service).await;

    for mut template in all(db, "templates").await {
        if template["id"] == "ece42649-22a8-4d06-b87f-d52d5d3f0a27" {
            let fields = template.as_object_mut().unwrap();
            let (subject, content) =
                (fields.shift_remove("subject"), fields.shift_remove("content"));
            let history = all(db, "templates_history").await;
            let row = history.iter().find(|row| row["id"] == template["id"]).unwrap();
            assert_ne!(Some(&row["subject"]), subject.as_ref());
            assert_ne!(Some(&row["content"]), content.as_ref());
        }
        assert_has(db, "templates_history", &template).await;
    }
}

#[tokio::test]
async fn templates_take_what_the_programs_fill_in() {
    let database = Database::create().await;
    let db = &database.client().await;

    let redacted = all(db, "template_redacted").await;
    for expected in catalogued("templates") {
        let mut row = expected.clone();
        row.as_object_mut()
            .unwrap()
            .retain(|column, _| ["id", "name", "version"].contains(&column.as_str()));
        row["template_type"] = expected["type"].clone();
        row["updated_at"] = Value::Null;
        let found = assert_has(db, "templates", &row).await;

        let names: BTreeSet<&str> =
            expected["placeholders"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let (subject, content) =
            (found["subject"].as_str().unwrap(), found["content"].as_str().unwrap());
        let used: BTreeSet<&str> = placeholders(subject).chain(placeholders(content)).collect();
        assert_eq!(used, names, "{found}");
        if row["template_type"] == "sms" {
            assert_eq!(subject, "None");
        }
        let is_redactable = redacted.iter().any(|other| other["template_id"] == row["id"]);
        assert_eq!(json!(is_redactable), expected["has_template_redacted_row"], "{found}");
    }
}

#[tokio::test]
async fn the_broadcast_organisation_carries_the_environments_name() {
    let database = Database::create_empty().await;
    migrate::run(&database.config(), "staging").await.unwrap();
    let name = json!({ "name": "Broadcast Services (staging)" });
    assert_has(&database.client().await, "organisation", &name).await;
}

/// The one row of the table that has all of these values. Panics when there is none, or another.
async fn assert_has(db: &impl GenericClient, table: &str, values: &Value) -> Value {
    let mut rows = all(db, table).await;
    rows.retain(|row| values.as_object().unwrap().iter().all(|(key, value)| row[key] == *value));
    assert_eq!(rows.len(), 1, "{table}: rows like {values}: {rows:?}");
    rows.remove(0)
}

async fn all(db: &impl GenericClient, table: &str) -> Vec<Value> {
    let sql = format!("SELECT to_jsonb(t) FROM {table} AS t");
    db.query(&sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

fn catalogued(table: &str) -> impl Iterator<Item = &'static Value> {
    NOTIFYS["seeds"][table]["rows"].as_array().unwrap().iter()
}

/// The names in `((name))` and `((name??text))`.
fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    let bodies = text.split("((").skip(1).map(|rest| rest.split("))").next().unwrap());
    bodies.map(|body| body.split("??").next().unwrap())
}

/// The year in which the London financial year began.
fn financial_year() -> i32 {
    let now = Clock::system().now();
    let first_of_april = Date::from_calendar_date(now.year(), Month::April, 1).unwrap();
    if now < london::midnight(first_of_april).unwrap() { now.year() - 1 } else { now.year() }
}
