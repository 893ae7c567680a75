//! The live table: every message until its service's retention period ends.
//!
//! Where a statement finds rows by their ids, it hides a status that it asks for in a sub-select.
//! Nearly all rows are delivered, so for `'created'` as a constant the planner expects none, and
//! reads the whole index of what is not delivered, of which there is much under load.

use deadpool_postgres::GenericClient;
use domain::{
    ApiKeyId, JobId, KeyType, NotificationId, NotificationStatus, NotificationType, ServiceId,
    TemplateId, letter::Postage,
};
use rust_decimal::Decimal;
use time::{OffsetDateTime, PrimitiveDateTime};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{Error, column, parse, sql_time};

pub mod list;

/// A notification about to be stored (public API contract §4.1).
#[derive(Clone)]
pub struct NewNotification {
    /// Its id.
    pub id: NotificationId,
    /// The recipient as supplied, trimmed.
    pub to: String,
    /// The recipient in the form that providers and searches use.
    pub normalised_to: String,
    /// Whose message it is.
    pub service_id: ServiceId,
    /// What it is made from.
    pub template_id: TemplateId,
    /// And in which version.
    pub template_version: i32,
    /// The key it came in with, if it came in with one.
    pub api_key_id: Option<ApiKeyId>,
    /// And that key's type.
    pub key_type: KeyType,
    /// The channel.
    pub notification_type: NotificationType,
    /// When it was accepted.
    pub created_at: OffsetDateTime,
    /// The values of its placeholders, signed.
    pub signed_personalisation: String,
    /// The client's own reference.
    pub client_reference: Option<String>,
    /// Sender id of a text message, reply-to address of an email.
    pub reply_to_text: Option<String>,
    /// True when it is billed and routed as going abroad.
    pub international: bool,
    /// The billing prefix of its number.
    pub phone_prefix: Option<String>,
    /// How many times the rate a fragment costs there.
    pub rate_multiplier: Option<Decimal>,
    /// The address for one-click unsubscribing, as supplied.
    pub unsubscribe_link: Option<String>,
    /// How many files of an email became links; `None` when it had none.
    pub document_download_count: Option<i32>,
    /// Where its life begins: `created`, unless it is known already that it will not be sent.
    pub status: NotificationStatus,
    /// The row of a file that it comes from, if it does.
    pub job_row: Option<JobRow>,
    /// What letters have beside that.
    pub letter: Option<NewLetter>,
}

/// The row of a file of recipients.
#[derive(Clone, Copy)]
pub struct JobRow {
    /// The file.
    pub job: JobId,
    /// Its place there, from 0.
    pub number: i32,
}

/// What letters have beside all else.
#[derive(Clone)]
pub struct NewLetter {
    /// The sixteen characters that name its files.
    pub reference: String,
    /// How it is posted.
    pub postage: Postage,
}

/// Stores notifications in one statement: all of them or none.
///
/// # Errors
/// [`Error::Conflict`] when one of them breaks a key or another constraint.
pub async fn insert_many(db: &impl GenericClient, rows: &[NewNotification]) -> Result<(), Error> {
    let sql = db
        .prepare_cached(
            r#"-- notifications.insert_many
        INSERT INTO notifications
               (id, "to", normalised_to, service_id, template_id, template_version, api_key_id,
                key_type, notification_type, created_at, _personalisation, client_reference,
                reply_to_text, international, phone_prefix, rate_multiplier, unsubscribe_link,
                notification_status, job_id, job_row_number, reference, postage,
                document_download_count, billable_units)
        SELECT id, "to", normalised_to, service_id, template_id, template_version, api_key_id,
               key_type, notification_type::notification_type, created_at, personalisation,
               client_reference, reply_to_text, international, phone_prefix, rate_multiplier,
               unsubscribe_link, status, job_id, job_row_number, reference, postage,
               document_download_count, 0
          FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::int4[],
                      $7::uuid[], $8::text[], $9::text[], $10::timestamp[], $11::text[],
                      $12::text[], $13::text[], $14::bool[], $15::text[], $16::numeric[],
                      $17::text[], $18::text[], $19::uuid[], $20::int4[], $21::text[],
                      $22::text[], $23::int4[])
            AS r (id, "to", normalised_to, service_id, template_id, template_version, api_key_id,
                  key_type, notification_type, created_at, personalisation, client_reference,
                  reply_to_text, international, phone_prefix, rate_multiplier, unsubscribe_link,
                  status, job_id, job_row_number, reference, postage,
                  document_download_count)"#,
        )
        .await?;
    db.execute(
        &sql,
        &[
            &column(rows, |r| r.id),
            &column(rows, |r| r.to.as_str()),
            &column(rows, |r| r.normalised_to.as_str()),
            &column(rows, |r| r.service_id),
            &column(rows, |r| r.template_id),
            &column(rows, |r| r.template_version),
            &column(rows, |r| r.api_key_id),
            &column(rows, |r| <&str>::from(r.key_type)),
            &column(rows, |r| <&str>::from(r.notification_type)),
            &column(rows, |r| sql_time::to_column(r.created_at)),
            &column(rows, |r| r.signed_personalisation.as_str()),
            &column(rows, |r| r.client_reference.as_deref()),
            &column(rows, |r| r.reply_to_text.as_deref()),
            &column(rows, |r| r.international),
            &column(rows, |r| r.phone_prefix.as_deref()),
            &column(rows, |r| r.rate_multiplier),
            &column(rows, |r| r.unsubscribe_link.as_deref()),
            &column(rows, |r| <&str>::from(r.status)),
            &column(rows, |r| r.job_row.map(|row| row.job)),
            &column(rows, |r| r.job_row.map(|row| row.number)),
            &column(rows, |r| r.letter.as_ref().map(|letter| letter.reference.as_str())),
            &column(rows, |r| r.letter.as_ref().map(|letter| <&str>::from(letter.postage))),
            &column(rows, |r| r.document_download_count),
        ],
    )
    .await?;
    Ok(())
}

