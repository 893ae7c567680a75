//! Letters: what the apps that scan, check and make PDFs answer, and what we make of it. Their
//! messages are played here.

use domain::{
    KeyType, NotificationId, NotificationStatus as Status, ServiceId, TemplateId, letter::Postage,
};
use providers::objects::{Bucket, Metadata, Place};
use serde_json::{Value, json};
use testkit::TestService;
use time::macros::datetime;

use crate::app::TestApp;

const CREATED: time::OffsetDateTime = datetime!(2026-11-24 12:00 UTC);
const REFERENCE: &str = "FOO1234567890ABC";
const FILE: &str = "NOTIFY.FOO1234567890ABC.D.2.C.20261124120000.PDF";

/// A system with a service that sends letters.
struct Letters {
    t: TestApp,
    service: TestService,
    template: TemplateId,
}

/// What is stored of a letter.
#[derive(Debug, PartialEq)]
struct Stored {
    status: String,
    units: i32,
    to: String,
    postage: String,
    international: Option<bool>,
}

impl Letters {
    async fn start() -> Self {
        let t = TestApp::start().await;
        let db = t.db().await;
        let service = testkit::service(&db).live().create().await;
        let template = testkit::template(&db, &service).letter("Dear ((name))", "Hello ((name))");
        let template = template.create().await;
        Self { t, service, template }
    }

    /// A letter whose files are called [`FILE`].
    async fn letter(&self, status: Status, key_type: KeyType) -> NotificationId {
        let signed = self.t.signer.sign(&json!({ "name": "Ada" })).unwrap();
        let db = self.t.db().await;
        let letter = testkit::letter(&db, &self.service, self.template);
        let letter = letter.reference(REFERENCE).created_at(CREATED).personalisation(&signed);
        letter.status(status).key_type(key_type).create().await
    }

    async fn stored(&self, id: NotificationId) -> Stored {
        let sql = r#"SELECT notification_status, billable_units, "to", postage, international
                       FROM notifications WHERE id = $1"#;
        let row = self.t.db().await.query_one(sql, &[&id]).await.unwrap();
        Stored {
            status: row.get(0),
            units: row.get(1),
            to: row.get(2),
            postage: row.get(3),
            international: row.get(4),
        }
    }

    async fn put(&self, place: &Place) {
        let body = place.to_string();
        self.t.app.objects().put(place, body, &Metadata::new()).await.unwrap();
    }

    /// Which of these places hold a file.
    async fn holds(&self, places: [&Place; 3]) -> [bool; 3] {
        let objects = self.t.app.objects();
        let mut held = [false; 3];
        for (held, place) in held.iter_mut().zip(places) {
            *held = objects.exists(place).await.unwrap();
        }
        held
    }

    async fn letter_task(&self, task: &str, kwargs: Value) {
        self.t.told("letter-tasks", task, json!([]), kwargs).await;
    }

    /// What the app that checks PDFs says of the letter's.
    async fn checked(&self, check: Value) {
        let signed = self.t.signer.sign(&check).unwrap();
        let args = json!([signed]);
        self.t.told("letter-tasks", "process-sanitised-letter", args, json!({})).await;
    }
}

fn passed(id: NotificationId, address: &str) -> Value {
    json!({
        "page_count": 3, "message": null, "invalid_pages": null, "validation_status": "passed",
        "filename": FILE, "notification_id": id, "address": address,
    })
}

fn failed(id: NotificationId) -> Value {
    json!({
        "page_count": 2, "message": "content-outside-printable-area", "invalid_pages": [1, 2],
        "validation_status": "failed", "filename": FILE, "notification_id": id, "address": null,
    })
}

fn scanned() -> Place {
    Bucket::LettersScan.at(FILE)
}

fn sanitised() -> Place {
    Bucket::LetterSanitise.at(FILE)
}

fn printable() -> Place {
    Bucket::LettersPdf.at(format!("2026-11-24/{FILE}"))
}

