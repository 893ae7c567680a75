//! Messages that real Celery programs published, caught on the wire.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable},
};
use proptest::prelude::*;
use queue::{
    Call, DecodeError, Envelope, Retry, Task, Trace,
    wire::{Message, decode, encode},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, macros::datetime};
use uuid::{Uuid, uuid};

const NOW: OffsetDateTime = datetime!(2026-11-22 00:55:35.655605 UTC);
const ID: Uuid = uuid!("11111111-2222-3333-4444-555555555555");

fn captures() -> Value {
    serde_json::from_str(include_str!("data/celery-messages.json")).unwrap()
}

fn captured(set: &str, name: &str) -> Value {
    let all = captures();
    let found = all[set].as_array().unwrap().iter().find(|one| one["name"] == name);
    found.unwrap_or_else(|| panic!("no capture {name}")).clone()
}

/// A header value of a capture: `{"t": AMQP type letter, "v": value}`.
fn amqp(value: &Value) -> AMQPValue {
    let v = &value["v"];
    match value["t"].as_str().unwrap() {
        "S" => AMQPValue::LongString(v.as_str().unwrap().into()),
        "I" => AMQPValue::LongInt(i32::try_from(v.as_i64().unwrap()).unwrap()),
        "L" | "l" => AMQPValue::LongLongInt(v.as_i64().unwrap()),
        "t" => AMQPValue::Boolean(v.as_bool().unwrap()),
        "d" => AMQPValue::Double(v.as_f64().unwrap()),
        "V" => AMQPValue::Void,
        "A" => {
            let items: Vec<_> = v.as_array().unwrap().iter().map(amqp).collect();
            AMQPValue::FieldArray(items.into())
        }
        "F" => AMQPValue::FieldTable(amqp_table(v)),
        other => panic!("unknown field type {other}"),
    }
}

fn amqp_table(value: &Value) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in value.as_object().unwrap() {
        table.insert(name.as_str().into(), amqp(value));
    }
    table
}

fn message(capture: &Value) -> Message {
    let captured = &capture["properties"];
    let properties = BasicProperties::default()
        .with_content_type(captured["content_type"].as_str().unwrap().into())
        .with_content_encoding(captured["content_encoding"].as_str().unwrap().into())
        .with_headers(amqp_table(&captured["headers"]));
    let body = match capture["body_base64"].as_str() {
        Some(base64) => BASE64_STANDARD.decode(base64).unwrap(),
        None => capture["body_text"].as_str().unwrap().as_bytes().to_vec(),
    };
    Message { properties, body }
}

#[test]
fn every_captured_message_is_read() {
    let all = captures();
    for set in ["published", "retry", "subtask", "celery_5_2_7_published"] {
        for capture in all[set].as_array().unwrap() {
            let name = capture["name"].as_str().unwrap();
            let headers = &capture["properties"]["headers"];
            let read = decode(&message(capture), "q");
            if name.starts_with("chain") || name.starts_with("link") {
                assert!(matches!(read, Err(DecodeError::ExpectsResult)), "{name}");
                continue;
            }
            let read = read.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(read.task, headers["task"]["v"], "{name}");
            assert_eq!(read.id, headers["id"]["v"], "{name}");
            assert_eq!(read.root_id, headers["root_id"]["v"], "{name}");
            assert_eq!(json!(read.parent_id), headers["parent_id"]["v"], "{name}");
            assert_eq!(read.retries, headers["retries"]["v"], "{name}");
            assert_eq!(read.eta.is_some(), !headers["eta"]["v"].is_null(), "{name}");
            assert_eq!(read.expires.is_some(), !headers["expires"]["v"].is_null(), "{name}");
        }
    }
}

