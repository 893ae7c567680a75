//! The night's work: statistics, bills, retention.

mod billing;
mod email_files;
mod leftovers;
mod proof;
mod retention;
mod status;
mod unsubscribing;

use domain::{NotificationType, TemplateId};
use testkit::{MessageBuilder, TestService};
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::app::TestApp;

/// A system with one live service and a template, at a time of the test's choice.
pub(crate) struct Night {
    pub t: TestApp,
    pub service: TestService,
    pub template: TemplateId,
}

impl Night {
    pub(crate) async fn at(now: OffsetDateTime) -> Self {
        let t = TestApp::start().await;
        t.travel_to(now);
        let db = t.db().await;
        let service = testkit::service(&db).live().create().await;
        let template = testkit::template(&db, &service).create().await;
        drop(db);
        Self { t, service, template }
    }

    /// A message of the service, yet to be written.
    pub(crate) fn message(&self, created_at: OffsetDateTime) -> MessageBuilder<'_> {
        testkit::message(&self.service, self.template, created_at)
    }

    /// One number that a query gives.
    pub(crate) async fn count(&self, sql: &str) -> i64 {
        self.t.db().await.query_one(sql, &[]).await.unwrap().get(0)
    }

    /// The facts of status of the service: day, channel, status and count, in order.
    pub(crate) async fn status_facts(&self) -> Vec<(String, String, String, i32)> {
        let sql =
            "SELECT bst_date::text, notification_type, notification_status, notification_count
              FROM ft_notification_status WHERE service_id = $1 ORDER BY 1, 2, 3, 4";
        let rows = self.t.db().await.query(sql, &[&self.service.id]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect()
    }

    /// How PostgreSQL would run a statement with parameters of these types, by what it knows on this
    /// connection of the tables.
    pub(crate) async fn plan(
        db: &store::pool::Client,
        sql: &str,
        types: &str,
        arguments: &str,
    ) -> String {
        db.batch_execute(&format!("PREPARE the_query ({types}) AS {sql}")).await.unwrap();
        let explain = format!("EXPLAIN EXECUTE the_query ({arguments})");
        let lines = db.simple_query(&explain).await.unwrap();
        db.batch_execute("DEALLOCATE the_query").await.unwrap();
        let lines = lines.iter().filter_map(|line| match line {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Whether a message is in the live table, and in the history.
    pub(crate) async fn whereabouts(&self, id: domain::NotificationId) -> (bool, bool) {
        let sql = "SELECT EXISTS (SELECT FROM notifications WHERE id = $1),
                          EXISTS (SELECT FROM notification_history WHERE id = $1)";
        let row = self.t.db().await.query_one(sql, &[&id]).await.unwrap();
        (row.get(0), row.get(1))
    }
}

/// The instant of a wall-clock time in London.
pub(crate) fn london(local: PrimitiveDateTime) -> OffsetDateTime {
    domain::london::to_utc(local).unwrap()
}

pub(crate) const CHANNELS: [NotificationType; 3] =
    [NotificationType::Sms, NotificationType::Email, NotificationType::Letter];
