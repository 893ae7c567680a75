//! Files of recipients.

use deadpool_postgres::GenericClient;
use domain::{
    JobId, NotificationId, NotificationStatus, NotificationType, ServiceId, TemplateId,
    job::JobStatus,
};
use time::{OffsetDateTime, PrimitiveDateTime};
use tokio_postgres::Row;

use crate::{Error, parse, sql_time};

/// A file of recipients.
#[derive(Clone)]
pub struct Job {
    /// Its id, also the name of its file.
    pub id: JobId,
    /// Whose it is.
    pub service_id: ServiceId,
    /// What its rows are made from.
    pub template_id: TemplateId,
    /// And in which version.
    pub template_version: i32,
    /// Rows of the file.
    pub notification_count: i32,
    /// Where it is in its life.
    pub status: JobStatus,
    /// Whether its rows were counted against the day's limits when it was accepted.
    pub is_counted: bool,
}

/// The job of this id.
///
/// # Errors
/// [`Error::NotFound`] when there is none: it may not have been committed yet.
pub async fn get(db: &impl GenericClient, id: JobId) -> Result<Job, Error> {
    let sql = db
        .prepare_cached(
            "-- jobs.get
        SELECT id, service_id, template_id, template_version, notification_count, job_status,
               counted_at IS NOT NULL AS is_counted
          FROM jobs WHERE id = $1 AND template_id IS NOT NULL",
        )
        .await?;
    from_row(&db.query_opt(&sql, &[&id]).await?.ok_or(Error::NotFound("job"))?)
}

fn from_row(row: &Row) -> Result<Job, Error> {
    Ok(Job {
        id: row.try_get("id")?,
        service_id: row.try_get("service_id")?,
        template_id: row.try_get("template_id")?,
        template_version: row.try_get("template_version")?,
        notification_count: row.try_get("notification_count")?,
        status: parse(row, "job_status")?,
        is_counted: row.try_get("is_counted")?,
    })
}

/// Whether a job's rows were counted against the day's limits when it was accepted.
///
/// # Errors
/// Database errors only.
pub async fn is_counted(db: &impl GenericClient, id: JobId) -> Result<bool, Error> {
    let sql = db
        .prepare_cached(
            "-- jobs.is_counted
        SELECT EXISTS (SELECT FROM jobs WHERE id = $1 AND counted_at IS NOT NULL)",
        )
        .await?;
    Ok(db.query_one(&sql, &[&id]).await?.try_get(0)?)
}

/// Begins a job, unless it is in none of the statuses `from`. False, and nothing is changed, then.
///
/// # Errors
/// Database errors only.
pub async fn begin(
    db: &impl GenericClient,
    id: JobId,
    from: &[JobStatus],
    now: OffsetDateTime,
) -> Result<bool, Error> {
    let sql = db
        .prepare_cached(
            "-- jobs.begin
        UPDATE jobs SET job_status = 'in progress', processing_started = $3, updated_at = $3
         WHERE id = $1 AND job_status = ANY($2)",
        )
        .await?;
    let from: Vec<&str> = from.iter().map(Into::into).collect();
    Ok(db.execute(&sql, &[&id, &from, &sql_time::to_column(now)]).await? > 0)
}

/// Ends the work on a job that is in progress.
///
/// # Errors
/// Database errors only.
pub async fn end(
    db: &impl GenericClient,
    id: JobId,
    status: JobStatus,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let sql = db
        .prepare_cached(
            "-- jobs.end
        UPDATE jobs SET job_status = $2, processing_finished = $3, updated_at = $3
         WHERE id = $1 AND job_status = 'in progress'",
        )
        .await?;
    db.execute(&sql, &[&id, &<&str>::from(status), &sql_time::to_column(now)]).await?;
    Ok(())
}