#[test]
fn custom_headers_of_every_type_are_read() {
    let capture = captured("published", "custom headers, one of each scalar/container type");
    let envelope = decode(&message(&capture), "q").unwrap();
    assert_eq!(
        Value::Object(envelope.headers),
        json!({
            "notify_request_id": "1234-abcd", "x-num": 7, "x-big": 1_099_511_627_776_i64,
            "x-float": 1.5, "x-bool": true, "x-none": null, "x-list": ["a", 1],
            "x-map": {"k": "v"},
        })
    );
}

#[test]
fn python_values_are_unwrapped() {
    let capture = captured(
        "published",
        "typed JSON values (datetime, date, uuid, decimal, bytes, non-ASCII text)",
    );
    let envelope = decode(&message(&capture), "q").unwrap();
    assert_eq!(
        Value::Array(envelope.args),
        json!([
            "2022-05-01T23:00:00",
            "2022-05-02",
            "c5956607-20b1-48b4-8983-85d11404e61f",
            "1.5",
            null,
            "\0x",
            "£é"
        ])
    );
}

#[test]
fn a_compressed_body_is_read() {
    let envelope = decode(&message(&captured("published", "gzip compression")), "q").unwrap();
    assert!(envelope.args[0].as_str().unwrap().bytes().all(|byte| byte == b'z'));
}

#[derive(Serialize, Deserialize)]
struct Add {
    a: u32,
    b: u32,
}

impl Task for Add {
    const NAME: &'static str = "add";
    const QUEUE: &'static str = "send-sms-tasks";
    const ARGS: &'static [&'static str] = &["a", "b"];
    const RETRY: Retry = Retry::NEVER;
}

#[derive(Serialize, Deserialize)]
struct Plain {
    value: String,
}

impl Task for Plain {
    const NAME: &'static str = "plain";
    const QUEUE: &'static str = "send-sms-tasks";
    const ARGS: &'static [&'static str] = &["value"];
}

#[derive(Serialize, Deserialize)]
struct ByDay {
    process_day: String,
    service_id: Uuid,
    notification_type: String,
}

impl Task for ByDay {
    const NAME: &'static str = "plain";
    const QUEUE: &'static str = "reporting-tasks";
    const ARGS: &'static [&'static str] = &["process_day", "service_id", "notification_type"];
    const CALL: Call = Call::Keywords;
}

