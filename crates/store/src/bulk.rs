//! Jobs that came through the API, and what has become of their rows.

use deadpool_postgres::GenericClient;
use domain::{
    ApiKeyId, JobId, NotificationStatus, NotificationType, ServiceId, TemplateId, job::JobStatus,
};
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::{Error, parse, sql_time};

/// A job about to be stored.
pub struct NewJob<'a> {
    /// Its id, also the name of its file.
    pub id: JobId,
    /// Whose it is.
    pub service: ServiceId,
    /// The key it came with; whoever made that counts as the job's author.
    pub key: ApiKeyId,
    /// What its rows are made from.
    pub template: TemplateId,
    /// And in which version.
    pub template_version: i32,
    /// The name of its file.
    pub name: &'a str,
    /// Rows of the file, which have been counted against today's limits.
    pub rows: i32,
    /// When to send them, if not at once.
    pub scheduled_for: Option<OffsetDateTime>,
    /// Now.
    pub now: OffsetDateTime,
}

/// Stores a job that waits for a worker, or for its time.
///
/// # Errors
/// Database errors only.
pub async fn insert(db: &impl GenericClient, job: &NewJob<'_>) -> Result<(), Error> {
    let sql = db
        .prepare_cached(
            "-- bulk.insert
        INSERT INTO jobs (id, original_file_name, service_id, template_id, template_version,
                          notification_count, notifications_sent, notifications_delivered,
                          notifications_failed, job_status, created_at, created_by_id,
                          scheduled_for, counted_at)
        VALUES ($1, $2, $3, $4, $5, $6, 0, 0, 0,
                CASE WHEN $9::timestamp IS NULL THEN 'pending' ELSE 'scheduled' END, $7,
                (SELECT created_by_id FROM api_keys WHERE id = $8), $9, $7)",
        )
        .await?;
    let now = sql_time::to_column(job.now);
    db.execute(
        &sql,
        &[
            &job.id,
            &job.name,
            &job.service,
            &job.template,
            &job.template_version,
            &job.rows,
            &now,
            &job.key,
            &job.scheduled_for.map(sql_time::to_column),
        ],
    )
    .await?;
    Ok(())
}

/// A job, as its service sees it.
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// The name of its file.
    pub name: String,
    /// What its rows are made from.
    pub template: TemplateId,
    /// And in which version.
    pub template_version: i32,
    /// The channel.
    pub channel: NotificationType,
    /// Rows of the file.
    pub rows: i32,
    /// Where it is in its life.
    pub status: JobStatus,
    /// When it was accepted.
    pub created_at: OffsetDateTime,
    /// When its rows are to be sent, if not at once.
    pub scheduled_for: Option<OffsetDateTime>,
}

/// The job of this id, if it is the service's.
///
/// # Errors
/// [`Error::NotFound`] when the service has none.
pub async fn get(db: &impl GenericClient, service: ServiceId, id: JobId) -> Result<Job, Error> {
    let sql = db
        .prepare_cached(
            "-- bulk.get
        SELECT j.id, j.original_file_name, j.template_id, j.template_version,
               t.template_type::text AS template_type, j.notification_count, j.job_status,
               j.created_at, j.scheduled_for
          FROM jobs j JOIN templates t ON t.id = j.template_id
         WHERE j.id = $2 AND j.service_id = $1",
        )
        .await?;
    let row = db.query_opt(&sql, &[&service, &id]).await?.ok_or(Error::NotFound("job"))?;
    Ok(Job {
        id: row.try_get("id")?,
        name: row.try_get("original_file_name")?,
        template: row.try_get("template_id")?,
        template_version: row.try_get("template_version")?,
        channel: parse(&row, "template_type")?,
        rows: row.try_get("notification_count")?,
        status: parse(&row, "job_status")?,
        created_at: sql_time::from_column(row.try_get::<_, PrimitiveDateTime>("created_at")?),
        scheduled_for: row
            .try_get::<_, Option<PrimitiveDateTime>>("scheduled_for")?
            .map(sql_time::from_column),
    })
}

/// How many of a job's rows are notifications, by their statuses; live and archived ones.
///
/// # Errors
/// Database errors only.
pub async fn count_by_status(
    db: &impl GenericClient,
    service: ServiceId,
    id: JobId,
) -> Result<Vec<(NotificationStatus, i64)>, Error> {
    let sql = db
        .prepare_cached(
            "-- bulk.count_by_status
        SELECT notification_status, count(*) AS rows
          FROM (SELECT notification_status FROM notifications
                 WHERE job_id = $2 AND service_id = $1
                UNION ALL
                SELECT notification_status FROM notification_history
                 WHERE job_id = $2 AND service_id = $1) n
         GROUP BY 1 ORDER BY 1",
        )
        .await?;
    let rows = db.query(&sql, &[&service, &id]).await?;
    rows.iter().map(|row| Ok((parse(row, "notification_status")?, row.try_get("rows")?))).collect()
}
