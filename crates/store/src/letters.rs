//! Letters, from their acceptance to the printer and back.

mod monitors;
mod templates;

use deadpool_postgres::GenericClient;
use domain::{KeyType, NotificationId, NotificationStatus, ServiceId, TemplateId, letter::Postage};
use time::{OffsetDateTime, PrimitiveDateTime};
use tokio_postgres::Row;

use crate::{Error, sql_time};

pub use monitors::{Waiting, count_created, count_failed, count_sending, list_waiting_for_scan};
pub use templates::{
    LetterTemplate, make_precompiled_template, organisation_of, precompiled_template, template,
};

/// A letter.
#[derive(Clone)]
pub struct Letter {
    /// Its id.
    pub id: NotificationId,
    /// Whose letter it is.
    pub service_id: ServiceId,
    /// What it is made from.
    pub template_id: TemplateId,
    /// And in which version.
    pub template_version: i32,
    /// The type of the key it came in with.
    pub key_type: KeyType,
    /// Where it is in its life.
    pub status: NotificationStatus,
    /// The sixteen characters that name its files.
    pub reference: Option<String>,
    /// How it is posted; second class where the database does not say.
    pub postage: Postage,
    /// Sheets of paper; 0 until known.
    pub billable_units: i32,
    /// When it was accepted.
    pub created_at: OffsetDateTime,
    /// The values of its placeholders, signed; gone once archived.
    pub signed_personalisation: Option<String>,
    /// The service's address, as the letter shows it.
    pub contact_block: Option<String>,
}

/// The live letter of this id.
///
/// # Errors
/// [`Error::NotFound`] when there is none: it may not have been committed yet.
pub async fn get(db: &impl GenericClient, id: NotificationId) -> Result<Letter, Error> {
    let sql = db
        .prepare_cached(
            "-- letters.get
        SELECT id, service_id, template_id, template_version, key_type, notification_status,
               reference, postage, billable_units, created_at, _personalisation, reply_to_text
          FROM notifications WHERE id = $1 AND notification_type = 'letter'",
        )
        .await?;
    let row = db.query_opt(&sql, &[&id]).await?.ok_or(Error::NotFound("letter"))?;
    from_row(&row)
}

/// The letter of this id, live or archived.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub async fn get_anywhere(db: &impl GenericClient, id: NotificationId) -> Result<Letter, Error> {
    let sql = db
        .prepare_cached(
            "-- letters.get_anywhere
        SELECT id, service_id, template_id, template_version, key_type, notification_status,
               reference, postage, billable_units, created_at, _personalisation, reply_to_text
          FROM notifications WHERE id = $1 AND notification_type = 'letter'
        UNION ALL
        SELECT id, service_id, template_id, template_version, key_type, notification_status,
               reference, postage, billable_units, created_at, NULL, NULL
          FROM notification_history WHERE id = $1 AND notification_type = 'letter'
         LIMIT 1",
        )
        .await?;
    let row = db.query_opt(&sql, &[&id]).await?.ok_or(Error::NotFound("letter"))?;
    from_row(&row)
}

/// The live letters of this reference: one, unless something is very wrong; then at most two are
/// given.
///
/// # Errors
/// Database errors only.
pub async fn list_by_reference(
    db: &impl GenericClient,
    reference: &str,
) -> Result<Vec<Letter>, Error> {
    let sql = db
        .prepare_cached(
            "-- letters.list_by_reference
        SELECT id, service_id, template_id, template_version, key_type, notification_status,
               reference, postage, billable_units, created_at, _personalisation, reply_to_text
          FROM notifications WHERE reference = $1 AND notification_type = 'letter' LIMIT 2",
        )
        .await?;
    db.query(&sql, &[&reference]).await?.iter().map(from_row).collect()
}

pub(crate) fn from_row(row: &Row) -> Result<Letter, Error> {
    let postage: Option<&str> = row.try_get("postage")?;
    Ok(Letter {
        id: row.try_get("id")?,
        service_id: row.try_get("service_id")?,
        template_id: row.try_get("template_id")?,
        template_version: row.try_get("template_version")?,
        key_type: crate::parse(row, "key_type")?,
        status: crate::parse(row, "notification_status")?,
        reference: row.try_get("reference")?,
        postage: postage.and_then(|text| text.parse().ok()).unwrap_or(Postage::Second),
        billable_units: row.try_get("billable_units")?,
        created_at: sql_time::from_column(row.try_get::<_, PrimitiveDateTime>("created_at")?),
        signed_personalisation: row.try_get("_personalisation")?,
        contact_block: row.try_get("reply_to_text")?,
    })
}

