//! The rows, generated in the database.

use time::PrimitiveDateTime;
use tokio_postgres::Client;
use uuid::Uuid;

/// Services and a template of each. A service's size is inverse to its number: the first of 200 has
/// about an eighth of all rows.
pub struct Services {
    ids: Vec<Uuid>,
    templates: Vec<Uuid>,
}

/// Where rows go.
#[derive(Clone, Copy)]
pub enum Table {
    Live,
    History,
}

/// When the rows were accepted: spread over so many days before the end.
#[derive(Clone, Copy)]
pub struct Span {
    pub end: PrimitiveDateTime,
    pub days: u16,
}

/// Makes so many services.
pub async fn services(db: &Client, count: i32) -> Services {
    let (mut ids, mut templates) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let service = testkit::service(db).live().create().await;
        templates.push(testkit::template(db, &service).create().await.0);
        ids.push(service.id.0);
    }
    Services { ids, templates }
}

impl Services {
    /// Adds so many rows of theirs. Letters are finished: retention leaves others alone.
    pub async fn fill(
        &self,
        db: &Client,
        table: Table,
        rows: i64,
        span: Span,
    ) -> anyhow::Result<()> {
        let (table, columns, values) = match table {
            Table::Live => (
                "notifications",
                r#", "to", normalised_to, _personalisation"#,
                ", '07700900001', '447700900001', repeat('x', 120)",
            ),
            Table::History => ("notification_history", "", ""),
        };
        let sql = format!(
            "INSERT INTO {table}
                (id, service_id, template_id, template_version, created_at, sent_at, updated_at,
                 notification_type, key_type, notification_status, sent_by, billable_units,
                 rate_multiplier, international, postage, reference {columns})
             SELECT gen_random_uuid(), ($1::uuid[])[size], ($2::uuid[])[size], 1, at, at + interval '1 s',
                    at + interval '5 s', channel::notification_type, 'normal',
                    CASE channel WHEN 'letter' THEN 'delivered' ELSE status END,
                    CASE channel WHEN 'sms' THEN 'mmg' WHEN 'email' THEN 'ses' ELSE 'dvla' END,
                    CASE channel WHEN 'email' THEN 0 ELSE 1 END,
                    CASE channel WHEN 'sms' THEN 1 END, channel = 'sms' AND size % 7 = 0,
                    CASE channel WHEN 'letter' THEN 'second' END, md5(number::text) {values}
               FROM (SELECT number,
                            least(power($3::int, random())::int, $3::int) AS size,
                            $4::timestamp - random() * make_interval(days => $5::int) AS at,
                            CASE WHEN random() < 0.7 THEN 'email' WHEN random() < 0.95 THEN 'sms'
                                 ELSE 'letter' END AS channel,
                            CASE WHEN random() < 0.95 THEN 'delivered' ELSE 'created' END AS status
                       FROM generate_series(1, $6::bigint) AS number OFFSET 0) AS row"
        );
        let count = i32::try_from(self.ids.len())?;
        let Span { end, days } = span;
        db.execute(&sql, &[&self.ids, &self.templates, &count, &end, &i32::from(days), &rows])
            .await?;
        Ok(())
    }
}

/// Leaves both tables to the next measurement as the night finds them: nothing of the one before waits
/// to be cleaned up or written, and the planner knows what is there.
pub async fn settle(db: &Client) -> anyhow::Result<()> {
    for sql in ["VACUUM ANALYZE notifications", "VACUUM ANALYZE notification_history", "CHECKPOINT"]
    {
        db.batch_execute(sql).await?;
    }
    Ok(())
}
