//! The database: how fast it inserts at best, and the rows that measuring leaves.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use domain::{Clock, KeyType, NotificationType, ServiceId, TemplateId};
use store::{
    DatabaseConfig, Pool,
    fixtures::{self, NewTemplate},
    notifications::list::{self, Filter},
};
use tokio::process::Command;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use crate::email;

/// What the references of our notifications begin with.
pub const MARK: &str = "postroom-bench-";

/// And those of the notifications that were stored before.
const STORED: &str = "postroom-stored-";

/// The template of [`email`], which is there only while it is measured.
const EMAIL_TEMPLATE: TemplateId =
    TemplateId(Uuid::from_u128(0x7db0_1b2c_0f3a_4d5e_8a9b_0000_0000_00ff));

/// A connection to the system's database.
pub struct Database {
    client: Client,
    /// The same for what `store` writes and reads.
    pool: Pool,
    url: String,
    pgbench: PathBuf,
}

/// How the notifications of one reference ended.
pub struct Delivered {
    /// When the last of them was delivered, in seconds since 1970.
    pub last_at: f64,
    /// The longest that one took from being accepted, in seconds.
    pub slowest_seconds: f64,
    /// 95 of 100 took no longer than this, in seconds.
    pub p95_seconds: f64,
}

impl Database {
    /// Connects, and finds pgbench unless it is given.
    ///
    /// # Errors
    /// When the database cannot be reached, or there is no pgbench.
    pub async fn connect(url: &str, pgbench: Option<&Path>) -> anyhow::Result<Self> {
        let (client, connection) =
            tokio_postgres::connect(url, NoTls).await.context("connecting to the database")?;
        // How it ends is seen by the statement that is under way.
        tokio::spawn(connection);
        let pgbench = match pgbench {
            Some(path) => path.to_owned(),
            None => newest_pgbench().context("pgbench is not installed; see --pgbench")?,
        };
        let config = DatabaseConfig {
            database_url: url.to_owned().into(),
            database_pool_size: 1,
            database_statement_timeout_ms: 1_200_000,
        };
        Ok(Self { client, pool: config.pool()?, url: url.to_owned(), pgbench })
    }