/// What becomes of a letter.
#[derive(Clone)]
pub struct Change {
    /// The statuses in which it may be; in any other nothing changes.
    pub from: &'static [NotificationStatus],
    /// The one it gets.
    pub to: NotificationStatus,
    /// When that is.
    pub at: OffsetDateTime,
    /// Sheets of paper, once they are known.
    pub billable_units: Option<i32>,
    /// What has been read from its PDF, if that has been.
    pub address: Option<Address>,
}

/// Where a letter goes, as read from its PDF.
#[derive(Clone)]
pub struct Address {
    /// The lines, with line feeds between them.
    pub to: String,
    /// The same, as searches want it.
    pub normalised_to: String,
    /// The postage that it needs.
    pub postage: Postage,
    /// Whether that is abroad.
    pub international: bool,
}

/// Changes a live letter. False, and nothing is changed, when it is in none of the statuses named.
///
/// # Errors
/// Database errors only.
pub async fn change(
    db: &impl GenericClient,
    id: NotificationId,
    change: &Change,
) -> Result<bool, Error> {
    let sql = db
        .prepare_cached(
            r#"-- letters.change
        UPDATE notifications
           SET notification_status = $3, updated_at = $4,
               billable_units = coalesce($5, billable_units), "to" = coalesce($6, "to"),
               normalised_to = coalesce($7, normalised_to), postage = coalesce($8, postage),
               international = coalesce($9, international)
         WHERE id = $1 AND notification_type = 'letter'
           AND notification_status = ANY((SELECT $2::text[])::text[])"#,
        )
        .await?;
    let address = change.address.as_ref();
    let changed = db
        .execute(
            &sql,
            &[
                &id,
                &names(change.from),
                &<&str>::from(change.to),
                &sql_time::to_column(change.at),
                &change.billable_units,
                &address.map(|address| address.to.as_str()),
                &address.map(|address| address.normalised_to.as_str()),
                &address.map(|address| <&str>::from(address.postage)),
                &address.map(|address| address.international),
            ],
        )
        .await?;
    Ok(changed > 0)
}

/// What the printer says of a letter, with the day and the price band on which it was posted.
#[derive(Clone, Copy)]
pub struct PrintReceipt<'a> {
    /// The statuses in which it may be; in any other nothing changes.
    pub from: &'static [NotificationStatus],
    /// The one it gets.
    pub to: NotificationStatus,
    /// Now.
    pub at: OffsetDateTime,
    /// London day and price band (`sorted` or `unsorted`), if it was posted.
    pub despatch: Option<(time::Date, &'a str)>,
}

/// Applies what the printer says to the letter, live or archived, and keeps its despatch, in one
/// statement. False, and nothing is changed, when it is in none of the statuses named.
///
/// # Errors
/// Database errors only.
pub async fn apply_print_receipt(
    db: &impl GenericClient,
    id: NotificationId,
    receipt: &PrintReceipt<'_>,
) -> Result<bool, Error> {
    let sql = db
        .prepare_cached(
            "-- letters.apply_print_receipt
        WITH live AS (
            UPDATE notifications SET notification_status = $3, updated_at = $4
             WHERE id = $1 AND notification_type = 'letter'
               AND notification_status = ANY((SELECT $2::text[])::text[])
            RETURNING id
        ), archived AS (
            UPDATE notification_history SET notification_status = $3, updated_at = $4
             WHERE id = $1 AND notification_type = 'letter' AND notification_status = ANY($2)
            RETURNING id
        ), changed AS (SELECT id FROM live UNION SELECT id FROM archived
        ), despatched AS (
            INSERT INTO notifications_letter_despatch (notification_id, despatched_on, cost_threshold)
            SELECT id, $5::date, $6::text::letter_despatch_cost_threshold FROM changed
             WHERE $6::text IS NOT NULL
            ON CONFLICT (notification_id) DO UPDATE
               SET despatched_on = excluded.despatched_on, cost_threshold = excluded.cost_threshold
        )
        SELECT count(*) FROM changed",
        )
        .await?;
    let row = db
        .query_one(
            &sql,
            &[
                &id,
                &names(receipt.from),
                &<&str>::from(receipt.to),
                &sql_time::to_column(receipt.at),
                &receipt.despatch.map(|(day, _)| day),
                &receipt.despatch.map(|(_, band)| band),
            ],
        )
        .await?;
    Ok(row.try_get::<_, i64>(0)? > 0)
}

fn names(statuses: &[NotificationStatus]) -> Vec<&'static str> {
    statuses.iter().map(|status| status.into()).collect()
}