#[tokio::test]
async fn the_pdf_of_a_templated_letter_is_asked_for_with_all_that_it_takes() {
    let l = Letters::start().await;
    let id = l.letter(Status::Created, KeyType::Normal).await;
    let db = l.t.db().await;
    db.batch_execute(&format!(
        "INSERT INTO letter_branding (id, name, filename) VALUES ('{0}', 'x', 'crown');
         INSERT INTO service_letter_branding VALUES ('{1}', '{0}')",
        l.service.user_id, l.service.id,
    ))
    .await
    .unwrap();
    let task = "get-pdf-for-templated-letter";
    l.t.told("create-letters-pdf-tasks", task, json!([id]), json!({})).await;
    let mut asked = l.t.queues.take_tasks("sanitise-letter-tasks").await;
    let (task, arguments) = asked.pop().unwrap();
    assert_eq!((task.as_str(), asked.len()), ("create-pdf-for-templated-letter", 0));
    assert_eq!(arguments[1], json!({}));
    let payload: Value = l.t.signer.unsign(arguments[0][0].as_str().unwrap()).unwrap();
    let service: ServiceId = l.service.id;
    assert_eq!(
        payload,
        json!({
            "letter_contact_block": "A Department",
            "template": {
                "subject": "Dear ((name))", "content": "Hello ((name))", "template_type": "letter",
                "service": service, "letter_languages": "english", "letter_welsh_subject": null,
                "letter_welsh_content": null, "letter_attachment": null,
            },
            "values": { "name": "Ada" },
            "logo_filename": "crown",
            "letter_filename": format!("2026-11-24/{FILE}"),
            "notification_id": id,
            "key_type": "normal",
            "date": "2026-11-24T12:00:00+00:00",
        })
    );
    l.t.end().await;
}

#[tokio::test]
async fn pages_become_sheets_and_letters_of_test_keys_have_none() {
    let l = Letters::start().await;
    let live = l.letter(Status::Created, KeyType::Normal).await;
    let test = l.letter(Status::Created, KeyType::Test).await;
    for _ in 0..2 {
        for (id, units) in [(live, 2), (test, 0)] {
            let pages = json!({ "notification_id": id, "page_count": 3 });
            l.letter_task("update-billable-units-for-letter", pages).await;
            let stored = l.stored(id).await;
            assert_eq!((stored.status.as_str(), stored.units), ("created", units));
        }
    }
    l.t.end().await;
}

#[tokio::test]
async fn a_letter_that_is_too_long_fails_unless_it_has_gone_on() {
    let l = Letters::start().await;
    for (status, key_type, expected) in [
        (Status::Created, KeyType::Normal, "validation-failed"),
        (Status::Sending, KeyType::Test, "validation-failed"),
        (Status::Delivered, KeyType::Test, "validation-failed"),
        (Status::Sending, KeyType::Normal, "sending"),
        (Status::Cancelled, KeyType::Normal, "cancelled"),
    ] {
        let id = l.letter(status, key_type).await;
        let pages = json!({ "notification_id": id, "page_count": 11 });
        l.letter_task("update-validation-failed-for-templated-letter", pages.clone()).await;
        // What was counted before comes too late as well.
        l.letter_task("update-billable-units-for-letter", pages).await;
        let stored = l.stored(id).await;
        assert_eq!((stored.status.as_str(), stored.units), (expected, 0), "{status} {key_type}");
    }
    l.t.end().await;
}