    /// Deletes the rows of all measurements, and leaves the table and the log as if they had never
    /// been, so that one measurement does not pay for another's vacuum or checkpoint.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn clear(&self) -> anyhow::Result<()> {
        self.clear_but("").await
    }

    /// The same but for the rows of one reference.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn clear_but(&self, reference: &str) -> anyhow::Result<()> {
        let ours = format!("{MARK}%");
        let sql = "DELETE FROM notifications
                    WHERE client_reference LIKE $1 AND client_reference <> $2";
        self.client.execute(sql, &[&ours, &reference]).await?;
        self.client.batch_execute("VACUUM notifications").await?;
        self.client.batch_execute("CHECKPOINT").await?;
        Ok(())
    }

    /// Stores delivered notifications like the one with this reference, of the last six days, until
    /// there are `rows`; `stored` there are.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn store(&self, reference: &str, stored: u32, rows: u32) -> anyhow::Result<()> {
        let sql = r#"
            INSERT INTO notifications
                   (id, "to", normalised_to, service_id, template_id, template_version, api_key_id,
                    key_type, notification_type, created_at, sent_at, updated_at, sent_by,
                    _personalisation, client_reference, reply_to_text, international, phone_prefix,
                    rate_multiplier, notification_status, billable_units)
            SELECT gen_random_uuid(), "to", normalised_to, service_id, template_id,
                   template_version, api_key_id, key_type, notification_type, at, at, at, 'mmg',
                   _personalisation, $2 || n, reply_to_text, international, phone_prefix,
                   rate_multiplier, 'delivered', 1
              FROM notifications, generate_series($4::int4 + 1, $3::int4) AS n,
                   LATERAL (SELECT created_at - interval '6 days' * n / $3::int4) AS old (at)
             WHERE client_reference = $1"#;
        let (stored, rows) = (i32::try_from(stored)?, i32::try_from(rows)?);
        self.client.execute(sql, &[&reference, &STORED, &rows, &stored]).await?;
        // Autovacuum would do it within the minute.
        self.client.batch_execute("VACUUM ANALYZE notifications").await?;
        self.client.batch_execute("CHECKPOINT").await?;
        Ok(())
    }

    /// The ids of `count` among the `rows` that [`Database::store`] has stored, evenly.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn stored_ids(&self, rows: u32, count: u32) -> anyhow::Result<Vec<String>> {
        let step = usize::try_from((rows / count).max(1))?;
        let references: Vec<String> =
            (1..=rows).step_by(step).map(|n| format!("{STORED}{n}")).collect();
        let sql = "SELECT id::text FROM notifications WHERE client_reference = ANY($1)";
        let rows = self.client.query(sql, &[&references]).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// How the database finds the newest 250 notifications of the service with this one.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn list_plan(&self, reference: &str) -> anyhow::Result<Vec<String>> {
        let filter = Filter {
            key_type: KeyType::Normal,
            statuses: &[],
            channels: &[],
            reference: None,
            include_jobs: false,
            older_than: None,
        };
        let service = self.service(reference).await?;
        Ok(list::explain(&self.pool.get().await?, service, &filter, 250).await?)
    }

    /// Writes the template of [`email`], for the service with this notification. Returns its id.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn insert_email_template(&self, reference: &str) -> anyhow::Result<String> {
        let service_id = self.service(reference).await?;
        let template = NewTemplate {
            id: EMAIL_TEMPLATE,
            service_id,
            template_type: NotificationType::Email,
            names: &["Bench"],
            subject: Some(email::SUBJECT),
            content: email::CONTENT,
            contact_block: None,
        };
        let sql = "SELECT created_by_id FROM services WHERE id = $1";
        let user = self.client.query_one(sql, &[&service_id]).await?.try_get(0)?;
        let db = self.pool.get().await?;
        fixtures::insert_template(&db, &template, user, Clock::system().now()).await?;
        Ok(EMAIL_TEMPLATE.to_string())
    }

    /// Deletes that template, whose notifications are deleted.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn delete_email_template(&self) -> anyhow::Result<()> {
        for sql in [
            "DELETE FROM template_redacted WHERE template_id = $1",
            "DELETE FROM templates WHERE id = $1",
            "DELETE FROM templates_history WHERE id = $1",
        ] {
            self.client.execute(sql, &[&EMAIL_TEMPLATE]).await?;
        }
        Ok(())
    }

    async fn service(&self, reference: &str) -> anyhow::Result<ServiceId> {
        let sql = "SELECT service_id FROM notifications WHERE client_reference = $1";
        Ok(self.client.query_one(sql, &[&reference]).await?.try_get(0)?)
    }

    /// Deletes what [`Database::store`] has stored.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn delete_stored(&self) -> anyhow::Result<()> {
        let stored = format!("{STORED}%");
        self.client
            .execute("DELETE FROM notifications WHERE client_reference LIKE $1", &[&stored])
            .await?;
        Ok(())
    }

    /// Waits until the outbox is empty: until everything accepted has been published.
    ///
    /// # Errors
    /// When it is not within 30 seconds.
    pub async fn wait_for_outbox(&self) -> anyhow::Result<()> {
        for _ in 0..300 {
            let row = self.client.query_one("SELECT count(*) FROM outbox", &[]).await?;
            if row.try_get::<_, i64>(0)? == 0 {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("the outbox does not empty")
    }

    /// The ids of the notifications with this reference.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn ids(&self, reference: &str) -> anyhow::Result<Vec<String>> {
        let sql = "SELECT id::text FROM notifications WHERE client_reference = $1";
        let rows = self.client.query(sql, &[&reference]).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// How many notifications with this reference are delivered.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn delivered(&self, reference: &str) -> anyhow::Result<u32> {
        let sql = "SELECT count(*) FROM notifications
                    WHERE client_reference = $1 AND notification_status = 'delivered'";
        let row = self.client.query_one(sql, &[&reference]).await?;
        Ok(u32::try_from(row.try_get::<_, i64>(0)?)?)
    }

    /// The times of the delivered notifications with this reference, from their rows.
    ///
    /// # Errors
    /// Database errors; also when there are none.
    pub async fn delivery_times(&self, reference: &str) -> anyhow::Result<Delivered> {
        let sql = "SELECT extract(epoch FROM max(updated_at))::float8,
                          extract(epoch FROM max(updated_at - created_at))::float8,
                          percentile_disc(0.95) WITHIN GROUP (
                              ORDER BY extract(epoch FROM updated_at - created_at)::float8)
                     FROM notifications
                    WHERE client_reference = $1 AND notification_status = 'delivered'";
        let row = self.client.query_one(sql, &[&reference]).await?;
        Ok(Delivered {
            last_at: row.try_get(0)?,
            slowest_seconds: row.try_get(1)?,
            p95_seconds: row.try_get(2)?,
        })
    }

    /// How many notifications with this reference a provider has taken.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn sent(&self, reference: &str) -> anyhow::Result<u32> {
        let sql = "SELECT count(*) FROM notifications
                    WHERE client_reference = $1 AND sent_at IS NOT NULL";
        let row = self.client.query_one(sql, &[&reference]).await?;
        Ok(u32::try_from(row.try_get::<_, i64>(0)?)?)
    }

    /// When the last of those was taken, in seconds since 1970.
    ///
    /// # Errors
    /// Database errors; also when there are none.
    pub async fn last_sent_at(&self, reference: &str) -> anyhow::Result<f64> {
        let sql = "SELECT extract(epoch FROM max(sent_at))::float8
                     FROM notifications WHERE client_reference = $1";
        Ok(self.client.query_one(sql, &[&reference]).await?.try_get(0)?)
    }

    /// A pgbench script that inserts what a POST does, taken from the one notification with this
    /// reference: same table, so same indexes and foreign keys; same columns and values.
    ///
    /// Its ids rise with time, as those of the API do (version 7), because random ones would be
    /// slower. They are made of decimal digits, which pgbench can count.
    ///
    /// # Errors
    /// When there is no such notification.
    pub async fn insert_script(&self, reference: &str) -> anyhow::Result<String> {
        let sql = r#"
            SELECT format($script$
\set n :n + 1
\set client 100 + :client_id
\set random random(1000000000000000, 9999999999999999)
INSERT INTO notifications
       (id, "to", normalised_to, service_id, template_id, template_version, api_key_id, key_type,
        notification_type, created_at, _personalisation, client_reference, reply_to_text,
        international, phone_prefix, rate_multiplier, unsubscribe_link, notification_status,
        billable_units)
VALUES (('0199' || :n::text || :client::text || :random::text)::uuid, %L, %L, %L, %L, %L, %L, %L,
        %L, clock_timestamp() AT TIME ZONE 'UTC', %L, %L || :client::text || :n::text, %L, %L, %L,
        %L, %L, 'created', 0);
$script$,
                   "to", normalised_to, service_id, template_id, template_version, api_key_id,
                   key_type, notification_type, _personalisation, $2::text, reply_to_text,
                   international, phone_prefix, rate_multiplier, unsubscribe_link)
              FROM notifications WHERE client_reference = $1"#;
        let row = self.client.query_opt(sql, &[&reference, &MARK]).await?;
        Ok(row.context("the notification that was accepted has no row")?.try_get(0)?)
    }

    /// Inserts per second by `script` over `clients` connections, each its own transaction.
    ///
    /// # Errors
    /// When pgbench fails, or commits do not wait for the disk.
    pub async fn inserts_per_second(
        &self,
        script: &str,
        clients: usize,
        time: Duration,
    ) -> anyhow::Result<f64> {
        let durable: String =
            self.client.query_one("SHOW synchronous_commit", &[]).await?.try_get(0)?;
        ensure!(durable == "on", "synchronous_commit is {durable}: that would be no floor");
        let file = std::env::temp_dir().join(format!("postroom-bench-{}.sql", std::process::id()));
        std::fs::write(&file, script).with_context(|| format!("writing {}", file.display()))?;
        let output = Command::new(&self.pgbench)
            .args(["--no-vacuum", "--protocol=prepared", "--jobs=2", "--define=n=100000000"])
            .arg(format!("--client={clients}"))
            .arg(format!("--time={}", time.as_secs()))
            .arg("--file")
            .arg(&file)
            .arg(&self.url)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await;
        // Left behind it would do no harm.
        let _ = std::fs::remove_file(&file);
        let output = output.with_context(|| format!("running {}", self.pgbench.display()))?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "pgbench failed: {errors}");
        transactions_per_second(&String::from_utf8_lossy(&output.stdout))
            .context("pgbench printed no rate")
    }
}

/// The rate in what pgbench prints.
fn transactions_per_second(output: &str) -> Option<f64> {
    output.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok())
}

/// The pgbench of the newest major version below `/usr/lib/postgresql`.
fn newest_pgbench() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let newest =
        versions.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok()).max()?;
    Some(format!("/usr/lib/postgresql/{newest}/bin/pgbench").into())
}

#[cfg(test)]
mod tests {
    use super::transactions_per_second;

    #[test]
    fn the_rate_is_read_from_pgbenchs_output() {
        let output = "latency average = 0.3 ms\n\
                      tps = 3301.447651 (without initial connection time)\n";
        assert_eq!(transactions_per_second(output), Some(3301.447651));
        assert_eq!(transactions_per_second("pgbench (15.18)\n"), None);
    }
}
