//! `postroom fixtures`: what the official clients' own suites read and find (public API contract §8).

use std::{collections::BTreeMap, fs, path::Path};

use domain::{Permission as P, ReplyToId, ServiceId, SmsSenderId, signing::Signer};
use serde_json::{Value, json};
use store::{received_texts, senders};
use testkit::Database;

use crate::operators::says;

/// What both suites read (§8.1).
const VARIABLES: [&str; 11] = [
    "NOTIFY_API_URL",
    "API_KEY",
    "API_SENDING_KEY",
    "FUNCTIONAL_TEST_NUMBER",
    "FUNCTIONAL_TEST_EMAIL",
    "SMS_TEMPLATE_ID",
    "EMAIL_TEMPLATE_ID",
    "LETTER_TEMPLATE_ID",
    "SMS_SENDER_ID",
    "EMAIL_REPLY_TO_ID",
    "INBOUND_SMS_QUERY_KEY",
];

/// Makes the fixtures; the variables in the file that it writes.
async fn make(database: &Database) -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(testkit::unique("fixtures-"));
    says(database, &["fixtures", "--env-file", path.to_str().unwrap()]).await;
    let text = fs::read_to_string(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let variable = |line: &str| {
        let (name, value) = line.strip_prefix("export ").unwrap().split_once('=').unwrap();
        let value = value.strip_prefix('\'').unwrap().strip_suffix('\'').unwrap();
        (name.to_owned(), value.to_owned())
    };
    text.lines().map(variable).collect()
}

#[tokio::test]
async fn the_suites_find_their_variables_and_a_second_run_says_the_same_8_1() {
    let database = Database::create().await;
    let made = make(&database).await;
    for name in VARIABLES {
        assert!(made.get(name).is_some_and(|value| !value.is_empty()), "{name}");
    }
    assert_eq!(made["NOTIFY_API_URL"], "http://localhost:6011", "API_HOST_NAME");
    let service = &made["SERVICE_ID"];
    for name in ["API_KEY", "API_SENDING_KEY", "INBOUND_SMS_QUERY_KEY", "API_KEY_TEST"] {
        let key = &made[name];
        assert_eq!(&key[key.len() - 73..key.len() - 37], service, "§1.1: {name}");
    }
    assert_eq!(make(&database).await, made);
    let texts = "SELECT count(*) FROM inbound_sms";
    let texts: i64 = database.client().await.query_one(texts, &[]).await.unwrap().get(0);
    assert_eq!(texts, 2, "written once");
    database.close().await;
}

#[tokio::test]
async fn the_suites_find_their_templates_in_every_version_8_2() {
    let database = Database::create().await;
    let made = make(&database).await;
    let db = database.client().await;
    let sql = "SELECT json_build_array(t.id, t.version, t.name, t.subject, t.content,
                                        c.contact_block)::text
                 FROM templates_history t
                 LEFT JOIN service_letter_contacts c ON c.id = t.service_letter_contact_id
                WHERE t.service_id::text = $1";
    let rows = db.query(sql, &[&made["SERVICE_ID"]]).await.unwrap();
    let found: Vec<Value> =
        rows.iter().map(|row| serde_json::from_str(row.get(0)).unwrap()).collect();
    let sms = "Hello ((name))\n\nFunctional Tests make our world a better place";
    let email = "Hello ((name))\r\n\r\nFunctional test help make our world a better place";
    let letter = "Hello ((address_line_1))";
    let address = "Government Digital Service\nThe White Chapel Building\n10 Whitechapel High \
                   Street\nLondon\nE1 8QS\nUnited Kingdom";
    let (good, heading) = (Some("Functional Tests are good"), Some("Main heading"));
    for (variable, version, name, subject, content, contact_block) in [
        ("SMS_TEMPLATE_ID", 1, "Example text message template", None, sms, None),
        ("SMS_TEMPLATE_ID", 2, "Client Functional test sms template", None, sms, None),
        ("EMAIL_TEMPLATE_ID", 1, "Client Functional test email template", good, email, None),
        ("LETTER_TEMPLATE_ID", 1, "Untitled", heading, letter, None),
        (
            "LETTER_TEMPLATE_ID",
            2,
            "Client functional letter template",
            heading,
            letter,
            Some(address),
        ),
    ] {
        let expected = json!([made[variable], version, name, subject, content, contact_block]);
        assert!(found.contains(&expected), "{expected} is not among {found:?}");
    }
    assert_eq!(found.len(), 5);
    let newest = "SELECT count(*) FROM templates t
         WHERE version = (SELECT max(version) FROM templates_history h WHERE h.id = t.id)
           AND service_id::text = $1";
    let newest: i64 = db.query_one(newest, &[&made["SERVICE_ID"]]).await.unwrap().get(0);
    assert_eq!(newest, 3, "the last version is the one in force");
    drop(db);
    database.close().await;
}

#[tokio::test]
async fn the_suites_service_sends_everything_and_is_answered_8_2() {
    let database = Database::create().await;
    let made = make(&database).await;
    let db = database.client().await;
    let service: ServiceId = made["SERVICE_ID"].parse().unwrap();
    let found = store::services::find(&db, service).await.unwrap().unwrap();
    assert!(!found.restricted, "live");
    assert!(found.contact_link.is_some());
    for permission in [P::Sms, P::Email, P::Letter, P::InboundSms] {
        assert!(found.may(permission), "{permission}");
    }
    let sender = SmsSenderId(made["SMS_SENDER_ID"].parse().unwrap());
    assert_eq!(senders::get_sms_sender(&db, service, sender).await.unwrap(), "FUNCTIONAL");
    let reply_to = ReplyToId(made["EMAIL_REPLY_TO_ID"].parse().unwrap());
    assert!(senders::get_reply_to(&db, service, reply_to).await.unwrap().contains('@'));
    let team = "SELECT count(*) FROM users u JOIN user_to_service s ON s.user_id = u.id
                 WHERE s.service_id = $1 AND email_address = $2
                   AND mobile_number = regexp_replace($3, '^0', '+44')";
    let (email, number) = (&made["FUNCTIONAL_TEST_EMAIL"], &made["FUNCTIONAL_TEST_NUMBER"]);
    let team: i64 = db.query_one(team, &[&service, email, number]).await.unwrap().get(0);
    assert_eq!(team, 1, "the team key may send to both");

    let texts = received_texts::list(&db, service, None, 10).await.unwrap();
    let signer = Signer::new(&["test-secret".into()], &"test-salt".into()).unwrap();
    let first: String = signer.unsign(&texts[0].signed_content).unwrap();
    assert_eq!((texts.len(), texts[0].notify_number.as_str()), (2, "07700900500"));
    assert!(first.starts_with("Can you"), "{first}");
    let receives = store::inbound_sms::find_service(&db, "07700900500").await.unwrap();
    assert_eq!(receives, Some(service));
    drop(db);
    database.close().await;
}
