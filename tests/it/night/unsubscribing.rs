//! Unsubscribe requests that go to the history (tasks contract §3.7).

use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

use super::{Night, london};

const PARENT: &str = "archive-unsubscribe-requests";

impl Night {
    /// A report of the service's requests.
    async fn report(&self, at: OffsetDateTime) -> Uuid {
        let (id, at) = (self.t.app.clock().new_id(), store::sql_time::to_column(at));
        let sql = "INSERT INTO unsubscribe_request_report
                   (id, service_id, earliest_timestamp, latest_timestamp, count, created_at)
            VALUES ($1, $2, $3, $3, 1, $3)";
        self.t.db().await.execute(sql, &[&id, &self.service.id, &at]).await.unwrap();
        id
    }

    async fn unsubscribe(&self, at: OffsetDateTime, report: Option<Uuid>) -> Uuid {
        let (id, at) = (self.t.app.clock().new_id(), store::sql_time::to_column(at));
        let sql = "INSERT INTO unsubscribe_request
                   (id, notification_id, service_id, template_id, template_version, email_address,
                    created_at, unsubscribe_request_report_id)
            VALUES ($1, gen_random_uuid(), $2, $3, 1, 'ada@example.com', $4, $5)";
        let db = self.t.db().await;
        db.execute(sql, &[&id, &self.service.id, &self.template, &at, &report]).await.unwrap();
        id
    }

    async fn ids(&self, table: &str) -> Vec<Uuid> {
        let sql = format!("SELECT id FROM {table} ORDER BY created_at, id");
        let rows = self.t.db().await.query(&sql, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

#[tokio::test]
async fn requests_are_archived_a_week_after_their_report_or_after_90_days_without_one() {
    // Midnights on both sides of the days on which the clocks change.
    for (now, week, ninety) in [
        (
            london(datetime!(2026-04-05 00:05)),
            london(datetime!(2026-03-29 00:00)),
            london(datetime!(2026-01-05 00:00)),
        ),
        (
            london(datetime!(2026-10-26 00:05)),
            london(datetime!(2026-10-19 00:00)),
            london(datetime!(2026-07-28 00:00)),
        ),
    ] {
        let night = Night::at(now).await;
        let old = night.report(week - Duration::MICROSECOND).await;
        let young = night.report(week).await;
        // How old a request is does not count once it is in a report.
        let mut gone = vec![
            night.unsubscribe(ninety - Duration::MICROSECOND, None).await,
            night.unsubscribe(week - Duration::days(1), Some(old)).await,
        ];
        let stays = vec![
            night.unsubscribe(ninety - Duration::days(9), Some(young)).await,
            night.unsubscribe(ninety, None).await,
        ];
        night.t.fire(PARENT).await;
        assert_eq!(night.t.drain().await, 3, "the parent and one child of each kind");
        assert_eq!(night.ids("unsubscribe_request").await, stays);
        gone.sort();
        let mut archived = night.ids("unsubscribe_request_history").await;
        archived.sort();
        assert_eq!(archived, gone);
        let sql = "SELECT count(*) FROM unsubscribe_request_history
                    WHERE unsubscribe_request_report_id IS NOT NULL AND template_version = 1";
        assert_eq!(night.count(sql).await, 1, "with its report");

        night.t.fire(PARENT).await;
        assert_eq!(night.t.drain().await, 1, "nothing is left to do");
        night.t.end().await;
    }
}

#[tokio::test]
async fn children_run_twice_or_together_archive_each_request_once() {
    let now = datetime!(2026-11-24 12:00 UTC);
    let night = Night::at(now).await;
    let report = night.report(now - Duration::days(8)).await;
    for _ in 0..20 {
        night.unsubscribe(now - Duration::days(10), Some(report)).await;
        night.unsubscribe(now - Duration::days(100), None).await;
    }
    let service_id = night.service.id;
    for _ in 0..4 {
        night.t.publish(&tasks::ArchiveBatchedUnsubscribeRequests { service_id }).await;
        night.t.publish(&tasks::ArchiveOldUnsubscribeRequests { service_id }).await;
    }
    assert_eq!(night.t.drain().await, 8);
    assert_eq!(night.count("SELECT count(*) FROM unsubscribe_request").await, 0);
    assert_eq!(night.count("SELECT count(*) FROM unsubscribe_request_history").await, 40);
    night.t.end().await;
}

#[tokio::test]
async fn a_service_without_old_requests_gets_no_children() {
    let now = datetime!(2026-11-24 12:00 UTC);
    let night = Night::at(now).await;
    night.unsubscribe(now, None).await;
    night.t.fire(PARENT).await;
    assert_eq!(night.t.drain().await, 1);
    assert_eq!(night.ids("unsubscribe_request").await.len(), 1);
    night.t.end().await;
}
