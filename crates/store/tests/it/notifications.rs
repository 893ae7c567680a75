//! `store::notifications`: stored together, claimed once, recorded once.

use domain::{ApiKeyId, KeyType, NotificationId, NotificationStatus, NotificationType};
use store::{
    Error, cancelling,
    notifications::{self, Claim, Forgetting, NewNotification, Sent, ToSend},
    outbox, receipts, timeouts,
};
use testkit::{Database, TestService};
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-24 12:00:00.123456 UTC);

/// A service with a template and a key, and rows to store for it.
pub(crate) struct Sender {
    pub service: TestService,
    pub template: domain::TemplateId,
    pub key: ApiKeyId,
}

impl Sender {
    pub(crate) async fn new(db: &tokio_postgres::Client) -> Self {
        let service = testkit::service(db).live().create().await;
        let template = testkit::template(db, &service).create().await;
        let key = testkit::api_key(db, &service, KeyType::Normal, &testkit::unique("s")).await;
        Self { service, template, key }
    }

    pub(crate) fn notification(&self, n: u128) -> NewNotification {
        NewNotification {
            id: NotificationId(Uuid::from_u128(n)),
            to: "07700 900123".to_owned(),
            normalised_to: "447700900123".to_owned(),
            service_id: self.service.id,
            template_id: self.template,
            template_version: 1,
            api_key_id: Some(self.key),
            key_type: KeyType::Normal,
            notification_type: NotificationType::Sms,
            created_at: NOW,
            signed_personalisation: "e30.sig".to_owned(),
            client_reference: Some(format!("ref {n}")),
            reply_to_text: Some("GOVUK".to_owned()),
            international: false,
            phone_prefix: Some("44".to_owned()),
            rate_multiplier: Some(1.into()),
            unsubscribe_link: None,
            document_download_count: None,
            status: NotificationStatus::Created,
            job_row: None,
            letter: None,
        }
    }
}

fn claim_by(holder: u128, id: NotificationId, now: OffsetDateTime, attempt: i32) -> Claim {
    let holder = Uuid::from_u128(holder);
    Claim { id, holder, attempt, now, until: now + Duration::seconds(90) }
}

/// Claims one of them, as somebody else each time.
pub(crate) async fn claim(
    db: &impl store::GenericClient,
    id: NotificationId,
    now: OffsetDateTime,
    attempt: i32,
) -> Option<ToSend> {
    let claim = claim_by(domain::Clock::system().new_id().as_u128(), id, now, attempt);
    notifications::claim(db, &[claim]).await.unwrap().pop()
}

fn sent(id: NotificationId) -> Sent {
    let (status, reference) = (NotificationStatus::Sending, Some("theirs".to_owned()));
    Sent { id, status, sent_by: "mmg", sent_at: NOW, billable_units: 2, reference }
}