#[tokio::test]
async fn a_clean_pdf_is_sent_on_and_printed_from_its_folder_when_it_passes() {
    let l = Letters::start().await;
    let id = l.letter(Status::PendingVirusCheck, KeyType::Normal).await;
    l.put(&scanned()).await;
    l.letter_task("sanitise-letter", json!({ "filename": FILE })).await;
    let asked = l.t.queues.take_tasks("sanitise-letter-tasks").await;
    let kwargs =
        json!({ "notification_id": id, "filename": FILE, "allow_international_letters": true });
    assert_eq!(asked, [("sanitise-and-upload-letter".to_owned(), json!([[], kwargs]))]);

    l.put(&sanitised()).await;
    let expected = Stored {
        status: "created".to_owned(),
        units: 2,
        to: "A Person\n1 Street\nSW1A 1AA".to_owned(),
        postage: "second".to_owned(),
        international: Some(false),
    };
    for _ in 0..2 {
        l.checked(passed(id, "A Person\n1 Street\nSW1A 1AA")).await;
        assert_eq!(l.stored(id).await, expected);
        let held = l.holds([&scanned(), &sanitised(), &printable()]).await;
        assert_eq!(held, [false, false, true]);
    }
    let pdf = l.t.app.objects().get(&printable()).await.unwrap().unwrap();
    assert_eq!(&pdf.body[..], sanitised().to_string().as_bytes());

    // The scan is answered again, late: the letter has gone on.
    l.letter_task("sanitise-letter", json!({ "filename": FILE })).await;
    assert!(l.t.queues.take_tasks("sanitise-letter-tasks").await.is_empty());
    l.t.end().await;
}

#[tokio::test]
async fn a_letter_abroad_gets_its_postage_from_its_address() {
    let l = Letters::start().await;
    let id = l.letter(Status::PendingVirusCheck, KeyType::Normal).await;
    l.put(&scanned()).await;
    l.put(&sanitised()).await;
    l.checked(passed(id, "A Person\n1 Rue\nFrance")).await;
    let stored = l.stored(id).await;
    assert_eq!((stored.postage.as_str(), stored.international), ("europe", Some(true)));
    let pdf = Bucket::LettersPdf.at("2026-11-24/NOTIFY.FOO1234567890ABC.D.E.C.20261124120000.PDF");
    assert_eq!(l.holds([&scanned(), &sanitised(), &pdf]).await, [false, false, true]);
    l.t.end().await;
}

#[tokio::test]
async fn the_letter_of_a_test_key_is_delivered_when_it_passes() {
    let l = Letters::start().await;
    let id = l.letter(Status::PendingVirusCheck, KeyType::Test).await;
    l.put(&scanned()).await;
    l.put(&sanitised()).await;
    for _ in 0..2 {
        l.checked(passed(id, "A Person\n1 Street\nSW1A 1AA")).await;
        assert_eq!(l.stored(id).await.status, "delivered");
        let held = l.holds([&scanned(), &sanitised(), &Bucket::TestLetters.at(FILE)]).await;
        assert_eq!(held, [false, false, true]);
    }
    l.t.end().await;
}

#[tokio::test]
async fn a_check_broken_off_anywhere_is_finished_by_the_next_run() {
    let l = Letters::start().await;
    let address = "A Person\n1 Street\nSW1A 1AA";
    // The PDF was copied; then the process died.
    let id = l.letter(Status::PendingVirusCheck, KeyType::Normal).await;
    for place in [scanned(), sanitised(), printable()] {
        l.put(&place).await;
    }
    l.checked(passed(id, address)).await;
    assert_eq!(l.stored(id).await.status, "created");
    assert_eq!(l.holds([&scanned(), &sanitised(), &printable()]).await, [false, false, true]);

    // The letter was changed too, and no file was deleted.
    for place in [scanned(), sanitised()] {
        l.put(&place).await;
    }
    l.checked(passed(id, address)).await;
    assert_eq!(l.holds([&scanned(), &sanitised(), &printable()]).await, [false, false, true]);

    // One file was deleted and the other not.
    l.put(&scanned()).await;
    l.checked(passed(id, address)).await;
    assert_eq!(l.stored(id).await.status, "created");
    assert_eq!(l.holds([&scanned(), &sanitised(), &printable()]).await, [false, false, true]);
    l.t.end().await;
}

#[tokio::test]
async fn a_pdf_that_cannot_be_printed_is_kept_with_the_reason() {
    let l = Letters::start().await;
    let id = l.letter(Status::PendingVirusCheck, KeyType::Normal).await;
    let invalid = Bucket::InvalidPdf.at(FILE);
    l.put(&scanned()).await;
    for _ in 0..2 {
        l.checked(failed(id)).await;
        let stored = l.stored(id).await;
        assert_eq!((stored.status.as_str(), stored.units), ("validation-failed", 0));
        assert_eq!(l.holds([&scanned(), &printable(), &invalid]).await, [false, false, true]);
        let metadata = l.t.app.objects().metadata(&invalid).await.unwrap().unwrap();
        let metadata = serde_json::to_value(metadata).unwrap();
        assert_eq!(
            metadata,
            json!({ "message": "content-outside-printable-area", "invalid_pages": "[1, 2]",
                    "page_count": "2" })
        );
    }
    l.t.end().await;
}

