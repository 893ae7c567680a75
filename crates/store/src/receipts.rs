//! What receipts change: the row, and the message that tells the service.

use deadpool_postgres::GenericClient;
use domain::{
    KeyType, NotificationId, NotificationStatus, NotificationType, ServiceId, TemplateId,
};
use time::{OffsetDateTime, PrimitiveDateTime};
use tokio_postgres::Row;

use crate::{Error, column, outbox::OutboxRow, parse, sql_time};

/// A notification as a receipt finds it.
#[derive(Clone)]
pub struct Receivable {
    /// Its id.
    pub id: NotificationId,
    /// Whose message it is.
    pub service_id: ServiceId,
    /// What it was made from.
    pub template_id: TemplateId,
    /// And in which version.
    pub template_version: i32,
    /// The channel.
    pub notification_type: NotificationType,
    /// The type of the key it came in with.
    pub key_type: KeyType,
    /// Its status now.
    pub status: NotificationStatus,
    /// The recipient as supplied; `None` when it has been archived without personal data.
    pub to: Option<String>,
    /// The client's own reference.
    pub client_reference: Option<String>,
    /// When it was accepted.
    pub created_at: OffsetDateTime,
    /// When a provider took it.
    pub sent_at: Option<OffsetDateTime>,
    /// The provider, when that is recorded.
    pub sent_by: Option<String>,
    /// True when it went abroad.
    pub international: bool,
    /// The billing prefix of its number.
    pub phone_prefix: Option<String>,
    /// Fragments; 0 when the receipt is faster than the record of the send.
    pub billable_units: i32,
    /// The values of its placeholders, signed; gone once archived.
    pub signed_personalisation: Option<String>,
}

/// The live notifications of these ids, in no order.
///
/// # Errors
/// Database errors only.
pub async fn find(
    db: &impl GenericClient,
    ids: &[NotificationId],
) -> Result<Vec<Receivable>, Error> {
    let sql = db
        .prepare_cached(
            r#"-- receipts.find
        SELECT id, service_id, template_id, template_version,
               notification_type::text AS notification_type, key_type, notification_status, "to",
               client_reference, created_at, sent_at, sent_by, international, phone_prefix,
               billable_units, _personalisation
          FROM unnest((SELECT $1::uuid[])) AS wanted (wanted) JOIN notifications ON id = wanted"#,
        )
        .await?;
    db.query(&sql, &[&ids]).await?.iter().map(from_row).collect()
}

/// The notification that the provider knows by this reference, live or archived.
///
/// # Errors
/// Database errors only.
pub async fn find_by_reference(
    db: &impl GenericClient,
    reference: &str,
) -> Result<Option<Receivable>, Error> {
    let sql = db
        .prepare_cached(
            r#"-- receipts.find_by_reference
        SELECT id, service_id, template_id, template_version,
               notification_type::text AS notification_type, key_type, notification_status, "to",
               client_reference, created_at, sent_at, sent_by, international, phone_prefix,
               billable_units, _personalisation
          FROM notifications WHERE reference = $1
        UNION ALL
        SELECT id, service_id, template_id, template_version,
               notification_type::text, key_type, notification_status, NULL,
               client_reference, created_at, sent_at, sent_by, international, phone_prefix,
               billable_units, NULL
          FROM notification_history WHERE reference = $1
         LIMIT 1"#,
        )
        .await?;
    db.query_opt(&sql, &[&reference]).await?.as_ref().map(from_row).transpose()
}

pub(crate) fn from_row(row: &Row) -> Result<Receivable, Error> {
    let sent_at: Option<PrimitiveDateTime> = row.try_get("sent_at")?;
    Ok(Receivable {
        id: row.try_get("id")?,
        service_id: row.try_get("service_id")?,
        template_id: row.try_get("template_id")?,
        template_version: row.try_get("template_version")?,
        notification_type: parse(row, "notification_type")?,
        key_type: parse(row, "key_type")?,
        status: parse(row, "notification_status")?,
        to: row.try_get("to")?,
        client_reference: row.try_get("client_reference")?,
        created_at: sql_time::from_column(row.try_get("created_at")?),
        sent_at: sent_at.map(sql_time::from_column),
        sent_by: row.try_get("sent_by")?,
        international: row.try_get::<_, Option<_>>("international")?.unwrap_or_default(),
        phone_prefix: row.try_get("phone_prefix")?,
        billable_units: row.try_get("billable_units")?,
        signed_personalisation: row.try_get("_personalisation")?,
    })
}

