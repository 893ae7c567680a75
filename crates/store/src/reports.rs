//! Reports that people ask for: their state, and the messages in them.
//!
//! `updated_at` of a report in progress says when the worker that writes it last showed signs of life.
//! It is also how that worker is told from another: whoever finds it changed has lost the report.

use deadpool_postgres::GenericClient;
use domain::{
    NotificationId, NotificationStatus, NotificationType, ReportRequestId, ServiceId,
    report::{ReportStatus, Reported},
};
use time::OffsetDateTime;
use tokio_postgres::Row;

use crate::{Error, parse, sql_time};

/// A report in the hands of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Whose messages it is about.
    pub service_id: ServiceId,
    /// Which it is.
    pub id: ReportRequestId,
    /// When the worker last said that it has it.
    pub since: OffsetDateTime,
}

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Messages of this channel.
    pub channel: NotificationType,
    /// In one of these statuses.
    pub reported: Reported,
    /// Days for which the service keeps them: its own period, or 7.
    pub days: i32,
}

/// A message in a report.
pub struct ReportRow {
    /// Its id.
    pub id: NotificationId,
    /// When it was accepted.
    pub created_at: OffsetDateTime,
    /// Whom it is for, as the client wrote it; of letters perhaps the whole address.
    pub recipient: String,
    /// The client's own reference.
    pub client_reference: Option<String>,
    /// The name that its template had.
    pub template_name: Option<String>,
    /// Where it is in its life.
    pub status: NotificationStatus,
    /// The name of whoever sent it in the admin app.
    pub created_by: Option<String>,
    /// That person's email address.
    pub created_by_email: Option<String>,
    /// The name of the file that it is a row of.
    pub job: Option<String>,
    /// The name of the key that it came in with.
    pub api_key: Option<String>,
}

/// Gives a report that waits, or whose worker has not been heard of since `expired`, to a worker. False
/// when it is neither.
///
/// # Errors
/// Database errors only.
pub async fn claim(
    db: &impl GenericClient,
    report: &Held,
    expired: OffsetDateTime,
) -> Result<bool, Error> {
    let sql = db
        .prepare_cached(
            "-- reports.claim
        UPDATE report_requests SET status = 'in progress', updated_at = $3
         WHERE service_id = $1 AND id = $2
           AND (status = 'pending'
                OR (status = 'in progress' AND coalesce(updated_at, created_at) < $4))",
        )
        .await?;
    let (since, expired) = (sql_time::to_column(report.since), sql_time::to_column(expired));
    Ok(db.execute(&sql, &[&report.service_id, &report.id, &since, &expired]).await? == 1)
}

/// How far a report is, and since when.
///
/// # Errors
/// [`Error::NotFound`] when the service has no such report.
pub async fn get_status(
    db: &impl GenericClient,
    service: ServiceId,
    id: ReportRequestId,
) -> Result<(ReportStatus, OffsetDateTime), Error> {
    let sql = db
        .prepare_cached(
            "-- reports.get_status
        SELECT status::text AS status, coalesce(updated_at, created_at) AS since
          FROM report_requests WHERE service_id = $1 AND id = $2",
        )
        .await?;
    let row = db.query_opt(&sql, &[&service, &id]).await?;
    let row = row.ok_or(Error::NotFound("report"))?;
    Ok((parse(&row, "status")?, sql_time::from_column(row.try_get("since")?)))
}

/// What a report is to be of.
///
/// # Errors
/// [`Error::NotFound`] when the service has no such report; [`Error::Column`] when we do not know what
/// it asks for.
pub async fn get_wanted(
    db: &impl GenericClient,
    service: ServiceId,
    id: ReportRequestId,
) -> Result<Wanted, Error> {
    let sql = db
        .prepare_cached(
            "-- reports.get_wanted
        SELECT coalesce(q.parameter ->> 'notification_type', '') AS notification_type,
               coalesce(q.parameter ->> 'notification_status', '') AS notification_status,
               coalesce(r.days_of_retention, 7) AS days
          FROM report_requests q
          LEFT JOIN service_data_retention r
                 ON r.service_id = q.service_id
                AND r.notification_type::text = q.parameter ->> 'notification_type'
         WHERE q.service_id = $1 AND q.id = $2",
        )
        .await?;
    let row = db.query_opt(&sql, &[&service, &id]).await?;
    let row = row.ok_or(Error::NotFound("report"))?;
    Ok(Wanted {
        channel: parse(&row, "notification_type")?,
        reported: parse(&row, "notification_status")?,
        days: row.try_get("days")?,
    })
}

/// Says that the worker still has the report, or how it has ended it, as of `now`. False when it has lost
/// it.
///
/// # Errors
/// Database errors only.
pub async fn set_status(
    db: &impl GenericClient,
    report: &Held,
    status: ReportStatus,
    now: OffsetDateTime,
) -> Result<bool, Error> {
    let sql = db
        .prepare_cached(
            "-- reports.set_status
        UPDATE report_requests
           SET status = $4::text::report_request_status_type, updated_at = $5
         WHERE service_id = $1 AND id = $2 AND status = 'in progress' AND updated_at = $3",
        )
        .await?;
    let (since, now) = (sql_time::to_column(report.since), sql_time::to_column(now));
    let status = <&str>::from(status);
    Ok(db.execute(&sql, &[&report.service_id, &report.id, &since, &status, &now]).await? == 1)
}

