//! Files of recipients to test with.

use domain::{JobId, TemplateId, job::JobStatus};
use time::OffsetDateTime;
use tokio_postgres::Client;

use crate::{TestService, new_id, rows::execute};

/// Makes a job of the service for so many rows, pending; [`JobBuilder`] says what else it may be.
pub fn job<'a>(
    db: &'a Client,
    service: &'a TestService,
    template: TemplateId,
    rows: i32,
) -> JobBuilder<'a> {
    JobBuilder {
        db,
        service,
        template,
        rows,
        status: JobStatus::Pending,
        created_at: None,
        scheduled_for: None,
        started: None,
        finished: None,
    }
}

/// See [`job`].
#[must_use = "nothing is made before `create`"]
pub struct JobBuilder<'a> {
    db: &'a Client,
    service: &'a TestService,
    template: TemplateId,
    rows: i32,
    status: JobStatus,
    created_at: Option<OffsetDateTime>,
    scheduled_for: Option<OffsetDateTime>,
    started: Option<OffsetDateTime>,
    finished: Option<OffsetDateTime>,
}

impl JobBuilder<'_> {
    /// Where it is in its life.
    pub fn status(self, status: JobStatus) -> Self {
        Self { status, ..self }
    }

    /// When it was uploaded, now otherwise.
    pub fn created_at(self, at: OffsetDateTime) -> Self {
        Self { created_at: Some(at), ..self }
    }

    /// When it is due.
    pub fn scheduled_for(self, at: OffsetDateTime) -> Self {
        Self { scheduled_for: Some(at), ..self }
    }

    /// When its rows began to be queued.
    pub fn started(self, at: OffsetDateTime) -> Self {
        Self { started: Some(at), ..self }
    }

    /// When its rows had all been queued.
    pub fn finished(self, at: OffsetDateTime) -> Self {
        Self { finished: Some(at), ..self }
    }

    /// Writes it.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn create(self) -> JobId {
        let id = JobId(new_id());
        let column = |at: Option<OffsetDateTime>| at.map(store::sql_time::to_column);
        execute(
            self.db,
            "INSERT INTO jobs
                (id, original_file_name, service_id, template_id, template_version,
                 notification_count, notifications_sent, notifications_delivered,
                 notifications_failed, job_status, created_by_id, created_at, scheduled_for,
                 processing_started, processing_finished, archived)
            VALUES ($1, 'people.csv', $2, $3, 1, $4, 0, 0, 0, $5, $6,
                    coalesce($7, now() AT TIME ZONE 'UTC'), $8, $9, $10, false)",
            &[
                &id,
                &self.service.id,
                &self.template,
                &self.rows,
                &<&str>::from(self.status),
                &self.service.user_id,
                &column(self.created_at),
                &column(self.scheduled_for),
                &column(self.started),
                &column(self.finished),
            ],
        )
        .await;
        id
    }
}
