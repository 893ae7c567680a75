//! What Celery publishes, we run.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{
    Version,
    notes::{Noted, drain, letters},
    with_each_celery,
};
use crate::support::TestBroker;

with_each_celery!(every_way_to_call_a_task, every_kind_of_value, a_compressed_body);

/// By the text that is their first argument.
async fn drain_by_name(t: &TestBroker) -> HashMap<String, Noted> {
    let notes = drain(t).await;
    notes.into_iter().map(|note| (note.value.as_str().unwrap().to_owned(), note)).collect()
}

async fn every_way_to_call_a_task(version: Version) {
    let t = TestBroker::start().await;
    let script = r#"
from app import *
from datetime import datetime, timedelta, timezone

note.delay("positional", 1)
note.delay(value="by name", other=2)
note.delay("mixed", other=3)
note.s(4).set(queue=queue("retries")).delay("partial")
note.si("immutable", 5).delay()
app.send_task("note", ("unregistered", 6))
note.apply_async(("options",), {"other": 7}, priority=7, shadow="shade", time_limit=9.5, soft_time_limit=3,
                 ignore_result=True, retry=False, delivery_mode=1)
note.apply_async(("expires", 8), expires=3600)
note.apply_async(("overdue", 9), eta=datetime.now(timezone.utc) - timedelta(hours=1))
note.apply_async(("headers", 10), headers={
    "request_id": "r-1", "text": "é", "small": 7, "large": 1 << 40, "number": 0.5, "true": True,
    "nothing": None, "list": [1, "a", None], "table": {"a": {"b": 1}}})
note.apply_async(("id", 11), task_id="any text")
"#;
    version.beside(&t).python(script).await;
    let notes = drain_by_name(&t).await;
    let names = [
        "positional",
        "by name",
        "mixed",
        "partial",
        "immutable",
        "unregistered",
        "options",
        "expires",
        "overdue",
        "headers",
        "id",
    ];
    for (name, number) in names.iter().zip(1..) {
        let note = notes.get(*name).unwrap_or_else(|| panic!("{name} was not run"));
        assert_eq!((&note.other, note.attempt.number()), (&json!(number), 0), "{name}");
        // At the top of its tree.
        assert_eq!(note.attempt.trace().root_id.as_deref(), Some(note.attempt.id()), "{name}");
    }
    assert_eq!(notes.len(), names.len());
    assert_eq!(notes["id"].attempt.id(), "any text");
    assert_eq!(notes["partial"].attempt.queue(), "retries");
    for (name, value) in [
        ("request_id", json!("r-1")),
        ("text", json!("é")),
        ("small", json!(7)),
        ("large", json!(1_u64 << 40)),
        ("number", json!(0.5)),
        ("true", json!(true)),
        ("nothing", Value::Null),
        ("list", json!([1, "a", null])),
        ("table", json!({"a": {"b": 1}})),
    ] {
        assert_eq!(notes["headers"].attempt.header(name), Some(&value), "{name}");
    }
    assert_eq!(letters(&t).await, []);
    t.stop().await;
}

async fn every_kind_of_value(version: Version) {
    let t = TestBroker::start().await;
    let script = r#"
from app import *
from datetime import date, datetime, timezone
from decimal import Decimal
from uuid import UUID

for name, other in {
    "json": [None, True, -1, 1.5, 1 << 60, "é🐦\x00\"", [], {}, {"a": {"b": [1]}}],
    "naive": datetime(2022, 5, 1, 23, 0, 0),
    "micro": datetime(2022, 5, 1, 23, 0, 0, 123456),
    "aware": datetime(2022, 5, 1, 23, 0, 0, tzinfo=timezone.utc),
    "date": date(2022, 5, 2),
    "uuid": UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
    "decimal": Decimal("1.2300"),
    "nested": {"days": [date(2022, 5, 2)]},
}.items():
    note.delay(name, other)
"#;
    version.beside(&t).python(script).await;
    let notes = drain_by_name(&t).await;
    // The oldest writes dates as midnights, and UTC as Z.
    let (utc, day) = match version {
        Version::Oldest => ("Z", "2022-05-02T00:00:00"),
        Version::Newest => ("+00:00", "2022-05-02"),
    };
    for (name, value) in [
        ("json", json!([null, true, -1, 1.5, 1_u64 << 60, "é🐦\0\"", [], {}, {"a": {"b": [1]}}])),
        ("naive", json!("2022-05-01T23:00:00")),
        ("aware", json!(format!("2022-05-01T23:00:00{utc}"))),
        ("date", json!(day)),
        ("uuid", json!("6ba7b810-9dad-11d1-80b4-00c04fd430c8")),
        ("decimal", json!("1.2300")),
        ("nested", json!({"days": [day]})),
    ] {
        assert_eq!(notes[name].other, value, "{name}");
    }
    assert!(notes["micro"].other.as_str().unwrap().starts_with("2022-05-01T23:00:00.123"));
    assert_eq!(letters(&t).await, []);
    t.stop().await;
}

async fn a_compressed_body(version: Version) {
    let t = TestBroker::start().await;
    let script = r#"
from app import *

note.apply_async(("zlib", "é" * 100_000), compression="zlib")
note.apply_async(("gzip", "é" * 100_000), compression="gzip")
note.apply_async(("bzip2", "é" * 100_000), compression="bzip2")
note.apply_async(("bomb", "é" * 3_000_000), compression="zlib")
"#;
    version.beside(&t).python(script).await;
    let notes = drain_by_name(&t).await;
    assert_eq!(notes.len(), 2);
    for name in ["zlib", "gzip"] {
        assert_eq!(notes[name].other, "é".repeat(100_000), "{name}");
    }
    // What we do not read is kept.
    let letters = letters(&t).await;
    let errors: Vec<_> = letters.iter().map(|letter| letter.error.as_str()).collect();
    let (bzip2, bomb) =
        ("the body is compressed in a way that is not supported", "the body is longer than 16 MiB");
    assert_eq!(errors, [bzip2, bomb]);
    assert!(letters.iter().all(|letter| letter.reason == "unreadable"));
    t.stop().await;
}