/// What a receipt makes of a notification.
#[derive(Clone)]
pub struct Outcome {
    /// The notification.
    pub id: NotificationId,
    /// The status that the receipt found; anything else by now means that another was first.
    pub from: NotificationStatus,
    /// The new status.
    pub to: NotificationStatus,
    /// Now.
    pub at: OffsetDateTime,
    /// The provider, written where none is recorded.
    pub sent_by: &'static str,
    /// Fragments, written where none are recorded.
    pub billable_units: i32,
    /// The provider's id of the message, written where none is recorded.
    pub reference: Option<String>,
    /// The message that tells the service.
    pub callback: Option<OutboxRow>,
}

/// Applies receipts and, in the same statement, keeps the messages that tell the services. Returns
/// whom they changed: not those whose status is not `outcome.from` any more. Each may be named once.
///
/// A receipt proves that the provider has the message, so it also ends any claim to send it.
///
/// # Errors
/// Database errors only.
pub async fn apply(
    db: &impl GenericClient,
    outcomes: &[Outcome],
) -> Result<Vec<NotificationId>, Error> {
    let sql = db
        .prepare_cached(
            r#"-- receipts.apply
        WITH receipt AS (
            SELECT * FROM unnest((SELECT $1::uuid[]), $2::text[], $3::text[], $4::timestamp[],
                                 $5::text[], $6::int4[], $7::text[], $8::uuid[], $9::text[],
                                 $10::text[], $11::jsonb[], $12::timestamp[])
                AS r (id, "from", "to", at, sent_by, billable_units, reference, callback_id, queue,
                      task, message, claimed_until)
        ), live AS (
            UPDATE notifications n
               SET notification_status = r."to", updated_at = r.at,
                   sent_by = coalesce(n.sent_by, r.sent_by), sent_at = coalesce(n.sent_at, r.at),
                   billable_units = CASE n.billable_units
                       WHEN 0 THEN r.billable_units ELSE n.billable_units END,
                   reference = coalesce(n.reference, r.reference),
                   claimed_by = NULL, claimed_until = NULL, next_attempt_at = NULL
              FROM receipt r WHERE n.id = r.id AND n.notification_status = r."from"
            RETURNING n.id
        ), archived AS (
            UPDATE notification_history n SET notification_status = r."to", updated_at = r.at
              FROM receipt r WHERE n.id = r.id AND n.notification_status = r."from"
            RETURNING n.id
        ), changed AS (SELECT id FROM live UNION SELECT id FROM archived
        ), callback AS (
            INSERT INTO outbox (id, created_at, queue, task, message, claimed_until)
            SELECT callback_id, at, queue, task, message, claimed_until
              FROM receipt JOIN changed USING (id) WHERE callback_id IS NOT NULL
        )
        SELECT id FROM changed"#,
        )
        .await?;
    let rows = db
        .query(
            &sql,
            &[
                &column(outcomes, |outcome| outcome.id),
                &column(outcomes, |outcome| <&str>::from(outcome.from)),
                &column(outcomes, |outcome| <&str>::from(outcome.to)),
                &column(outcomes, |outcome| sql_time::to_column(outcome.at)),
                &column(outcomes, |outcome| outcome.sent_by),
                &column(outcomes, |outcome| outcome.billable_units),
                &column(outcomes, |outcome| outcome.reference.as_deref()),
                &column(outcomes, |outcome| outcome.callback.as_ref().map(|row| row.id)),
                &column(outcomes, |outcome| {
                    outcome.callback.as_ref().map(|row| row.queue.as_str())
                }),
                &column(outcomes, |outcome| outcome.callback.as_ref().map(|row| row.task.as_str())),
                &column(outcomes, |outcome| outcome.callback.as_ref().map(|row| &row.message)),
                &column(outcomes, |outcome| {
                    let until = outcome.callback.as_ref().and_then(|row| row.claimed_until);
                    until.map(sql_time::to_column)
                }),
            ],
        )
        .await?;
    rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
}
