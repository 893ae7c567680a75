//! The day's letters go to the printer.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::{
    KeyType, NotificationId, NotificationStatus as Status, TemplateId, letter::Postage, london,
};
use providers::{
    Error,
    objects::{Bucket, Metadata},
    print::{LetterPrinter, LetterToPrint},
};
use queue::{Attempt, Envelope, TaskResult, Trace};
use serde_json::json;
use stub::Kind;
use tasks::DeliverLetter;
use testkit::{LetterBuilder, TestService};
use time::{OffsetDateTime, macros::datetime};

use crate::app::TestApp;

const DEADLINE: OffsetDateTime = datetime!(2026-11-24 17:30 UTC);
const REFERENCE: &str = "FOO1234567890ABC";
const FILE: &str = "2026-11-24/NOTIFY.FOO1234567890ABC.D.2.C.20261124120000.PDF";

/// What a printer answers.
#[derive(Clone, Copy)]
pub(crate) enum Answer {
    Takes,
    Never,
    NotNow,
}

/// A printer that writes down what it is given.
pub(crate) struct Printer {
    pub answer: Answer,
    pub printed: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl LetterPrinter for Printer {
    fn name(&self) -> &'static str {
        "dvla"
    }

    async fn print(&self, letter: &LetterToPrint<'_>) -> Result<(), Error> {
        let text = std::str::from_utf8(&letter.pdf).unwrap();
        let LetterToPrint { reference, address, postage, .. } = letter;
        self.printed.lock().unwrap().push(format!("{reference} {address} {postage} {text}"));
        match self.answer {
            Answer::Takes => Ok(()),
            Answer::Never => Err(Error::Permanent { reason: "400".to_owned() }),
            Answer::NotNow => Err(Error::Temporary {
                what: "busy",
                maybe_taken: false,
                throttled: true,
                source: None,
            }),
        }
    }
}

struct Printing {
    t: TestApp,
    service: TestService,
    template: TemplateId,
    printed: Arc<Mutex<Vec<String>>>,
}

impl Printing {
    async fn start() -> Self {
        let t = TestApp::start().await;
        let db = t.db().await;
        let service = testkit::service(&db).live().create().await;
        let template = testkit::template(&db, &service).letter("Dear", "Hello").create().await;
        Self { t, service, template, printed: Arc::default() }
    }

