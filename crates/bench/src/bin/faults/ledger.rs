//! What became of the messages, by their rows and by what the providers got.

use std::collections::HashMap;

use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::Client;

/// How far the messages of one fault are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Those that have a row.
    pub rows: i64,
    /// Those that wait to be sent.
    pub created: i64,
    /// Those of them that somebody holds, or whose next attempt is due later.
    pub planned: i64,
    /// Those that wait for a receipt.
    pub sending: i64,
    pub delivered: i64,
}

impl Progress {
    /// That of these messages now.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn read(db: &Client, ids: &[String]) -> anyhow::Result<Self> {
        let sql = "
            SELECT count(*), count(*) FILTER (WHERE notification_status = 'created'),
                   count(*) FILTER (WHERE notification_status = 'created'
                       AND greatest(claimed_until, next_attempt_at) > now() AT TIME ZONE 'UTC'),
                   count(*) FILTER (WHERE notification_status IN ('sending', 'pending')),
                   count(*) FILTER (WHERE notification_status = 'delivered')
              FROM notifications WHERE id = ANY($1::text[]::uuid[])";
        let row = db.query_one(sql, &[&ids]).await?;
        Ok(Self {
            rows: row.try_get(0)?,
            created: row.try_get(1)?,
            planned: row.try_get(2)?,
            sending: row.try_get(3)?,
            delivered: row.try_get(4)?,
        })
    }

    /// Those that will not change any more.
    pub fn ended(&self) -> i64 {
        self.rows - self.created - self.sending
    }
}

/// Makes the messages that wait older by so many hours.
///
/// # Errors
/// Database errors only.
pub async fn age(db: &Client, ids: &[String], hours: i32) -> anyhow::Result<()> {
    let sql = "UPDATE notifications SET created_at = created_at - make_interval(hours => $2)
                WHERE id = ANY($1::text[]::uuid[])
                  AND notification_status IN ('created', 'sending', 'pending')";
    db.execute(sql, &[&ids, &hours]).await?;
    Ok(())
}

/// Seconds from `since` until the first of these messages was delivered.
///
/// # Errors
/// Database errors only.
pub async fn first_delivery(
    db: &Client,
    ids: &[String],
    since: OffsetDateTime,
) -> anyhow::Result<Option<f64>> {
    let sql = "SELECT extract(epoch FROM min(updated_at))::float8 - $2 FROM notifications
                WHERE id = ANY($1::text[]::uuid[]) AND notification_status = 'delivered'";
    let since = since.unix_timestamp_nanos() as f64 / 1e9;
    Ok(db.query_one(sql, &[&ids, &since]).await?.try_get(0)?)
}

/// How often a provider took each message, by its id; what it refused or did not answer is not
/// counted: the stub delivers nothing then.
pub fn taken(received: &[Value]) -> HashMap<&str, u32> {
    let mut taken = HashMap::new();
    for item in received.iter().filter(|item| item["outcome"] == "delivered") {
        *taken.entry(item["reference"].as_str().unwrap_or_default()).or_default() += 1;
    }
    taken
}