/// The rows of a job that are notifications, live or archived.
///
/// # Errors
/// Database errors only.
pub async fn saved_rows(db: &impl GenericClient, id: JobId) -> Result<Vec<i32>, Error> {
    let sql = db
        .prepare_cached(
            "-- jobs.saved_rows
        SELECT job_row_number FROM notifications
         WHERE job_id = $1 AND job_row_number IS NOT NULL
        UNION ALL
        SELECT job_row_number FROM notification_history
         WHERE job_id = $1 AND job_row_number IS NOT NULL",
        )
        .await?;
    db.query(&sql, &[&id]).await?.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// The live notification that a row of a job has become.
///
/// # Errors
/// Database errors only.
pub async fn notification_of_row(
    db: &impl GenericClient,
    job: JobId,
    row: i32,
) -> Result<Option<(NotificationId, NotificationStatus)>, Error> {
    let sql = db
        .prepare_cached(
            "-- jobs.notification_of_row
        SELECT id, notification_status FROM notifications
         WHERE job_id = $1 AND job_row_number = $2",
        )
        .await?;
    let row = db.query_opt(&sql, &[&job, &row]).await?;
    row.map(|row| Ok((row.try_get("id")?, parse(&row, "notification_status")?))).transpose()
}

/// Makes up to `limit` scheduled jobs pending whose time has come; the first first.
///
/// # Errors
/// Database errors only.
pub async fn take_scheduled(
    db: &impl GenericClient,
    now: OffsetDateTime,
    limit: i64,
) -> Result<Vec<JobId>, Error> {
    let sql = db
        .prepare_cached(
            "-- jobs.take_scheduled
        UPDATE jobs SET job_status = 'pending', updated_at = $1
         WHERE id IN (SELECT id FROM jobs
                       WHERE job_status = 'scheduled' AND scheduled_for < $1
                       ORDER BY scheduled_for LIMIT $2 FOR UPDATE)
        RETURNING id",
        )
        .await?;
    let rows = db.query(&sql, &[&sql_time::to_column(now), &limit]).await?;
    rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
}

/// Takes up to `limit` jobs that began before `before` and have not ended, or were due then and have
/// not begun, and marks them with `error` until somebody resumes them.
///
/// # Errors
/// Database errors only.
pub async fn take_stuck(
    db: &impl GenericClient,
    before: OffsetDateTime,
    now: OffsetDateTime,
    limit: i64,
) -> Result<Vec<JobId>, Error> {
    let sql = db
        .prepare_cached(
            "-- jobs.take_stuck
        UPDATE jobs SET job_status = 'error', updated_at = $2
         WHERE id IN (SELECT id FROM jobs
                       WHERE (job_status = 'in progress' AND processing_started < $1)
                          OR (job_status = 'pending' AND scheduled_for < $1)
                       ORDER BY created_at LIMIT $3 FOR UPDATE SKIP LOCKED)
        RETURNING id",
        )
        .await?;
    let (before, now) = (sql_time::to_column(before), sql_time::to_column(now));
    let rows = db.query(&sql, &[&before, &now, &limit]).await?;
    rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
}

/// Marks the jobs that finished within this time and whose rows are all notifications. Gives how many.
///
/// # Errors
/// Database errors only.
pub async fn complete(
    db: &impl GenericClient,
    from: OffsetDateTime,
    before: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<u64, Error> {
    let sql = db
        .prepare_cached(
            "-- jobs.complete
        UPDATE jobs j SET job_status = 'finished all notifications created', updated_at = $3
         WHERE j.job_status = 'finished'
           AND j.processing_finished >= $1 AND j.processing_finished < $2
           AND j.notification_count = (SELECT count(*) FROM notifications n WHERE n.job_id = j.id)",
        )
        .await?;
    let [from, before, now] = [from, before, now].map(sql_time::to_column);
    Ok(db.execute(&sql, &[&from, &before, &now]).await?)
}

/// Up to `limit` jobs that finished within this time and some of whose rows are no notifications, in
/// the order of their ids, after `after`. Without those that were looked at after `rested`.
///
/// # Errors
/// Database errors only.
pub async fn list_with_missing_rows(
    db: &impl GenericClient,
    from: OffsetDateTime,
    before: OffsetDateTime,
    rested: OffsetDateTime,
    after: Option<JobId>,
    limit: i64,
) -> Result<Vec<Job>, Error> {
    let sql = db
        .prepare_cached(
            "-- jobs.list_with_missing_rows
        SELECT j.id, j.service_id, j.template_id, j.template_version, j.notification_count,
               j.job_status, j.counted_at IS NOT NULL AS is_counted
          FROM jobs j
         WHERE j.job_status = 'finished' AND j.template_id IS NOT NULL
           AND j.processing_finished >= $1 AND j.processing_finished < $2
           AND (j.updated_at IS NULL OR j.updated_at <= j.processing_finished
                OR j.updated_at < $3)
           AND ($4::uuid IS NULL OR j.id > $4)
           AND j.notification_count > (SELECT count(*) FROM notifications n WHERE n.job_id = j.id)
         ORDER BY j.id LIMIT $5",
        )
        .await?;
    let [from, before, rested]: [PrimitiveDateTime; 3] =
        [from, before, rested].map(sql_time::to_column);
    let rows = db.query(&sql, &[&from, &before, &rested, &after, &limit]).await?;
    rows.iter().map(from_row).collect()
}

/// Notes that the missing rows of a job have been looked at.
///
/// # Errors
/// Database errors only.
pub async fn touch(db: &impl GenericClient, id: JobId, now: OffsetDateTime) -> Result<(), Error> {
    let sql =
        db.prepare_cached("-- jobs.touch\nUPDATE jobs SET updated_at = $2 WHERE id = $1").await?;
    db.execute(&sql, &[&id, &sql_time::to_column(now)]).await?;
    Ok(())
}

/// A job whose file is to be removed.
#[derive(Clone, Copy)]
pub struct Outdated {
    /// Its id.
    pub id: JobId,
    /// Whose it is.
    pub service_id: ServiceId,
    /// When it was uploaded.
    pub created_at: OffsetDateTime,
}

/// Up to `limit` jobs of these channels that are not archived and past their service's retention,
/// which counts back in whole days from `today`, a UTC midnight; the newest first, after `after`.
///
/// # Errors
/// Database errors only.
pub async fn list_outdated(
    db: &impl GenericClient,
    channels: &[NotificationType],
    today: OffsetDateTime,
    after: Option<Outdated>,
    limit: i64,
) -> Result<Vec<Outdated>, Error> {
    let sql = db
        .prepare_cached(
            "-- jobs.list_outdated
        SELECT j.id, j.service_id, j.created_at
          FROM jobs j JOIN templates t ON t.id = j.template_id
          LEFT JOIN service_data_retention r
                 ON r.service_id = j.service_id
                AND r.notification_type::text = t.template_type::text
         WHERE NOT j.archived AND t.template_type::text = ANY($1)
           AND coalesce(j.scheduled_for, j.created_at)
               < $2::timestamp - make_interval(days => coalesce(r.days_of_retention, 7))
           AND ($3::timestamp IS NULL OR (j.created_at, j.id) < ($3, $4::uuid))
         ORDER BY j.created_at DESC, j.id DESC LIMIT $5",
        )
        .await?;
    let channels: Vec<&str> = channels.iter().map(Into::into).collect();
    let (at, id) = (after.map(|job| sql_time::to_column(job.created_at)), after.map(|job| job.id));
    let rows = db.query(&sql, &[&channels, &sql_time::to_column(today), &at, &id, &limit]).await?;
    let outdated = |row: &Row| {
        Ok(Outdated {
            id: row.try_get("id")?,
            service_id: row.try_get("service_id")?,
            created_at: sql_time::from_column(row.try_get("created_at")?),
        })
    };
    rows.iter().map(outdated).collect()
}

/// Marks a job whose file has been removed.
///
/// # Errors
/// Database errors only.
pub async fn archive(db: &impl GenericClient, id: JobId, now: OffsetDateTime) -> Result<(), Error> {
    let sql = db
        .prepare_cached(
            "-- jobs.archive\nUPDATE jobs SET archived = true, updated_at = $2 WHERE id = $1",
        )
        .await?;
    db.execute(&sql, &[&id, &sql_time::to_column(now)]).await?;
    Ok(())
}