/// Gives a report up that nobody will write any more, whoever had it.
///
/// # Errors
/// Database errors only.
pub async fn give_up(
    db: &impl GenericClient,
    service: ServiceId,
    id: ReportRequestId,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let sql = "-- reports.give_up
        UPDATE report_requests SET status = 'failed', updated_at = $3
         WHERE service_id = $1 AND id = $2 AND status IN ('pending', 'in progress')";
    db.execute(sql, &[&service, &id, &sql_time::to_column(now)]).await?;
    Ok(())
}

/// Up to `limit` messages of a report, the newest first: of normal and team keys, accepted at `from` or
/// later, and before the message `after`.
///
/// # Errors
/// Database errors only.
pub async fn list_rows(
    db: &impl GenericClient,
    service: ServiceId,
    wanted: &Wanted,
    from: OffsetDateTime,
    after: Option<&ReportRow>,
    limit: i64,
) -> Result<Vec<ReportRow>, Error> {
    let sql = db.prepare_cached(LIST_ROWS).await?;
    let statuses: Vec<&str> = wanted.reported.statuses().iter().map(<&str>::from).collect();
    let (channel, from) = (<&str>::from(wanted.channel), sql_time::to_column(from));
    let (created_at, id) = after.map(|row| (sql_time::to_column(row.created_at), row.id)).unzip();
    let rows =
        db.query(&sql, &[&service, &channel, &statuses, &from, &created_at, &id, &limit]).await?;
    rows.iter().map(from_row).collect()
}

/// The query of [`list_rows`]. Follows `ix_notifications_service_id_ntype_created_at`, and looks the
/// names up of what it found. Older rows are left out at the end only: a range of times would look to the
/// planner like so few rows that it might read and sort all of them for each page.
pub const LIST_ROWS: &str = r#"-- reports.list_rows
        SELECT n.id, n.created_at, n."to" AS recipient, n.client_reference,
               t.name AS template_name, n.notification_status, u.name AS created_by,
               u.email_address AS created_by_email, j.original_file_name AS job, k.name AS api_key
          FROM (SELECT * FROM notifications
                 WHERE service_id = $1 AND notification_type = $2::text::notification_type
                   AND key_type IN ('normal', 'team') AND notification_status = ANY($3)
                   AND created_at <= coalesce($5, 'infinity'::timestamp)
                   AND ($5 IS NULL OR created_at < $5 OR id < $6)
                 ORDER BY created_at DESC, id DESC LIMIT $7) n
          LEFT JOIN templates_history t
                 ON t.id = n.template_id AND t.version = n.template_version
          LEFT JOIN users u ON u.id = n.created_by_id
          LEFT JOIN jobs j ON j.id = n.job_id
          LEFT JOIN api_keys k ON k.id = n.api_key_id
         WHERE n.created_at >= $4
         ORDER BY n.created_at DESC, n.id DESC"#;

fn from_row(row: &Row) -> Result<ReportRow, Error> {
    Ok(ReportRow {
        id: row.try_get("id")?,
        created_at: sql_time::from_column(row.try_get("created_at")?),
        recipient: row.try_get("recipient")?,
        client_reference: row.try_get("client_reference")?,
        template_name: row.try_get("template_name")?,
        status: parse(row, "notification_status")?,
        created_by: row.try_get("created_by")?,
        created_by_email: row.try_get("created_by_email")?,
        job: row.try_get("job")?,
        api_key: row.try_get("api_key")?,
    })
}

/// Up to `limit` reports asked for from `from` to `before` that are not deleted, after the one given.
///
/// # Errors
/// Database errors only.
pub async fn list_outdated(
    db: &impl GenericClient,
    from: OffsetDateTime,
    before: OffsetDateTime,
    after: Option<ReportRequestId>,
    limit: i64,
) -> Result<Vec<ReportRequestId>, Error> {
    let sql = db
        .prepare_cached(
            "-- reports.list_outdated
        SELECT id FROM report_requests
         WHERE created_at >= $1 AND created_at < $2 AND status <> 'deleted'
           AND ($3::uuid IS NULL OR id > $3)
         ORDER BY id LIMIT $4",
        )
        .await?;
    let (from, before) = (sql_time::to_column(from), sql_time::to_column(before));
    let rows = db.query(&sql, &[&from, &before, &after, &limit]).await?;
    rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
}

/// Marks reports whose files are gone.
///
/// # Errors
/// Database errors only.
pub async fn set_deleted(
    db: &impl GenericClient,
    ids: &[ReportRequestId],
    now: OffsetDateTime,
) -> Result<u64, Error> {
    let sql = "-- reports.set_deleted
        UPDATE report_requests SET status = 'deleted', updated_at = $2
         WHERE id = ANY($1) AND status <> 'deleted'";
    Ok(db.execute(sql, &[&ids, &sql_time::to_column(now)]).await?)
}
