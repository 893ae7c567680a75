//! Letters between us and Notify's own apps, which are real Celery programs here: antivirus of the
//! newest version, template-preview of the oldest (letters contract §2, §5; tasks contract §3.4).

use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::{KeyType, NotificationId, NotificationStatus as Status, TemplateId};
use providers::objects::{Bucket, Place};
use queue::Trace;
use serde_json::{Value, json};
use store::letters::Letter;
use tasks::queues::{ANTIVIRUS, PERIODIC, SANITISE_LETTER, SEND_LETTER};
use testkit::{Celery, Process};
use time::{OffsetDateTime, macros::datetime};
use tokio::time::Instant;

use crate::{
    app::{Client, TestApp, id},
    printing::{Answer, Printer, attempt},
};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/it/letter_apps");
const NOON: OffsetDateTime = datetime!(2026-11-24 12:00 UTC);
const ADDRESS: &str = "A. Person\n1 Street\nSW1A 1AA";

/// A system at noon, with a client that sends letters, and the apps that work on them.
struct Post {
    t: TestApp,
    client: Client,
    template: TemplateId,
    template_preview: Celery,
    apps: Vec<Process>,
}

impl Post {
    /// With these queues served by the apps whose queues they are.
    async fn start(queues: &[&str]) -> Self {
        Self::with(KeyType::Normal, queues).await
    }

    async fn with(key_type: KeyType, queues: &[&str]) -> Self {
        // The printer is told no volumes: that would be emails.
        let t = TestApp::with_app(|app, _| app.dvla_email_addresses = "[]".to_owned()).await;
        t.travel_to(NOON);
        let db = t.db().await;
        let service = testkit::service(&db).live().create().await;
        let template = testkit::template(&db, &service).letter("A letter", "Of ((pages)) pages");
        let template = template.create().await;
        let client = t.client_of(service, key_type).await;
        let beside = |celery: Celery| {
            celery
                .with("BROKER_URL", &t.proxy.url)
                .with("QUEUE_PREFIX", t.queues.prefix())
                .with("SECRET_KEY", "test-secret")
                .with("DANGEROUS_SALT", "test-salt")
                .with("OBJECTS", &t.objects_folder())
        };
        let template_preview = beside(Celery::oldest(FOLDER));
        let antivirus = beside(Celery::newest(FOLDER));
        let mut apps: Vec<Process> = queues
            .iter()
            .map(|queue| match *queue {
                ANTIVIRUS => start(&antivirus, &t, ANTIVIRUS),
                other => start(&template_preview, &t, other),
            })
            .collect();
        for app in &mut apps {
            app.says(" ready.").await;
        }
        Self { t, client, template, template_preview, apps }
    }

    /// Posts a letter that is made from a template; `values` are beside its address.
    async fn send(&self, values: Value) -> NotificationId {
        let mut body = json!({
            "template_id": self.template,
            "personalisation": { "address_line_1": "A. Person", "address_line_2": "1 Street",
                                 "address_line_3": "SW1A 1AA" },
        });
        for (name, value) in values.as_object().unwrap() {
            body["personalisation"][name] = value.clone();
        }
        id(&self.client.post("/v2/notifications/letter", &body).await.expect(201))
    }

    /// Posts a PDF in which the apps find this.
    async fn send_pdf(&self, found: Value) -> NotificationId {
        let content = BASE64_STANDARD.encode(format!("%PDF-1.5\n{found}"));
        let body = json!({ "reference": "mine", "content": content });
        id(&self.client.post("/v2/notifications/letter", &body).await.expect(201))
    }

    async fn letter(&self, id: NotificationId) -> Letter {
        store::letters::get(&self.t.db().await, id).await.unwrap()
    }

    /// The name of the letter's file, as it was accepted.
    async fn file(&self, id: NotificationId) -> String {
        let Letter { reference, postage, created_at, .. } = self.letter(id).await;
        domain::letter::file::name(&reference.unwrap(), postage, created_at).unwrap()
    }

