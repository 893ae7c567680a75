//! The commands that operators type.

use domain::{NotificationId, ServiceId};
use strum::VariantArray;
use testkit::{Database, process};
use tokio::{io::AsyncWriteExt, process::Command};

use crate::broker;

pub(crate) fn command(database: &Database, arguments: &[&str]) -> Command {
    let mut command = process::command(env!("CARGO_BIN_EXE_postroom"));
    command
        .args(arguments)
        .env("SQLALCHEMY_DATABASE_URI", database.url())
        .env("CELERY_BROKER_URL", broker::url())
        .env("SECRET_KEY", "test-secret")
        .env("DANGEROUS_SALT", "test-salt")
        .env("TOKEN_SECRET_KEY", "dGVzdC1rZXktb2YtdGhpcnR5LXR3by1ieXRlcy1vayE=");
    command
}

/// What the command prints; it must succeed.
pub(crate) async fn says(database: &Database, arguments: &[&str]) -> String {
    let output = command(database, arguments).output().await.unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// What the command complains of; it must fail.
async fn refuses(database: &Database, arguments: &[&str]) -> String {
    let output = command(database, arguments).output().await.unwrap();
    assert!(!output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn a_service_its_keys_and_its_templates_are_made_without_the_admin_app() {
    let database = Database::create().await;
    let db = &database;
    let service = says(db, &["service", "create", "Parking permits"]).await;
    let id: ServiceId = service.parse().unwrap();
    let sql = "SELECT restricted, sms_message_limit FROM services WHERE id = $1";
    let row = db.client().await.query_one(sql, &[&id]).await.unwrap();
    assert_eq!((row.get("restricted"), row.get("sms_message_limit")), (true, 50i64));
    let again = refuses(db, &["service", "create", "Parking permits"]).await;
    assert!(again.contains("a service of this name exists"), "{again}");

    let key = says(db, &["key", "create", &service, "My key", "--type", "team"]).await;
    let (name, rest) = key.split_at("My_key-".len());
    assert_eq!(name, "My_key-");
    assert_eq!((&rest[..36], rest.len()), (&*service, 36 + 1 + 36));
    let again = refuses(db, &["key", "create", &service, "My key"]).await;
    assert!(again.contains("a key of this name in force"), "{again}");
    let listed = says(db, &["key", "list", &service]).await;
    assert!(listed.contains("team") && listed.ends_with("My key"), "{listed}");
    assert!(!listed.contains(&rest[37..]), "the secret is shown");
    let key_id = &listed[..36];
    let nobody = uuid::Uuid::nil().to_string();
    refuses(db, &["key", "revoke", &nobody, key_id]).await;
    says(db, &["key", "revoke", &service, key_id]).await;
    assert!(says(db, &["key", "list", &service]).await.contains("revoked"));
    let versions = "SELECT count(*) FROM api_keys_history WHERE service_id = $1";
    let versions: i64 = db.client().await.query_one(versions, &[&id]).await.unwrap().get(0);
    assert_eq!(versions, 2);

    let mut child = command(db, &["template", "create", &service, "Hello", "--type", "sms"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"Hello ((name))\n").await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert!(output.status.success());
    let sql = "SELECT content FROM templates WHERE service_id = $1";
    let row = db.client().await.query_one(sql, &[&id]).await.unwrap();
    assert_eq!(row.get::<_, String>("content"), "Hello ((name))");
    let no_subject =
        refuses(db, &["template", "create", &service, "Hello", "--type", "email"]).await;
    assert!(no_subject.contains("an email needs --subject"), "{no_subject}");
    database.close().await;
}

#[tokio::test]
async fn a_service_is_granted_what_it_may_do() {
    let database = Database::create().await;
    let db = &database;
    let service = says(db, &["service", "create", "Parking permits"]).await;
    let id: ServiceId = service.parse().unwrap();
    let list = async || says(db, &["service", "permission", "list", &service]).await;
    let before = list().await;
    assert!(before.lines().any(|line| line == "sms") && !before.contains("schedule"), "{before}");
    for permission in domain::Permission::VARIANTS {
        let name = permission.to_string();
        says(db, &["service", "permission", "grant", &service, &name]).await;
        says(db, &["service", "permission", "grant", &service, &name]).await; // changes nothing
    }
    let found = store::services::find(&db.client().await, id).await.unwrap().unwrap();
    assert_eq!(found.permissions.len(), domain::Permission::VARIANTS.len());
    let names: Vec<String> = domain::Permission::VARIANTS.iter().map(ToString::to_string).collect();
    assert_eq!(list().await.lines().collect::<Vec<_>>(), names);
    says(db, &["service", "permission", "revoke", &service, "schedule_notifications"]).await;
    assert!(!list().await.contains("schedule"));
    let again =
        refuses(db, &["service", "permission", "revoke", &service, "schedule_notifications"]).await;
    assert!(again.contains("no such permission"), "{again}");
    refuses(db, &["service", "permission", "grant", &service, "fly"]).await;
    let nobody = uuid::Uuid::nil().to_string();
    let nobody = refuses(db, &["service", "permission", "grant", &nobody, "sms"]).await;
    assert!(nobody.contains("there is no such service"), "{nobody}");
    database.close().await;
}

#[tokio::test]
async fn a_notification_tells_why_it_was_not_sent() {
    let database = Database::create().await;
    let db = database.client().await;
    let service = testkit::service(&db).live().create().await;
    let template = testkit::template(&db, &service).sms("Hello").create().await;
    let id = NotificationId(domain::Clock::system().new_id());
    let sql = "INSERT INTO notifications (id, \"to\", service_id, template_id, template_version,
            key_type, notification_type, created_at, notification_status, billable_units,
            claim_attempt, next_attempt_at, last_error)
        VALUES ($1, '07700900001', $2, $3, 1, 'normal', 'sms', '2026-11-24 12:00', 'created', 1, 2,
                '2026-11-24 12:10', 'the provider did not take it: it took too long')";
    db.execute(sql, &[&id, &service.id, &template]).await.unwrap();
    let story = says(&database, &["notification", "show", &id.to_string()]).await;
    assert!(story.contains("attempt 2 is due at 2026-11-24 12:10"), "{story}");
    assert!(story.contains("the provider did not take it: it took too long"), "{story}");
    assert!(!story.contains("07700900001"), "{story}");
    let nobody = uuid::Uuid::nil().to_string();
    let unknown = refuses(&database, &["notification", "show", &nobody]).await;
    assert!(unknown.contains("there is no notification"), "{unknown}");
    drop(db);
    database.close().await;
}

#[tokio::test]
async fn queues_are_listed_whether_they_exist_or_not() {
    let database = Database::create().await;
    let table = says(&database, &["queues", "--seconds", "0"]).await;
    let names: Vec<_> = table.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names.len(), 1 + 19 + 1 + 1, "{table}");
    assert!(names.contains(&"send-sms-tasks") && names.contains(&"dead-letters"), "{table}");
    assert!(names.contains(&"outbox,"), "{table}");
    database.close().await;
}

#[tokio::test]
async fn a_night_can_be_run_and_watched() {
    let database = Database::create().await;
    let db = database.client().await;
    let service = testkit::service(&db).live().create().await;
    let template = testkit::template(&db, &service).create().await;
    let now = domain::Clock::system().now();
    let yesterday = domain::london::Day::ago(now, 1).unwrap();
    let tomorrow = domain::london::Day::ago(now + time::Duration::DAY, 0).unwrap().date.to_string();
    let week_before = yesterday.before(7).unwrap();
    testkit::message(&service, template, week_before.start).live(&db).await;
    testkit::message(&service, template, yesterday.start).live(&db).await;
    let (day, id) = (yesterday.date.to_string(), service.id.to_string());
    let today = domain::london::Day::ago(now, 0).unwrap().date.to_string();

    let prefix = testkit::unique("night-");
    let says = async |arguments: &[&str]| {
        let mut command = command(&database, arguments);
        let output = command.env("NOTIFICATION_QUEUE_PREFIX", &prefix).output().await.unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let run = |more: &[&str]| -> Vec<String> {
        ["night", "run"].iter().chain(more).map(|&word| word.to_owned()).collect()
    };
    let (status, bill) = ("create-nightly-notification-status", "create-nightly-billing");
    let remove = "delete-notifications-older-than-retention";
    let nobody = ServiceId(uuid::Uuid::nil()).to_string();
    for (arguments, answer) in [
        (run(&[status]), "is queued".to_owned()),
        (run(&[status, "--day", &day]), format!("1 parts of {day}")),
        (run(&[status, "--day", &day, "--service", &id]), format!("3 parts of {day}")),
        (run(&[bill, "--day", &day, "--service", &id, "--type", "sms"]), format!("for {day}")),
        (run(&["save-daily-notification-processing-time", "--day", &day]), format!("for {day}")),
        (run(&[remove, "--day", &day]), format!("0 parts of {day}")),
        (run(&[remove, "--day", &today, "--service", &nobody]), format!("0 parts of {today}")),
        (run(&[remove, "--day", &today, "--type", "sms"]), format!("1 parts of {today}")),
    ] {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let said = says(&arguments).await;
        assert!(said.contains(&answer), "{arguments:?}: {said}");
    }
    for (arguments, complaint) in [
        (run(&["create-nightly-miracle"]), "there is no entry"),
        (run(&[bill, "--service", &id]), "--day"),
        (run(&[remove, "--day", &tomorrow]), "has not come"),
        (run(&[bill, "--day", "yesterday"]), "--day"),
        (run(&["timeout-sending-notifications", "--day", &day]), "takes no --day"),
    ] {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let said = refuses(&database, &arguments).await;
        assert!(said.contains(complaint), "{arguments:?}: {said}");
    }

    // The first waits for a relay, the others went to the queue.
    let waiting = says(&["night", "progress", "--days", "2"]).await;
    assert!(waiting.lines().any(|line| line.starts_with(status)), "{waiting}");
    let line = waiting.lines().find(|line| line.starts_with("reporting-tasks")).unwrap();
    assert_eq!(line.split_whitespace().nth(1), Some("6"), "{waiting}");

    let mut worker = command(&database, &["worker", "--role", "reporting"]);
    let mut worker = worker.env("NOTIFICATION_QUEUE_PREFIX", &prefix).spawn().unwrap();
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let shown = says(&["night", "progress"]).await;
        let made = |facts: &str| {
            shown.lines().any(|line| {
                let words: Vec<_> = line.split_whitespace().collect();
                words.starts_with(&[&day, facts, "sms", "1", "1", "1", "1"])
            })
        };
        if made("status") && made("billing") {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{shown}");
    }
    process::signal(&worker, "TERM").await;
    worker.wait().await.unwrap();
    let names = vec!["reporting-tasks", "periodic-tasks", "dead-letters"];
    testkit::Queues::new(&broker::url(), &prefix, names).delete().await;
    drop(db);
    database.close().await;
}