#[tokio::test]
async fn a_letter_whose_file_is_gone_ends_in_technical_failure() {
    let l = Letters::start().await;
    for status in ["passed", "failed"] {
        let id = l.letter(Status::PendingVirusCheck, KeyType::Normal).await;
        let mut check = passed(id, "A Person\n1 Street\nSW1A 1AA");
        check["validation_status"] = json!(status);
        l.checked(check).await;
        assert_eq!(l.stored(id).await.status, "technical-failure", "{status}");
    }
    l.t.end().await;
}

#[tokio::test]
async fn a_payload_that_nobody_of_ours_signed_changes_nothing() {
    let l = Letters::start().await;
    let id = l.letter(Status::PendingVirusCheck, KeyType::Normal).await;
    l.put(&sanitised()).await;
    let mut signed = l.t.signer.sign(&passed(id, "A\nB\nSW1A 1AA")).unwrap();
    signed.insert(0, 'x');
    l.t.told("letter-tasks", "process-sanitised-letter", json!([signed]), json!({})).await;
    assert_eq!(l.stored(id).await.status, "pending-virus-check");
    l.t.end().await;
}

#[tokio::test]
async fn files_that_fail_the_scan_are_set_aside_and_their_letters_end() {
    let l = Letters::start().await;
    for (task, folder, expected) in [
        ("process-virus-scan-failed", "FAILURE", "virus-scan-failed"),
        ("process-virus-scan-error", "ERROR", "technical-failure"),
    ] {
        let id = l.letter(Status::PendingVirusCheck, KeyType::Normal).await;
        let aside = Bucket::LettersScan.at(format!("{folder}/{FILE}"));
        l.put(&scanned()).await;
        for _ in 0..2 {
            l.letter_task(task, json!({ "filename": FILE })).await;
            let stored = l.stored(id).await;
            assert_eq!((stored.status.as_str(), stored.units), (expected, 0));
            assert_eq!(l.holds([&scanned(), &sanitised(), &aside]).await, [false, false, true]);
        }
        // The file was moved, and then the process died.
        let sql =
            "UPDATE notifications SET notification_status = 'pending-virus-check' WHERE id = $1";
        l.t.db().await.execute(sql, &[&id]).await.unwrap();
        l.letter_task(task, json!({ "filename": FILE })).await;
        assert_eq!(l.stored(id).await.status, expected);
        l.t.db().await.execute("DELETE FROM notifications WHERE id = $1", &[&id]).await.unwrap();
    }
    l.t.end().await;
}

#[tokio::test]
async fn a_late_scan_leaves_a_letter_and_its_file_alone() {
    let l = Letters::start().await;
    let id = l.letter(Status::Created, KeyType::Normal).await;
    l.put(&scanned()).await;
    for task in ["process-virus-scan-failed", "process-virus-scan-error"] {
        l.letter_task(task, json!({ "filename": FILE })).await;
        assert_eq!(l.stored(id).await.status, "created", "{task}");
        assert!(l.t.app.objects().exists(&scanned()).await.unwrap());
    }
    l.t.end().await;
}

#[tokio::test]
async fn two_letters_of_one_reference_are_not_told_apart() {
    let l = Letters::start().await;
    let first = l.letter(Status::PendingVirusCheck, KeyType::Normal).await;
    let second = l.letter(Status::PendingVirusCheck, KeyType::Normal).await;
    l.put(&scanned()).await;
    l.letter_task("process-virus-scan-failed", json!({ "filename": FILE })).await;
    for id in [first, second] {
        assert_eq!(l.stored(id).await.status, "pending-virus-check");
    }
    assert!(l.t.app.objects().exists(&scanned()).await.unwrap());
    l.t.end().await;
}

