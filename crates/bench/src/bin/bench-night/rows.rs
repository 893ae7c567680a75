//! The rows, generated in the database.

use domain::london::Day;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::Args;

/// Fills both tables. A service's size is inverse to its number: the first of 200 has about an eighth
/// of all rows.
pub async fn generate(db: &Client, args: &Args, last: Day) -> anyhow::Result<()> {
    let (mut services, mut templates) = (Vec::<Uuid>::new(), Vec::<Uuid>::new());
    for _ in 0..args.services {
        let service = testkit::service(db).live().create().await;
        templates.push(testkit::template(db, &service).create().await.0);
        services.push(service.id.0);
    }
    let end = store::sql_time::to_column(last.end);
    for (table, rows, columns, values) in [
        (
            "notifications",
            args.notifications,
            r#", "to", normalised_to, _personalisation"#,
            ", '07700900001', '447700900001', repeat('x', 120)",
        ),
        ("notification_history", args.history, "", ""),
    ] {
        let sql = format!(
            "INSERT INTO {table}
                (id, service_id, template_id, template_version, created_at, sent_at, updated_at,
                 notification_type, key_type, notification_status, sent_by, billable_units,
                 rate_multiplier, international, postage, reference {columns})
             SELECT gen_random_uuid(), ($1::uuid[])[size], ($2::uuid[])[size], 1, at, at + interval '1 s',
                    at + interval '5 s', channel::notification_type, 'normal', status,
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
        let days = i32::from(args.days);
        db.execute(&sql, &[&services, &templates, &args.services, &end, &days, &rows]).await?;
    }
    db.batch_execute("VACUUM ANALYZE notifications").await?;
    db.batch_execute("VACUUM ANALYZE notification_history").await?;
    db.batch_execute("CHECKPOINT").await?;
    Ok(())
}