/// A stored notification, as shown to its service.
#[derive(Clone)]
pub struct Notification {
    /// Its id.
    pub id: NotificationId,
    /// The recipient as supplied.
    pub to: String,
    /// What it was made from.
    pub template_id: TemplateId,
    /// And in which version.
    pub template_version: i32,
    /// The channel.
    pub notification_type: NotificationType,
    /// Where it is in its life.
    pub status: NotificationStatus,
    /// When it was accepted.
    pub created_at: OffsetDateTime,
    /// When a provider took it.
    pub sent_at: Option<OffsetDateTime>,
    /// When its status last changed.
    pub updated_at: Option<OffsetDateTime>,
    /// The values of its placeholders, signed.
    pub signed_personalisation: Option<String>,
    /// The type of the key it came in with.
    pub key_type: KeyType,
    /// The provider's id of the message; a letter's own reference.
    pub reference: Option<String>,
    /// The client's own reference.
    pub client_reference: Option<String>,
    /// Fragments of a text message, sheets of a letter; 0 until known.
    pub billable_units: i32,
    /// How many times the rate a fragment costs.
    pub rate_multiplier: Option<Decimal>,
    /// Postage of a letter.
    pub postage: Option<String>,
    /// The unsubscribe address that the client gave.
    pub unsubscribe_link: Option<String>,
    /// Who sent it from the admin app.
    pub created_by_name: Option<String>,
    /// When it is to be sent, while it waits for that.
    pub scheduled_for: Option<OffsetDateTime>,
}

/// The notification, if it belongs to `service`.
///
/// # Errors
/// [`Error::NotFound`] when there is no such row for this service.
pub async fn get(
    db: &impl GenericClient,
    service: ServiceId,
    id: NotificationId,
) -> Result<Notification, Error> {
    let sql = db
        .prepare_cached(
            r#"-- notifications.get
        SELECT n.id, n."to", n.template_id, n.template_version,
               n.notification_type::text AS notification_type, n.notification_status,
               n.created_at, n.sent_at, n.updated_at, n._personalisation, n.key_type, n.reference,
               n.client_reference, n.billable_units, n.rate_multiplier, n.postage,
               n.unsubscribe_link, u.name AS created_by_name,
               (SELECT due_at FROM scheduled_notifications WHERE notification_id = n.id) AS due_at
          FROM notifications n LEFT JOIN users u ON u.id = n.created_by_id
         WHERE n.id = $2 AND n.service_id = $1"#,
        )
        .await?;
    let row = db.query_opt(&sql, &[&service, &id]).await?.ok_or(Error::NotFound("notification"))?;
    from_row(&row)
}