    /// A letter of two sheets that was accepted before the deadline, but for what `change` says.
    async fn letter(
        &self,
        change: impl FnOnce(LetterBuilder<'_>) -> LetterBuilder<'_>,
    ) -> NotificationId {
        let db = self.t.db().await;
        let letter = testkit::letter(&db, &self.service, self.template).sheets(2);
        let letter = letter.created_at(datetime!(2026-11-24 12:00 UTC));
        change(letter).create().await
    }

    async fn put_file(&self) {
        let place = Bucket::LettersPdf.at(FILE);
        self.t.app.objects().put(&place, "pdf", &Metadata::new()).await.unwrap();
    }

    /// Runs `deliver_letter` with a printer that answers so.
    async fn deliver(&self, id: NotificationId, answer: Answer) -> TaskResult {
        let printer = Printer { answer, printed: Arc::clone(&self.printed) };
        let context = self.t.with_printer(Box::new(printer));
        let task = DeliverLetter { notification_id: id };
        worker::printing::deliver(context, task, attempt(id, 0)).await
    }

    fn printed(&self) -> Vec<String> {
        self.printed.lock().unwrap().clone()
    }
}

pub(crate) fn attempt(id: NotificationId, number: u32) -> Attempt {
    let task = DeliverLetter { notification_id: id };
    let envelope = Envelope::new(&task, id.0, &Trace::default()).unwrap();
    Attempt::of::<DeliverLetter>(&envelope, number)
}

#[tokio::test]
async fn letters_with_sheets_from_before_the_deadline_are_sent_on() {
    let p = Printing::start().await;
    let today = p.letter(|letter| letter).await;
    let missed = p.letter(|letter| letter.created_at(datetime!(2026-11-20 09:00 UTC))).await;
    let just = p.letter(|letter| letter.created_at(datetime!(2026-11-24 17:29:59 UTC))).await;
    p.letter(|letter| letter.created_at(DEADLINE)).await;
    p.letter(|letter| letter.sheets(0)).await;
    p.letter(|letter| letter.key_type(KeyType::Test)).await;
    for status in [Status::PendingVirusCheck, Status::Cancelled, Status::Sending] {
        p.letter(|letter| letter.status(status)).await;
    }
    let sent = p.t.app.collate_letters(Some(DEADLINE), &Trace::default()).await.unwrap();
    assert_eq!(sent, 3);
    let queued = p.t.queues.take_tasks("periodic-tasks").await;
    let name = "shatter-deliver-letters-tasks".to_owned();
    assert_eq!(queued, [(name, json!([[[missed, today, just]], {}]))]);
    p.t.end_as_it_is().await;
}

#[tokio::test]
async fn the_printer_is_told_the_volumes_of_a_run_once() {
    let p = Printing::start().await;
    for (postage, sheets) in [
        (Postage::First, 1),
        (Postage::Second, 2),
        (Postage::Second, 5),
        (Postage::Europe, 1),
        (Postage::RestOfWorld, 3),
    ] {
        p.letter(|letter| letter.postage(postage).sheets(sheets)).await;
    }
    for _ in 0..2 {
        let args = json!(["2026-11-24T17:30:00"]);
        let task = "collate-letter-pdfs-to-be-sent";
        p.t.told("periodic-tasks", task, args, json!({})).await;
        while p.t.app.relay_once().await.unwrap() > 0 {}
        p.t.drain().await;
    }
    let emails = p.t.received(Kind::Emails, 2).await;
    assert_eq!(emails.len(), 2, "one for each address");
    let request = &emails[0]["request"];
    assert_eq!(request["Destination"]["ToAddresses"][0], "printer@example.com");
    let simple = &request["Content"]["Simple"];
    assert_eq!(simple["Subject"]["Data"], "GOV.UK Notify letters for 24 November 2026");
    let text = simple["Body"]["Text"]["Data"].as_str().unwrap();
    for line in [
        "Together: 5 letters, 12 sheets",
        "First class: 1 letters, 1 sheets",
        "Second class: 2 letters, 7 sheets",
        "Economy: 0 letters, 0 sheets",
        "International: 2 letters, 4 sheets",
    ] {
        assert!(text.contains(line), "no {line} in {text}");
    }
    p.t.end_as_it_is().await;
}

#[tokio::test]
async fn letters_are_collated_at_ten_to_six_in_london_only() {
    let p = Printing::start().await;
    let tomorrow = london::local(p.t.app.clock().now()).unwrap().date().next_day().unwrap();
    for (hour, minute, expected) in
        [(16, 50, false), (17, 49, false), (17, 51, true), (18, 49, true), (18, 51, false)]
    {
        let at = london::to_utc(tomorrow.with_hms(hour, minute, 0).unwrap()).unwrap();
        p.t.advance(at - p.t.app.clock().now());
        let due = p.t.app.collate_when_due(&Trace::default()).await.unwrap();
        assert_eq!(due, expected, "{hour}:{minute}");
    }
    let queued = p.t.queues.take_tasks("periodic-tasks").await;
    assert_eq!(queued.len(), 2);
    let deadline = london::to_utc(tomorrow.with_hms(17, 30, 0).unwrap()).unwrap();
    let text = queued[0].1[0][0].as_str().unwrap();
    assert_eq!(app::letters::parse_deadline(text), Some(deadline));
    p.t.end().await;
}

#[tokio::test]
async fn a_letter_is_handed_to_the_printer_once() {
    let p = Printing::start().await;
    let id = p.letter(|letter| letter.reference(REFERENCE)).await;
    p.put_file().await;
    for _ in 0..2 {
        p.deliver(id, Answer::Takes).await.unwrap();
        assert_eq!(p.t.status(id).await, Status::Sending);
    }
    assert_eq!(p.printed(), ["FOO1234567890ABC A. Person second pdf"]);
    let sql = "SELECT sent_by, sent_at IS NOT NULL, billable_units, reference FROM notifications
                WHERE id = $1";
    let row = p.t.db().await.query_one(sql, &[&id]).await.unwrap();
    assert_eq!((row.get::<_, &str>(0), row.get::<_, bool>(1)), ("dvla", true));
    assert_eq!((row.get::<_, i32>(2), row.get::<_, &str>(3)), (2, REFERENCE));
    p.t.end().await;
}

#[tokio::test]
async fn a_letter_without_its_file_or_refused_for_good_ends_in_technical_failure() {
    let p = Printing::start().await;
    let id = p.letter(|letter| letter.reference(REFERENCE)).await;
    assert!(p.deliver(id, Answer::Takes).await.is_err(), "no file");
    assert_eq!(p.t.status(id).await, Status::TechnicalFailure);
    assert!(p.printed().is_empty());

    let refused = p.letter(|letter| letter.reference(REFERENCE)).await;
    p.put_file().await;
    assert!(p.deliver(refused, Answer::Never).await.is_err());
    assert_eq!(p.t.status(refused).await, Status::TechnicalFailure);
    p.t.end().await;
}

#[tokio::test]
async fn a_printer_that_is_busy_is_asked_again() {
    let p = Printing::start().await;
    let id = p.letter(|letter| letter.reference(REFERENCE)).await;
    p.put_file().await;
    let answer = p.deliver(id, Answer::NotNow).await;
    assert!(matches!(answer, Err(queue::TaskError::Retry { .. })));
    assert_eq!(p.t.status(id).await, Status::Created);
    // Another message for it waits until that attempt is due.
    p.deliver(id, Answer::Takes).await.unwrap();
    assert_eq!(p.t.status(id).await, Status::Created);
    p.t.advance(time::Duration::minutes(4));
    p.deliver(id, Answer::Takes).await.unwrap();
    assert_eq!((p.t.status(id).await, p.printed().len()), (Status::Sending, 2));
    p.t.end().await;
}

#[tokio::test]
async fn letters_of_test_keys_and_cancelled_ones_are_not_printed() {
    let p = Printing::start().await;
    p.put_file().await;
    let test = p.letter(|letter| letter.reference(REFERENCE).key_type(KeyType::Test)).await;
    let cancelled = p.letter(|letter| letter.reference(REFERENCE).status(Status::Cancelled)).await;
    for (id, status) in [(test, Status::Created), (cancelled, Status::Cancelled)] {
        p.deliver(id, Answer::Takes).await.unwrap();
        assert_eq!(p.t.status(id).await, status);
    }
    assert!(p.printed().is_empty());
    p.t.end().await;
}

#[tokio::test]
async fn without_a_printer_letters_wait_for_the_next_run() {
    let p = Printing::start().await;
    let id = p.letter(|letter| letter.reference(REFERENCE)).await;
    p.put_file().await;
    let task = || DeliverLetter { notification_id: id };
    let answer = worker::printing::deliver(p.t.context(), task(), attempt(id, 0)).await;
    assert!(matches!(answer, Err(queue::TaskError::Retry { .. })), "it does not pretend");
    worker::printing::give_up(p.t.context(), task(), attempt(id, 55)).await.unwrap();
    assert_eq!(p.t.status(id).await, Status::Created);

    let printer = Printer { answer: Answer::NotNow, printed: Arc::default() };
    let context = p.t.with_printer(Box::new(printer));
    worker::printing::give_up(context, task(), attempt(id, 55)).await.unwrap();
    assert_eq!(p.t.status(id).await, Status::TechnicalFailure);
    p.t.end().await;
}