#[tokio::test]
async fn what_is_stored_together_is_read_back_by_its_own_service_only() {
    let database = Database::create().await;
    let db = database.client().await;
    let sender = Sender::new(&db).await;
    let rows: Vec<_> = (1..=300).map(|n| sender.notification(n)).collect();
    notifications::insert_many(&db, &rows).await.unwrap();

    let found = notifications::get(&db, sender.service.id, rows[299].id).await.unwrap();
    assert_eq!(found.to, "07700 900123");
    assert_eq!(found.client_reference.as_deref(), Some("ref 300"));
    assert_eq!(found.status, NotificationStatus::Created);
    assert_eq!((found.created_at, found.billable_units), (NOW, 0));
    assert_eq!((found.sent_at, found.updated_at, found.created_by_name), (None, None, None));

    let other = testkit::service(&db).create().await;
    let foreign = notifications::get(&db, other.id, rows[0].id).await;
    assert!(matches!(foreign, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn a_group_with_one_bad_row_stores_nothing_and_names_the_constraint() {
    let database = Database::create().await;
    let db = database.client().await;
    let sender = Sender::new(&db).await;
    notifications::insert_many(&db, &[sender.notification(1)]).await.unwrap();
    let group = [sender.notification(2), sender.notification(1)];
    match notifications::insert_many(&db, &group).await {
        Err(error @ Error::Conflict { .. }) => {
            let shown = format!("{error:?} {error}");
            assert!(shown.contains("notifications_pkey"), "{shown}");
            assert!(!shown.contains("00000001"), "no values of rows: {shown}");
        }
        other => panic!("{other:?}"),
    }
    let second = notifications::get(&db, sender.service.id, group[0].id).await;
    assert!(matches!(second, Err(Error::NotFound(_))));
}

/// With the planner's knowledge of a calm hour, in which all was delivered.
#[tokio::test]
async fn a_row_is_found_by_its_id_however_many_are_not_delivered() {
    let database = Database::create().await;
    let mut db = database.client().await;
    let sender = Sender::new(&db).await;
    let rows: Vec<_> = (1..=8000).map(|n| sender.notification(n)).collect();
    let (delivered, waiting) = rows.split_at(6000);
    db.batch_execute("ALTER TABLE notifications SET (autovacuum_enabled = false)").await.unwrap();
    for group in delivered.chunks(1000) {
        notifications::insert_many(&db, group).await.unwrap();
    }
    db.execute("UPDATE notifications SET notification_status = 'delivered'", &[]).await.unwrap();
    db.batch_execute("VACUUM ANALYZE notifications").await.unwrap();
    for group in waiting.chunks(1000) {
        notifications::insert_many(&db, group).await.unwrap();
    }

    let id = |n: usize| waiting[n].id;
    let sql = "UPDATE notifications SET notification_status = 'sending' WHERE id = $1";
    db.execute(sql, &[&id(3)]).await.unwrap();
    let transaction = db.transaction().await.unwrap();
    let mut read = 0;
    let mut rows_read = async || {
        let sql = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables
                    WHERE relname = 'notifications'";
        let before = read;
        read = transaction.query_one(sql, &[]).await.unwrap().get::<_, i64>(0);
        read - before
    };
    rows_read().await;
    assert!(claim(&transaction, id(0), NOW, 0).await.is_some());
    assert_eq!(rows_read().await, 1, "claim");
    assert!(notifications::set_technical_failure(&transaction, id(1), NOW, None).await.unwrap());
    assert_eq!(rows_read().await, 1, "failure");
    let service = sender.service.id;
    assert!(cancelling::cancel(&transaction, service, id(2), NOW).await.unwrap().is_some());
    assert_eq!(rows_read().await, 1, "cancel");
    assert_eq!(timeouts::end(&transaction, &[id(3)], &[], NOW).await.unwrap(), 1);
    assert_eq!(rows_read().await, 1, "time out");
}

#[tokio::test]
async fn only_one_of_many_claims_wins() {
    let database = Database::create().await;
    let db = database.client().await;
    let sender = Sender::new(&db).await;
    let row = sender.notification(1);
    notifications::insert_many(&db, std::slice::from_ref(&row)).await.unwrap();
    let mut won = 0;
    let mut racers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (pool, id) = (database.pool().clone(), row.id);
        racers.spawn(async move { claim(&pool.get().await.unwrap(), id, NOW, 0).await });
    }
    while let Some(claimed) = racers.join_next().await {
        if let Some(message) = claimed.unwrap() {
            assert_eq!(message.normalised_to, "447700900123");
            assert_eq!(message.reply_to_text.as_deref(), Some("GOVUK"));
            won += 1;
        }
    }
    assert_eq!(won, 1);
    let state = notifications::claim_state(&db, row.id).await.unwrap();
    assert_eq!(state.claimed_until.map(|until| until - NOW), Some(Duration::seconds(90)));
}

#[tokio::test]
async fn of_many_that_are_claimed_together_those_get_them_that_may() {
    let database = Database::create().await;
    let db = database.client().await;
    let sender = Sender::new(&db).await;
    let rows: Vec<_> = (1..=4).map(|n| sender.notification(n)).collect();
    notifications::insert_many(&db, &rows).await.unwrap();
    claim(&db, rows[1].id, NOW, 0).await.unwrap();
    notifications::record_sent(&db, &[sent(rows[2].id), sent(rows[3].id)]).await.unwrap();
    let claims: Vec<_> = rows.iter().map(|row| claim_by(5, row.id, NOW, 0)).collect();
    let claimed = notifications::claim(&db, &claims).await.unwrap();
    assert_eq!(claimed.iter().map(|message| message.id).collect::<Vec<_>>(), [rows[0].id]);
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_made_again_by_its_holder_only() {
    let database = Database::create().await;
    let db = database.client().await;
    let sender = Sender::new(&db).await;
    let row = sender.notification(1);
    notifications::insert_many(&db, std::slice::from_ref(&row)).await.unwrap();
    let ours = [claim_by(5, row.id, NOW, 0)];
    for _ in 0..2 {
        assert_eq!(notifications::claim(&db, &ours).await.unwrap().len(), 1);
    }
    assert!(claim(&db, row.id, NOW, 0).await.is_none());
}

#[tokio::test]
async fn an_attempt_that_is_put_off_is_claimed_when_due_or_by_its_own_message() {
    let database = Database::create().await;
    let db = database.client().await;
    let sender = Sender::new(&db).await;
    let row = sender.notification(1);
    let id = row.id;
    notifications::insert_many(&db, &[row]).await.unwrap();
    let holder = claim(&db, id, NOW, 0).await.unwrap().holder;
    let due = NOW + Duration::seconds(300);
    notifications::put_off(&db, id, holder, 1, due, 3, "down").await.unwrap();

    let doubled = claim(&db, id, NOW, 0).await;
    assert!(doubled.is_none(), "a second message of attempt 0 does nothing");
    let early = due - Duration::seconds(1);
    let holder = claim(&db, id, early, 1).await.unwrap().holder;
    notifications::put_off(&db, id, holder, 2, due, 0, "down").await.unwrap();
    assert!(claim(&db, id, due, 0).await.is_some(), "replayed");
    let found = notifications::get(&db, sender.service.id, id).await.unwrap();
    assert_eq!(found.billable_units, 3, "never less than was counted before");
}

#[tokio::test]
async fn a_dead_claim_is_broken_once() {
    let database = Database::create().await;
    let db = database.client().await;
    let sender = Sender::new(&db).await;
    let row = sender.notification(1);
    let id = row.id;
    notifications::insert_many(&db, &[row]).await.unwrap();
    claim(&db, id, NOW, 0).await.unwrap();
    let seen = notifications::claim_state(&db, id).await.unwrap().claimed_until.unwrap();
    let due = NOW + Duration::seconds(30);
    assert!(notifications::break_claim(&db, id, seen, 1, due).await.unwrap());
    assert!(!notifications::break_claim(&db, id, seen, 1, due).await.unwrap());
    assert!(claim(&db, id, NOW, 0).await.is_none());
    assert!(claim(&db, id, NOW, 1).await.is_some());
}

#[tokio::test]
async fn sending_is_recorded_and_does_not_undo_a_receipt_that_won_the_race() {
    let database = Database::create().await;
    let db = database.client().await;
    let sender = Sender::new(&db).await;
    let rows = [1, 2, 3].map(|number| sender.notification(number));
    notifications::insert_many(&db, &rows).await.unwrap();
    let service = sender.service.id;

    notifications::record_sent(&db, &[sent(rows[0].id)]).await.unwrap();
    let found = notifications::get(&db, service, rows[0].id).await.unwrap();
    assert_eq!((found.status, found.billable_units), (NotificationStatus::Sending, 2));
    assert_eq!(found.sent_at, Some(NOW));
    assert!(!notifications::set_technical_failure(&db, rows[0].id, NOW, None).await.unwrap());

    assert!(notifications::set_technical_failure(&db, rows[1].id, NOW, None).await.unwrap());
    notifications::record_sent(&db, &[sent(rows[1].id)]).await.unwrap();
    let found = notifications::get(&db, service, rows[1].id).await.unwrap();
    assert_eq!(found.status, NotificationStatus::Sending, "given up too early: it was sent");
    assert!(claim(&db, rows[1].id, NOW, 0).await.is_none());

    let receipt = "UPDATE notifications SET notification_status = 'technical-failure',
                   sent_by = 'mmg' WHERE id = $1";
    db.execute(receipt, &[&rows[2].id]).await.unwrap();
    notifications::record_sent(&db, &[sent(rows[2].id)]).await.unwrap();
    let found = notifications::get(&db, service, rows[2].id).await.unwrap();
    assert_eq!(found.status, NotificationStatus::TechnicalFailure);
}

#[tokio::test]
async fn forgotten_messages_are_taken_once_without_those_held_or_put_off() {
    let database = Database::create().await;
    let db = database.client().await;
    let sender = Sender::new(&db).await;
    let rows: Vec<_> = (1..=7).map(|n| sender.notification(n)).collect();
    notifications::insert_many(&db, &rows).await.unwrap();
    let later = NOW + Duration::hours(2);
    claim(&db, rows[0].id, later, 0).await.unwrap();
    let holder = claim(&db, rows[1].id, later, 0).await.unwrap().holder;
    let due = later + Duration::minutes(5);
    notifications::put_off(&db, rows[1].id, holder, 1, due, 0, "down").await.unwrap();
    notifications::record_sent(&db, &[sent(rows[2].id)]).await.unwrap();

    let which = Forgetting {
        channel: NotificationType::Sms,
        from: NOW - Duration::days(7),
        before: NOW + Duration::hours(1),
        now: later,
        again_at: later + Duration::hours(1),
    };
    let mut taken = Vec::new();
    loop {
        let page = notifications::take_forgotten(&db, &which, 3).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 3);
        taken.extend(page.iter().map(|row| row.id));
    }
    taken.sort();
    assert_eq!(taken, rows[3..].iter().map(|row| row.id).collect::<Vec<_>>());
    let queued = claim(&db, rows[3].id, later, 0).await;
    assert!(queued.is_some(), "a message that waits for it can still claim it");
    let again = Forgetting { now: which.again_at, again_at: which.again_at, ..which };
    assert_eq!(notifications::take_forgotten(&db, &again, 10).await.unwrap().len(), 6);
}

#[tokio::test]
async fn what_every_message_passes_through_is_not_planned_anew_each_time() {
    let database = Database::create().await;
    let db = database.client().await;
    let sender = Sender::new(&db).await;
    for n in 1..=8 {
        let row = sender.notification(n);
        let id = row.id;
        notifications::insert_many(&db, &[row]).await.unwrap();
        claim(&db, id, NOW, 0).await.unwrap();
        notifications::record_sent(&db, &[sent(id)]).await.unwrap();
        let found = receipts::find(&db, &[id]).await.unwrap().remove(0);
        let receipt = crate::receipts::delivered(id, found.status);
        assert_eq!(receipts::apply(&db, &[receipt]).await.unwrap(), [id]);
        outbox::delete(&db, &[id.0]).await.unwrap();
    }
    let sql = "SELECT split_part(statement, E'\\n', 1) FROM pg_prepared_statements
                WHERE statement LIKE '-- %' AND generic_plans > 0 ORDER BY 1";
    let planned_once: Vec<String> =
        db.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(
        planned_once,
        [
            "-- notifications.claim",
            "-- notifications.insert_many",
            "-- notifications.record_sent",
            "-- outbox.delete",
            "-- receipts.apply",
            "-- receipts.find",
        ]
    );
}

/// A page costs the same where one service has nearly all rows, and all of them in one channel.
#[tokio::test]
async fn a_page_does_not_read_past_the_rows_of_other_channels() {
    let database = Database::create().await;
    let db = &database.client().await;
    let sender = Sender::new(db).await;
    let first = sender.notification(1);
    notifications::insert_many(db, std::slice::from_ref(&first)).await.unwrap();
    let many = r#"INSERT INTO notifications
               (id, "to", normalised_to, service_id, template_id, template_version, key_type,
                notification_type, created_at, _personalisation, notification_status, billable_units)
        SELECT gen_random_uuid(), "to", normalised_to, service_id, template_id, template_version,
               key_type, notification_type, created_at - interval '1 second' * n, _personalisation,
               'delivered', 1
          FROM notifications, generate_series(1, 20000) AS n WHERE id = $1"#;
    db.execute(many, &[&first.id]).await.unwrap();
    db.batch_execute("VACUUM ANALYZE notifications").await.unwrap();
    let undelivered: &[_] = &[NotificationStatus::Created, NotificationStatus::Sending];
    for (statuses, index) in [
        (&[][..], "ix_notifications_service_id_ntype_created_at"),
        (undelivered, "ix_notifications_nondelivered_service_id_composite"),
    ] {
        let filter = notifications::list::Filter {
            key_type: KeyType::Normal,
            statuses,
            channels: &[],
            reference: None,
            include_jobs: false,
            older_than: None,
        };
        let plan = notifications::list::explain(db, sender.service.id, &filter, 250).await.unwrap();
        let plan = plan.join("\n");
        assert!(plan.contains(index) && !plan.contains("Removed by Filter"), "{plan}");
    }
}