fn from_row(row: &Row) -> Result<Notification, Error> {
    let time = |column| -> Result<Option<OffsetDateTime>, Error> {
        Ok(row.try_get::<_, Option<PrimitiveDateTime>>(column)?.map(sql_time::from_column))
    };
    Ok(Notification {
        id: row.try_get("id")?,
        to: row.try_get("to")?,
        template_id: row.try_get("template_id")?,
        template_version: row.try_get("template_version")?,
        notification_type: parse(row, "notification_type")?,
        status: parse(row, "notification_status")?,
        created_at: sql_time::from_column(row.try_get("created_at")?),
        sent_at: time("sent_at")?,
        updated_at: time("updated_at")?,
        signed_personalisation: row.try_get("_personalisation")?,
        key_type: parse(row, "key_type")?,
        reference: row.try_get("reference")?,
        client_reference: row.try_get("client_reference")?,
        billable_units: row.try_get("billable_units")?,
        rate_multiplier: row.try_get("rate_multiplier")?,
        postage: row.try_get("postage")?,
        unsubscribe_link: row.try_get("unsubscribe_link")?,
        created_by_name: row.try_get("created_by_name")?,
        scheduled_for: time("due_at")?,
    })
}

/// Who claims a notification to send it, and how long nobody else may.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// The notification.
    pub id: NotificationId,
    /// Names this claim, so that one whose answer was lost can be made again.
    pub holder: Uuid,
    /// The attempt, counted from 0.
    pub attempt: i32,
    /// Now.
    pub now: OffsetDateTime,
    /// When the claim runs out.
    pub until: OffsetDateTime,
}

/// A notification that we have claimed: what sending it takes.
#[derive(Clone)]
pub struct ToSend {
    /// The name of the claim.
    pub holder: Uuid,
    /// Its id.
    pub id: NotificationId,
    /// Whose message it is.
    pub service_id: ServiceId,
    /// What it is made from.
    pub template_id: TemplateId,
    /// And in which version.
    pub template_version: i32,
    /// The channel.
    pub notification_type: NotificationType,
    /// The type of the key it came in with.
    pub key_type: KeyType,
    /// The recipient as supplied.
    pub to: String,
    /// The recipient as providers want it.
    pub normalised_to: String,
    /// The values of its placeholders, signed.
    pub signed_personalisation: Option<String>,
    /// Sender id of a text message, reply-to address of an email.
    pub reply_to_text: Option<String>,
    /// True when it goes abroad.
    pub international: bool,
    /// The unsubscribe address that the client gave.
    pub unsubscribe_link: Option<String>,
}

/// Claims `created` notifications that nobody holds and whose attempt is due; returns those. Each
/// may be named once.
///
/// An attempt is due when none was put off, when its time has come, or when it is the one that was
/// put off (brokers may deliver a delayed message a little early). For the others see
/// [`claim_state`].
///
/// # Errors
/// Database errors only.
pub async fn claim(db: &impl GenericClient, claims: &[Claim]) -> Result<Vec<ToSend>, Error> {
    let sql = db
        .prepare_cached(
            r#"-- notifications.claim
        UPDATE notifications n
           SET claimed_by = c.holder, claim_attempt = c.attempt, claimed_until = c.until
          FROM unnest((SELECT $1::uuid[]), $2::uuid[], $3::int4[], $4::timestamp[],
                      $5::timestamp[])
            AS c (id, holder, attempt, now, until)
         WHERE n.id = c.id AND n.notification_status = (SELECT 'created')
           AND (n.claimed_until IS NULL OR n.claimed_by = c.holder)
           AND (n.next_attempt_at IS NULL OR n.next_attempt_at <= c.now
                OR n.claim_attempt <= c.attempt)
        RETURNING n.id, service_id, template_id, template_version,
               notification_type::text AS notification_type, key_type, "to", normalised_to,
               _personalisation, reply_to_text, international, unsubscribe_link, claimed_by"#,
        )
        .await?;
    let rows = db
        .query(
            &sql,
            &[
                &column(claims, |claim| claim.id),
                &column(claims, |claim| claim.holder),
                &column(claims, |claim| claim.attempt),
                &column(claims, |claim| sql_time::to_column(claim.now)),
                &column(claims, |claim| sql_time::to_column(claim.until)),
            ],
        )
        .await?;
    rows.iter().map(to_send).collect()
}

fn to_send(row: &Row) -> Result<ToSend, Error> {
    Ok(ToSend {
        holder: row.try_get("claimed_by")?,
        id: row.try_get("id")?,
        service_id: row.try_get("service_id")?,
        template_id: row.try_get("template_id")?,
        template_version: row.try_get("template_version")?,
        notification_type: parse(row, "notification_type")?,
        key_type: parse(row, "key_type")?,
        to: row.try_get("to")?,
        normalised_to: row.try_get::<_, Option<_>>("normalised_to")?.unwrap_or_default(),
        signed_personalisation: row.try_get("_personalisation")?,
        reply_to_text: row.try_get("reply_to_text")?,
        international: row.try_get::<_, Option<_>>("international")?.unwrap_or_default(),
        unsubscribe_link: row.try_get("unsubscribe_link")?,
    })
}

