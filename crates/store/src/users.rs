//! The users of the platform: those who sign in.

use deadpool_postgres::GenericClient;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, sql_time};

/// What the platform writes to its own users about, as long as they want it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Taking part in research.
    Research,
    /// New features.
    NewFeatures,
}

/// Notes that whoever has this address wants no more emails of a kind; gives their ids, none when nobody
/// has it.
///
/// # Errors
/// Database errors only.
pub async fn stop_emails(
    db: &impl GenericClient,
    email_address: &str,
    topic: Topic,
    now: OffsetDateTime,
) -> Result<Vec<Uuid>, Error> {
    let sql = db
        .prepare_cached(
            "-- users.stop_emails
        UPDATE users
           SET take_part_in_research = take_part_in_research AND NOT $2,
               receives_new_features_email = receives_new_features_email AND $2,
               updated_at = $3
         WHERE lower(email_address) = lower($1) RETURNING id",
        )
        .await?;
    let is_research = topic == Topic::Research;
    let rows = db.query(&sql, &[&email_address, &is_research, &sql_time::to_column(now)]).await?;
    rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
}