    /// Works, as the apps do, until the letter has this status and so many sheets.
    async fn until(&self, id: NotificationId, status: Status, sheets: i32) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let waiting = async {
            loop {
                let letter = self.letter(id).await;
                if (letter.status, letter.billable_units) == (status, sheets) {
                    return;
                }
                let is = letter.status;
                assert!(Instant::now() < deadline, "the letter is {is} and not {status}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        self.t.while_working(waiting).await;
    }

    /// Works until one of the apps has said this.
    async fn until_said(&mut self, text: &str) {
        let Self { t, apps, .. } = self;
        let says = apps.iter_mut().map(|app| Box::pin(app.says(text)));
        t.while_working(futures_util::future::select_all(says)).await;
    }

    /// Fires an entry of the schedule this much later.
    async fn fire_after(&self, wait: time::Duration, entry: &str) {
        self.t.advance(wait);
        self.t.fire(entry).await;
    }

    /// Has the API's own producers say something, in Python.
    async fn say(&self, call: &str) {
        self.template_preview.python(&format!("import app; app.{call}")).await;
    }

    /// The letters that today's print run puts on the queue to the printer.
    async fn print_run(&self) -> Vec<Value> {
        self.t.travel_to(datetime!(2026-11-24 17:50 UTC));
        self.t.fire("collate-letter-pdfs-to-be-sent").await;
        self.t.drain_only(&[PERIODIC]).await;
        let queued = self.t.queues.take_tasks(SEND_LETTER).await;
        assert!(queued.iter().all(|(task, _)| task == "deliver_letter"), "{queued:?}");
        queued.into_iter().map(|(_, arguments)| arguments[1]["notification_id"].clone()).collect()
    }

    /// Hands a letter that is on that queue to the printer.
    async fn print(&self, id: NotificationId) {
        let printer = Printer { answer: Answer::Takes, printed: Arc::default() };
        let context = self.t.with_printer(Box::new(printer));
        let task = tasks::DeliverLetter { notification_id: id };
        worker::printing::deliver(context, task, attempt(id, 0)).await.unwrap();
        assert_eq!(self.t.status(id).await, Status::Sending);
    }

    /// What the object store has at a place, and the texts beside it.
    async fn object(&self, place: &Place) -> Option<(String, Value)> {
        let object = self.t.app.objects().get(place).await.unwrap()?;
        let text = String::from_utf8(object.body.to_vec()).unwrap();
        Some((text, serde_json::to_value(object.metadata).unwrap()))
    }

    /// What the letter is printed from.
    async fn pdf(&self, id: NotificationId) -> String {
        let pdf = self.t.app.letter_pdf(&self.letter(id).await).await.unwrap().unwrap();
        String::from_utf8(pdf.body.to_vec()).unwrap()
    }

    async fn end(self) {
        for app in self.apps {
            app.kill().await;
        }
        // An answer may have come that the test had no reason to wait for.
        self.t.drain().await;
        self.t.end().await;
    }
}

/// A worker of one queue.
fn start(celery: &Celery, t: &TestApp, queue: &str) -> Process {
    let queue = format!("{}{queue}", t.queues.prefix());
    let name = format!("{queue}@host");
    let worker = ["worker", "-n", &name, "-Q", &queue, "-P", "threads", "-c", "2", "-l", "INFO"];
    let quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"];
    celery.start(&[&worker[..], &quiet[..]].concat())
}

#[tokio::test]
async fn a_templated_letter_goes_from_post_to_its_addressee_and_back() {
    let post = Post::start(&[SANITISE_LETTER]).await;
    // Its logo cannot be had at first.
    let letter = post.send(json!({ "pages": "3", "logos_missing": "2" })).await;
    post.until(letter, Status::Created, 2).await;
    let pdf = post.pdf(letter).await;
    assert!(pdf.starts_with("%PDF-1.5 A letter of 3 pages, 2026-11-24T12:00:0"), "{pdf}");
    assert_eq!(post.print_run().await, [json!(letter)]);

    post.print(letter).await;
    post.say(&format!("despatched('{letter}', 2)")).await;
    post.until(letter, Status::Delivered, 2).await;
    let sql = "SELECT despatched_on::text, cost_threshold::text FROM notifications_letter_despatch
                WHERE notification_id = $1";
    let row = post.t.db().await.query_one(sql, &[&letter]).await.unwrap();
    assert_eq!((row.get::<_, &str>(0), row.get::<_, &str>(1)), ("2026-11-25", "sorted"));
    let reference = post.letter(letter).await.reference.unwrap();
    post.say(&format!("returned('{reference}')")).await;
    post.until(letter, Status::ReturnedLetter, 2).await;
    post.end().await;
}

#[tokio::test]
async fn a_templated_letter_of_too_many_pages_is_not_printed() {
    let post = Post::start(&[SANITISE_LETTER]).await;
    let letter = post.send(json!({ "pages": "11" })).await;
    let longest = post.send(json!({ "pages": "10" })).await;
    post.until(letter, Status::ValidationFailed, 0).await;
    post.until(longest, Status::Created, 5).await;
    let (text, why) = post.object(&Bucket::InvalidPdf.at(post.file(letter).await)).await.unwrap();
    assert!(text.contains("of 11 pages"), "{text}");
    let expected = json!({ "validation_status": "failed", "message": "letter-too-long",
                           "page_count": "11" });
    assert_eq!(why, expected);
    assert_eq!(post.print_run().await, [json!(longest)]);
    post.end().await;
}

#[tokio::test]
async fn a_test_keys_letter_is_made_and_not_printed() {
    let post = Post::with(KeyType::Test, &[SANITISE_LETTER]).await;
    let letter = post.send(json!({ "pages": "3" })).await;
    let made = Bucket::TestLetters.at(post.file(letter).await);
    let deadline = Instant::now() + Duration::from_secs(60);
    let waiting = async {
        while post.object(&made).await.is_none() {
            assert!(Instant::now() < deadline, "there is no {made}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    post.t.while_working(waiting).await;
    // The printer is played for it.
    post.until(letter, Status::Delivered, 0).await;
    assert!(post.print_run().await.is_empty());
    post.end().await;
}

#[tokio::test]
async fn a_pdf_goes_from_post_through_scan_and_check_to_the_print_queue() {
    let mut post = Post::start(&[ANTIVIRUS, SANITISE_LETTER]).await;
    let abroad = "A. Person\n1 Rue\nFrance";
    let letter = post.send_pdf(json!({ "pages": 5, "address": abroad })).await;
    let accepted_as = post.file(letter).await;
    post.until(letter, Status::Created, 3).await;
    let sql =
        r#"SELECT "to", normalised_to, postage, international FROM notifications WHERE id = $1"#;
    let row = post.t.db().await.query_one(sql, &[&letter]).await.unwrap();
    assert_eq!((row.get::<_, &str>(0), row.get::<_, &str>(1)), (abroad, "a.person1ruefrance"));
    assert_eq!((row.get::<_, &str>(2), row.get::<_, bool>(3)), ("europe", true));
    assert_eq!(post.pdf(letter).await, "%PDF-1.5 sanitised");
    let printed_as = post.file(letter).await;
    assert_eq!(printed_as, accepted_as.replace(".D.2.C.", ".D.E.C."));
    for gone in [Bucket::LettersScan.at(&accepted_as), Bucket::LetterSanitise.at(&accepted_as)] {
        assert!(post.object(&gone).await.is_none(), "{gone}");
    }

    post.t.app.resanitise(letter, &Trace::default()).await.unwrap();
    post.until_said(&format!("2026-11-24/{printed_as} is made again")).await;
    assert_eq!(post.pdf(letter).await, "%PDF-1.5 sanitised again");
    assert_eq!(post.print_run().await, [json!(letter)]);
    post.end().await;
}

#[tokio::test]
async fn a_pdf_with_a_virus_is_set_aside() {
    let post = Post::start(&[ANTIVIRUS]).await;
    let letter = post.send_pdf(json!({ "pages": 1, "virus": true })).await;
    post.until(letter, Status::VirusScanFailed, 0).await;
    let file = post.file(letter).await;
    assert!(post.object(&Bucket::LettersScan.at(&file)).await.is_none());
    assert!(post.object(&Bucket::LettersScan.at(format!("FAILURE/{file}"))).await.is_some());
    let path = format!("/v2/notifications/{letter}/pdf");
    let told = post.client.get(&path).await.expect(400);
    assert_eq!(told["errors"][0]["message"], "File did not pass the virus scan");
    assert!(post.print_run().await.is_empty());
    post.end().await;
}

#[tokio::test]
async fn a_scan_that_fails_is_tried_again_given_up_and_taken_up_by_an_operator() {
    let post = Post::start(&[ANTIVIRUS, SANITISE_LETTER]).await;
    let pdf = |failures| json!({ "pages": 1, "address": ADDRESS, "scans_failed": failures });
    let lucky = post.send_pdf(pdf(5)).await;
    let unlucky = post.send_pdf(pdf(6)).await;
    post.until(lucky, Status::Created, 1).await;
    post.until(unlucky, Status::TechnicalFailure, 0).await;
    let aside = Bucket::LettersScan.at(format!("ERROR/{}", post.file(unlucky).await));
    assert!(post.object(&aside).await.is_some());

    assert_eq!(post.t.app.rescue_failed_scans(None, &Trace::default()).await.unwrap(), 1);
    post.until(unlucky, Status::Created, 1).await;
    assert!(post.object(&aside).await.is_none());
    let printed = post.print_run().await;
    assert!(printed.len() == 2 && printed.contains(&json!(unlucky)), "{printed:?}");
    post.end().await;
}

#[tokio::test]
async fn a_pdf_that_fails_its_check_is_kept_with_the_reason() {
    let post = Post::start(&[ANTIVIRUS, SANITISE_LETTER]).await;
    let outside = json!({ "pages": 2, "message": "content-outside-printable-area",
                          "invalid_pages": [1, 2] });
    let letter = post.send_pdf(outside).await;
    let unreadable = post.send_pdf(json!({ "message": "unable-to-read-the-file" })).await;
    for (id, expected) in [
        (
            letter,
            json!({ "message": "content-outside-printable-area", "invalid_pages": "[1, 2]",
                    "page_count": "2" }),
        ),
        (unreadable, json!({ "message": "unable-to-read-the-file" })),
    ] {
        post.until(id, Status::ValidationFailed, 0).await;
        let file = post.file(id).await;
        assert!(post.object(&Bucket::LettersScan.at(&file)).await.is_none());
        let (text, why) = post.object(&Bucket::InvalidPdf.at(&file)).await.unwrap();
        assert!(text.starts_with("%PDF-1.5\n{"), "the original: {text}");
        assert_eq!(why, expected);
    }
    assert!(post.print_run().await.is_empty());
    post.end().await;
}

#[tokio::test]
async fn what_the_apps_lose_is_asked_for_again() {
    const RESCAN: &str = "check-if-letters-still-pending-virus-check";
    let mut post = Post::start(&[ANTIVIRUS, SANITISE_LETTER]).await;
    let found = json!({ "pages": 1, "address": ADDRESS, "scans_lost": 1, "checks_lost": 1 });
    let pdf = post.send_pdf(found).await;
    let templated = post.send(json!({ "pages": "1", "pdfs_lost": "1" })).await;
    post.until_said("the scan of").await;
    post.until_said("cannot be written, which nobody is told").await;
    let eleven = time::Duration::minutes(11);
    post.fire_after(eleven, RESCAN).await;
    post.until_said("the check of").await;
    assert_eq!(post.t.status(pdf).await, Status::PendingVirusCheck);
    post.fire_after(eleven, RESCAN).await;
    post.until(pdf, Status::Created, 1).await;
    assert_eq!(post.letter(templated).await.billable_units, 0);
    post.fire_after(time::Duration::HOUR, "replay-created-notifications").await;
    post.until(templated, Status::Created, 1).await;
    let printed = post.print_run().await;
    assert!(printed.len() == 2 && printed.contains(&json!(templated)), "{printed:?}");
    for letter in [pdf, templated] {
        post.print(letter).await;
    }
    post.end().await;
}