#[tokio::test]
async fn a_letter_is_given_up_after_the_last_retry_if_it_still_waits() {
    let l = Letters::start().await;
    for (status, expected) in [
        (Status::PendingVirusCheck, "technical-failure"),
        (Status::Created, "technical-failure"),
        (Status::Sending, "sending"),
    ] {
        let id = l.letter(status, KeyType::Normal).await;
        let task = tasks::GetPdfForTemplatedLetter { notification_id: id };
        let trace = queue::Trace::default();
        let envelope = queue::Envelope::new(&task, l.t.app.clock().new_id(), &trace).unwrap();
        let last = queue::Attempt::of::<tasks::GetPdfForTemplatedLetter>(&envelope, 15);
        assert!(last.is_last());
        worker::letters::give_up_pdf(l.t.context(), task, last).await.unwrap();
        assert_eq!(l.stored(id).await.status, expected);
    }
    l.t.end().await;
}

#[tokio::test]
async fn a_pdf_is_made_again_from_what_came_with_the_letter() {
    let l = Letters::start().await;
    let id = l.letter(Status::Created, KeyType::Normal).await;
    l.t.told("letter-tasks", "resanitise-pdf", json!([id]), json!({})).await;
    let kwargs = json!({ "notification_id": id, "file_location": printable().key,
                         "allow_international_letters": true });
    let asked = l.t.queues.take_tasks("sanitise-letter-tasks").await;
    assert_eq!(asked, [("recreate-pdf-for-precompiled-letter".to_owned(), json!([[], kwargs]))]);
    let kwargs = json!({ "service_id": "a", "attachment_id": "b", "original_filename": "c" });
    l.letter_task("resanitise-letter-attachment", kwargs.clone()).await;
    let asked = l.t.queues.take_tasks("sanitise-letter-tasks").await;
    let name = "recreate-pdf-for-template-letter-attachments";
    assert_eq!(asked, [(name.to_owned(), json!([[], kwargs]))]);
    l.t.end().await;
}

#[tokio::test]
async fn postage_has_its_class_in_the_name_of_the_file() {
    let l = Letters::start().await;
    let db = l.t.db().await;
    let letter = testkit::letter(&db, &l.service, l.template).postage(Postage::First);
    let id = letter.reference(REFERENCE).created_at(datetime!(2026-11-24 17:30:01 UTC));
    let id = id.create().await;
    l.t.told("letter-tasks", "resanitise-pdf", json!([id]), json!({})).await;
    let asked = l.t.queues.take_tasks("sanitise-letter-tasks").await;
    let expected = "2026-11-25/NOTIFY.FOO1234567890ABC.D.1.C.20261124173001.PDF";
    assert_eq!(asked[0].1[1]["file_location"], expected);
    l.t.end().await;
}

#[tokio::test]
async fn files_whose_scan_failed_are_scanned_again_when_an_operator_says_so() {
    let l = Letters::start().await;
    let aside = Bucket::LettersScan.at(format!("ERROR/{FILE}"));
    let foreign = Bucket::LettersScan.at("ERROR/NOTIFY.OTHER.D.2.C.20261124120000.PDF");
    l.put(&foreign).await;
    let id = l.letter(Status::PendingVirusCheck, KeyType::Normal).await;
    let trace = queue::Trace::default();
    for filename in [Some(FILE), None] {
        l.put(&scanned()).await;
        l.letter_task("process-virus-scan-error", json!({ "filename": FILE })).await;
        assert_eq!(l.stored(id).await.status, "technical-failure");
        assert_eq!(l.t.app.rescue_failed_scans(filename, &trace).await.unwrap(), 1);
        assert_eq!(l.stored(id).await.status, "pending-virus-check");
        assert_eq!(l.holds([&scanned(), &aside, &foreign]).await, [true, false, true]);
        let asked = l.t.queues.take_tasks("antivirus-tasks").await;
        assert_eq!(asked, [("scan-file".to_owned(), json!([[], { "filename": FILE }]))]);
    }
    l.t.end().await;
}
