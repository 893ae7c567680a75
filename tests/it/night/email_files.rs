//! Files that email templates link to, when nobody wants them any more (tasks contract §3.7).

use providers::objects::{Bucket, Metadata, Place};
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

use super::Night;

const NOW: OffsetDateTime = datetime!(2026-11-24 04:40 UTC);

impl Night {
    async fn email_file(
        &self,
        created_at: OffsetDateTime,
        archived_at: Option<OffsetDateTime>,
        pending: bool,
    ) -> Uuid {
        let id = self.t.app.clock().new_id();
        let sql = "INSERT INTO template_email_files
                   (id, filename, retention_period, validate_users_email, created_at, archived_at,
                    version, template_id, template_version, created_by_id, pending)
            VALUES ($1, 'a.pdf', 26, false, $2, $3, 1, $4, 1, $5, $6)";
        let column = store::sql_time::to_column;
        let (created_at, archived_at) = (column(created_at), archived_at.map(column));
        let user = &self.service.user_id;
        self.t
            .db()
            .await
            .execute(sql, &[&id, &created_at, &archived_at, &self.template, user, &pending])
            .await
            .unwrap();
        self.t.app.objects().put(&self.place(id), "file", &Metadata::new()).await.unwrap();
        id
    }

    fn place(&self, id: Uuid) -> Place {
        Bucket::TemplateEmailFiles.at(format!("{}/{id}", self.service.id))
    }

    async fn is_archived(&self, id: Uuid) -> bool {
        let sql = "SELECT archived_at IS NOT NULL FROM template_email_files WHERE id = $1";
        self.t.db().await.query_one(sql, &[&id]).await.unwrap().get(0)
    }

    async fn has_file(&self, id: Uuid) -> bool {
        self.t.app.objects().exists(&self.place(id)).await.unwrap()
    }
}

#[tokio::test]
async fn an_upload_that_is_not_used_within_a_day_is_archived() {
    let night = Night::at(NOW).await;
    let day = Duration::hours(24);
    let old = night.email_file(NOW - day - Duration::MINUTE, None, true).await;
    let young = night.email_file(NOW - day + Duration::MINUTE, None, true).await;
    let used = night.email_file(NOW - day - Duration::MINUTE, None, false).await;
    night.t.fire("archive-pending-files").await;
    night.t.fire("archive-pending-files").await; // a doubled run
    assert_eq!(night.t.drain().await, 2);
    assert!(night.is_archived(old).await);
    assert!(!night.is_archived(young).await);
    assert!(!night.is_archived(used).await);
    assert!(night.has_file(old).await, "for two weeks");
    night.t.end().await;
}

#[tokio::test]
async fn archived_files_are_removed_after_two_weeks_and_looked_for_three_more_days() {
    let night = Night::at(NOW).await;
    let archived = async |age| night.email_file(NOW - age, Some(NOW - age), false).await;
    let young = archived(Duration::days(14) - Duration::MINUTE).await;
    let old = archived(Duration::days(14) + Duration::MINUTE).await;
    let oldest = archived(Duration::days(17) - Duration::MINUTE).await;
    let given_up = archived(Duration::days(17) + Duration::MINUTE).await;
    let live = night.email_file(NOW - Duration::days(16), None, false).await;
    night.t.fire("remove-archived-template-email-files-from-s3").await;
    night.t.fire("remove-archived-template-email-files-from-s3").await;
    assert_eq!(night.t.drain().await, 2);
    for (id, stays) in
        [(young, true), (old, false), (oldest, false), (given_up, true), (live, true)]
    {
        assert_eq!(night.has_file(id).await, stays, "{id}");
    }
    night.t.end().await;
}

#[tokio::test]
async fn more_files_than_a_page_are_removed_and_one_that_cannot_be_keeps_none_of_the_others() {
    let night = Night::at(NOW).await;
    let at = NOW - Duration::days(15);
    let stuck = night.email_file(at, Some(at), false).await;
    // What is a folder cannot be removed as a file.
    night.t.app.objects().delete(&night.place(stuck)).await.unwrap();
    let below = Bucket::TemplateEmailFiles.at(format!("{}/{stuck}/x", night.service.id));
    night.t.app.objects().put(&below, "file", &Metadata::new()).await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..260 {
        ids.push(night.email_file(at, Some(at), false).await);
    }
    night.t.fire("remove-archived-template-email-files-from-s3").await;
    assert_eq!(night.t.drain().await, 1);
    for id in ids {
        assert!(!night.has_file(id).await);
    }
    assert!(night.t.app.objects().exists(&below).await.unwrap());
    night.t.end().await;
}