/// Why a notification could not be claimed.
#[derive(Clone, Copy, Debug)]
pub struct ClaimState {
    /// Its status.
    pub status: NotificationStatus,
    /// The attempt that holds it, or that is due next.
    pub attempt: i32,
    /// When the claim on it runs out, if there is one.
    pub claimed_until: Option<OffsetDateTime>,
    /// When the next attempt is due, if one was put off.
    pub next_attempt_at: Option<OffsetDateTime>,
}

/// How the claim on a notification stands.
///
/// # Errors
/// [`Error::NotFound`] when there is no such row: it may not have been committed yet.
pub async fn claim_state(db: &impl GenericClient, id: NotificationId) -> Result<ClaimState, Error> {
    let sql = db
        .prepare_cached(
            "-- notifications.claim_state
        SELECT notification_status, coalesce(claim_attempt, 0) AS claim_attempt, claimed_until,
               next_attempt_at
          FROM notifications WHERE id = $1",
        )
        .await?;
    let row = db.query_opt(&sql, &[&id]).await?.ok_or(Error::NotFound("notification"))?;
    let until: Option<PrimitiveDateTime> = row.try_get("claimed_until")?;
    let next: Option<PrimitiveDateTime> = row.try_get("next_attempt_at")?;
    Ok(ClaimState {
        status: parse(&row, "notification_status")?,
        attempt: row.try_get("claim_attempt")?,
        claimed_until: until.map(sql_time::from_column),
        next_attempt_at: next.map(sql_time::from_column),
    })
}

/// Takes a claim away from a worker that died, and puts the next attempt off until `due`.
/// False when the claim has changed since it was seen.
///
/// # Errors
/// Database errors only.
pub async fn break_claim(
    db: &impl GenericClient,
    id: NotificationId,
    seen: OffsetDateTime,
    next_attempt: i32,
    due: OffsetDateTime,
) -> Result<bool, Error> {
    let sql = db
        .prepare_cached(
            "-- notifications.break_claim
        UPDATE notifications
           SET claimed_by = NULL, claimed_until = NULL, claim_attempt = $3, next_attempt_at = $4
         WHERE id = $1 AND notification_status = (SELECT 'created') AND claimed_until = $2",
        )
        .await?;
    let seen = sql_time::to_column(seen);
    let changed = db.execute(&sql, &[&id, &seen, &next_attempt, &sql_time::to_column(due)]).await?;
    Ok(changed == 1)
}

/// Puts the next attempt off until `due`, lets go of the claim, and keeps why.
///
/// # Errors
/// Database errors only.
pub async fn put_off(
    db: &impl GenericClient,
    id: NotificationId,
    holder: Uuid,
    next_attempt: i32,
    due: OffsetDateTime,
    billable_units: i32,
    why: &str,
) -> Result<(), Error> {
    let sql = db
        .prepare_cached(
            "-- notifications.put_off
        UPDATE notifications
           SET claimed_by = NULL, claimed_until = NULL, claim_attempt = $3, next_attempt_at = $4,
               billable_units = greatest(billable_units, $5), last_error = $6
         WHERE id = $1 AND claimed_by = $2",
        )
        .await?;
    let due = sql_time::to_column(due);
    db.execute(&sql, &[&id, &holder, &next_attempt, &due, &billable_units, &why]).await?;
    Ok(())
}

/// What a provider's acceptance leaves on the row.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The notification.
    pub id: NotificationId,
    /// `sending` when a receipt will follow, `sent` when none will.
    pub status: NotificationStatus,
    /// The provider.
    pub sent_by: &'static str,
    /// When it took the message.
    pub sent_at: OffsetDateTime,
    /// Fragments of a text message.
    pub billable_units: i32,
    /// The provider's id of the message.
    pub reference: Option<String>,
}