/// What must be equal: the names and types of all headers, the properties and the body. Ids, times
/// and displayed arguments differ.
fn assert_same_form(ours: &Envelope, capture: &Value) {
    let ours = encode(ours, "gen1@host", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", NOW).unwrap();
    let theirs = &capture["properties"];
    let types = |table: &FieldTable| -> Vec<_> {
        table.into_iter().map(|(name, value)| (name.to_string(), value.get_type())).collect()
    };
    let headers = ours.properties.headers().as_ref().unwrap();
    assert_eq!(types(headers), types(&amqp_table(&theirs["headers"])));
    let name = |value: &Option<lapin::types::ShortString>| {
        json!(value.as_ref().map(lapin::types::ShortString::as_str))
    };
    assert_eq!(name(ours.properties.content_type()), theirs["content_type"]);
    assert_eq!(name(ours.properties.content_encoding()), theirs["content_encoding"]);
    assert_eq!(name(ours.properties.expiration()), theirs["expiration"]);
    assert_eq!(json!(ours.properties.delivery_mode()), theirs["delivery_mode"]);
    assert_eq!(ours.properties.correlation_id().is_some(), theirs["correlation_id"].is_string());
    assert_eq!(ours.properties.reply_to().is_some(), theirs["reply_to"].is_string());
    let body: Value = serde_json::from_slice(&ours.body).unwrap();
    assert_eq!(
        body,
        serde_json::from_str::<Value>(capture["body_text"].as_str().unwrap()).unwrap()
    );
}

fn plain(value: &str) -> Envelope {
    let task = Plain { value: value.to_owned() };
    Envelope::new(&task, ID, &Trace::default()).unwrap()
}

#[test]
fn what_we_write_has_the_form_of_what_celery_writes() {
    let add = Envelope::new(&Add { a: 2, b: 3 }, ID, &Trace::default()).unwrap();
    assert_same_form(&add, &captured("published", "plain positional args"));

    let by_day = ByDay {
        process_day: "2022-05-02".to_owned(),
        service_id: uuid!("c5956607-20b1-48b4-8983-85d11404e61f"),
        notification_type: "sms".to_owned(),
    };
    let by_day = Envelope::new(&by_day, ID, &Trace::default()).unwrap();
    assert_same_form(&by_day, &captured("published", "keyword args"));

    assert_same_form(&plain("cd").eta(NOW), &captured("published", "countdown=60"));

    let expires = plain("exp").expires_at(NOW + time::Duration::seconds(120));
    let name = "expires=120 (also sets the AMQP expiration property, in ms)";
    assert_same_form(&expires, &captured("published", name));

    let custom = plain("hdr")
        .header("notify_request_id", "1234-abcd")
        .header("x-num", 7)
        .header("x-big", 1_099_511_627_776_i64)
        .header("x-float", 1.5)
        .header("x-bool", true)
        .header("x-none", Value::Null)
        .header("x-list", json!(["a", 1]))
        .header("x-map", json!({"k": "v"}));
    let name = "custom headers, one of each scalar/container type";
    assert_same_form(&custom, &captured("published", name));
}

#[test]
fn a_subtask_names_its_root_and_parent() {
    let name = "child task published from inside the parent: root_id, parent_id and notify_request_id inherited";
    let capture = captured("subtask", name);
    let theirs = decode(&message(&capture), "q").unwrap();
    let trace = Trace {
        root_id: Some(theirs.root_id.clone()),
        parent_id: theirs.parent_id.clone(),
        headers: theirs.headers.clone(),
    };
    let ours = Envelope::new(&Add { a: 1, b: 2 }, ID, &trace).unwrap();
    assert_eq!(ours.root_id, theirs.root_id);
    assert_eq!(ours.parent_id, theirs.parent_id);
    assert_eq!(ours.headers, theirs.headers);
}

#[test]
fn what_we_write_we_read() {
    let mut ours = plain("£").eta(NOW).expires_at(NOW).header("request", json!({"id": [1, null]}));
    ours.retries = 3;
    let message = encode(&ours, "gen1@host", "reply", NOW).unwrap();
    assert_eq!(decode(&message, "send-sms-tasks").unwrap(), ours);
}

/// One of the malformed messages that a real worker was given. The captures keep their headers;
/// what was wrong with the rest is said by the name of the case.
fn malformed(capture: &Value) -> (String, Message) {
    let case = capture["case"].as_str().unwrap().to_owned();
    let mut headers = FieldTable::default();
    for (name, value) in capture["headers"].as_object().unwrap() {
        let value = match value {
            Value::String(text) => AMQPValue::LongString(text.as_str().into()),
            Value::Number(number) => AMQPValue::LongLongInt(number.as_i64().unwrap()),
            _ => AMQPValue::Void,
        };
        headers.insert(name.as_str().into(), value);
    }
    let mut properties = BasicProperties::default().with_headers(headers);
    if case != "no content type" {
        properties = properties.with_content_type("application/json".into());
    }
    if case != "no encoding" {
        properties = properties.with_content_encoding("utf-8".into());
    }
    let body: &[u8] = match case.as_str() {
        "body not utf8" => b"\xff\xfe",
        "bad json" => b"{x",
        "two-element body" => b"[[], {}]",
        "protocol v1" => br#"{"task": "plain", "id": "v1-1", "args": [], "kwargs": {}}"#,
        "args null" => b"[null, {}, {}]",
        "args dict" => b"[{}, {}, {}]",
        "kwargs list" => b"[[], [], {}]",
        "embed null" => b"[[], {}, null]",
        "embed empty" => b"[[], {}, {}]",
        _ => br#"[[], {}, {"callbacks": null, "errbacks": [], "chain": null, "chord": null}]"#,
    };
    (case, Message { properties, body: body.to_vec() })
}

#[test]
fn a_malformed_message_is_a_typed_error() {
    use DecodeError as E;
    let all = captures();
    let captures = all["malformed_messages_seen_by_a_real_worker"].as_array().unwrap();
    for (case, message) in captures.iter().map(malformed) {
        let read = decode(&message, "q");
        let is_as_expected = match case.as_str() {
            "eta garbage" => matches!(read, Err(E::Time("eta"))),
            "expires garbage" => matches!(read, Err(E::Time("expires"))),
            "body not utf8" | "bad json" => matches!(read, Err(E::Json(_))),
            "no task header" | "protocol v1" => matches!(read, Err(E::Header("task"))),
            "no id header" => matches!(read, Err(E::Header("id"))),
            "no content type" => matches!(read, Err(E::ContentType)),
            "two-element body" | "args null" | "args dict" | "kwargs list" => {
                matches!(read, Err(E::Shape))
            }
            // These a worker runs, or they fail later: an unknown name, too many arguments.
            _ => read.is_ok(),
        };
        assert!(is_as_expected, "{case}");
    }
}

#[test]
fn counts_of_every_width_are_read() {
    use AMQPValue as V;
    for value in [
        V::ShortShortInt(2),
        V::ShortShortUInt(2),
        V::ShortInt(2),
        V::ShortUInt(2),
        V::LongInt(2),
        V::LongUInt(2),
        V::LongLongInt(2),
    ] {
        let mut message = encode(&plain("x"), "gen1@host", "reply", NOW).unwrap();
        let mut headers = message.properties.headers().clone().unwrap();
        headers.insert("retries".into(), value);
        message.properties = message.properties.with_headers(headers);
        assert_eq!(decode(&message, "q").unwrap().retries, 2);
    }
}

fn any_value() -> impl Strategy<Value = AMQPValue> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(AMQPValue::Boolean),
        any::<i8>().prop_map(AMQPValue::ShortShortInt),
        any::<i64>().prop_map(AMQPValue::LongLongInt),
        any::<f64>().prop_map(AMQPValue::Double),
        any::<u64>().prop_map(AMQPValue::Timestamp),
        any::<Vec<u8>>().prop_map(|bytes| AMQPValue::LongString(bytes.into())),
        "[0-9TZ:+.-]{0,30}".prop_map(|text| AMQPValue::LongString(text.into())),
        Just(AMQPValue::Void),
    ];
    leaf.prop_recursive(20, 64, 4, |inner| {
        prop::collection::vec(inner, 0..4).prop_map(|items| AMQPValue::FieldArray(items.into()))
    })
}

fn any_body() -> impl Strategy<Value = Vec<u8>> {
    let json = prop_oneof![
        Just(json!(null)),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        any::<String>().prop_map(|text| json!({"__type__": text, "__value__": {"hex": text}})),
    ]
    .prop_recursive(6, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    });
    prop_oneof![any::<Vec<u8>>(), json.prop_map(|json| json.to_string().into_bytes())]
}

proptest! {
    #[test]
    fn reading_never_panics(
        headers in prop::collection::btree_map(
            prop_oneof![
                Just("eta"), Just("expires"), Just("retries"), Just("root_id"),
                Just("compression"), Just("custom"), Just("x-death"),
            ],
            any_value(),
            0..6,
        ),
        body in any_body(),
    ) {
        let mut table = FieldTable::default();
        for (name, value) in headers {
            table.insert(name.into(), value);
        }
        for name in ["task", "id"] {
            table.insert(name.into(), AMQPValue::LongString(name.into()));
        }
        let properties = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_headers(table);
        let message = Message { properties, body };
        if let Ok(envelope) = decode(&message, "q") {
            // What can be read can be passed on and be written.
            let _ = envelope.payload::<Add>();
            let _ = encode(&envelope, "gen1@host", "reply", NOW);
        }
    }
}