/// Records that providers have the messages, and ends the claims. A status changes from `created`,
/// and from the `technical-failure` of one that was given up before this was known; a receipt that
/// won the race, and has set who sent it, stands. Each may be named once.
///
/// # Errors
/// Database errors only.
pub async fn record_sent(db: &impl GenericClient, sent: &[Sent]) -> Result<(), Error> {
    let sql = db
        .prepare_cached(
            "-- notifications.record_sent
        UPDATE notifications n
           SET notification_status = CASE
                   WHEN n.notification_status = 'created'
                     OR (n.notification_status = 'technical-failure' AND n.sent_by IS NULL)
                   THEN s.status ELSE n.notification_status END,
               updated_at = CASE
                   WHEN n.notification_status = 'created'
                     OR (n.notification_status = 'technical-failure' AND n.sent_by IS NULL)
                   THEN s.sent_at ELSE n.updated_at END,
               sent_by = s.sent_by, sent_at = s.sent_at,
               billable_units = greatest(n.billable_units, s.billable_units),
               reference = coalesce(s.reference, n.reference),
               claimed_by = NULL, claimed_until = NULL, next_attempt_at = NULL
          FROM unnest((SELECT $1::uuid[]), $2::text[], $3::text[], $4::timestamp[], $5::int4[],
                      $6::text[])
            AS s (id, status, sent_by, sent_at, billable_units, reference)
         WHERE n.id = s.id",
        )
        .await?;
    db.execute(
        &sql,
        &[
            &column(sent, |sent| sent.id),
            &column(sent, |sent| <&str>::from(sent.status)),
            &column(sent, |sent| sent.sent_by),
            &column(sent, |sent| sql_time::to_column(sent.sent_at)),
            &column(sent, |sent| sent.billable_units),
            &column(sent, |sent| sent.reference.as_deref()),
        ],
    )
    .await?;
    Ok(())
}

/// Ends a `created` notification that will not be sent, and keeps why, if that is known better than
/// from its attempts. False when it is not `created` any more.
///
/// # Errors
/// Database errors only.
pub async fn set_technical_failure(
    db: &impl GenericClient,
    id: NotificationId,
    now: OffsetDateTime,
    why: Option<&str>,
) -> Result<bool, Error> {
    let sql = db
        .prepare_cached(
            "-- notifications.set_technical_failure
        UPDATE notifications
           SET notification_status = 'technical-failure', updated_at = $2,
               last_error = coalesce($3, last_error),
               claimed_by = NULL, claimed_until = NULL, next_attempt_at = NULL
         WHERE id = $1 AND notification_status = (SELECT 'created')",
        )
        .await?;
    Ok(db.execute(&sql, &[&id, &sql_time::to_column(now), &why]).await? == 1)
}

/// A notification that was accepted and not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forgotten {
    /// Its id.
    pub id: NotificationId,
    /// The type of the key it came in with.
    pub key_type: KeyType,
}

/// Which notifications count as forgotten.
#[derive(Clone, Copy, Debug)]
pub struct Forgetting {
    /// The channel. Of letters only those that wait for their PDF.
    pub channel: NotificationType,
    /// Accepted from then on.
    pub from: OffsetDateTime,
    /// And before then.
    pub before: OffsetDateTime,
    /// Now.
    pub now: OffsetDateTime,
    /// When they may be taken again, if they are still `created` by then.
    pub again_at: OffsetDateTime,
}

/// Takes up to `limit` notifications of a period that are still `created`, that nobody holds and
/// that no attempt is due for. They are marked, so that no other replay takes them until
/// `again_at`; any message that is queued for them can still claim them. A dead claim stays, so that
/// its receipt is waited for.
///
/// # Errors
/// Database errors only.
pub async fn take_forgotten(
    db: &impl GenericClient,
    which: &Forgetting,
    limit: i64,
) -> Result<Vec<Forgotten>, Error> {
    let sql = db
        .prepare_cached(
            "-- notifications.take_forgotten
        UPDATE notifications SET claim_attempt = 0, next_attempt_at = $5
         WHERE id IN (
               SELECT id FROM notifications
                WHERE notification_type = $1::text::notification_type
                  AND notification_status = 'created'
                  AND created_at >= $2 AND created_at < $3
                  AND (claimed_until IS NULL OR claimed_until <= $4)
                  AND (next_attempt_at IS NULL OR next_attempt_at <= $4)
                  AND NOT EXISTS (SELECT FROM scheduled_notifications s
                                   WHERE s.notification_id = notifications.id)
                  AND (notification_type <> 'letter'
                       OR (billable_units = 0 AND updated_at IS NULL AND key_type = 'normal'))
                ORDER BY created_at LIMIT $6 FOR UPDATE SKIP LOCKED)
        RETURNING id, key_type",
        )
        .await?;
    let rows = db
        .query(
            &sql,
            &[
                &<&str>::from(which.channel),
                &sql_time::to_column(which.from),
                &sql_time::to_column(which.before),
                &sql_time::to_column(which.now),
                &sql_time::to_column(which.again_at),
                &limit,
            ],
        )
        .await?;
    rows.iter()
        .map(|row| Ok(Forgotten { id: row.try_get("id")?, key_type: parse(row, "key_type")? }))
        .collect()
}
