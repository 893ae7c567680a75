//! The rows of a file, on their way to the queue.

use std::collections::HashSet;

use content::{
    dates::Language,
    letter::LetterTemplate,
    recipients::{Options, Recipients, Row, Template},
};
use domain::{JobId, NotificationType, Service, ServiceId, job::notification_of};
use providers::objects::{Bucket, Object, Place};
use queue::Trace;
use serde_json::{Map, Value, json};
use store::jobs::Job;
use tasks::{ShatterJobRows, jobs::JobRow};
use tracing::error;

use crate::{App, Error};

/// Rows in one message.
const ROWS_PER_MESSAGE: usize = 32;
/// Bytes of them, unless a single row has more: far below what a message may have.
const BYTES_PER_MESSAGE: usize = 1 << 20;
/// Messages published at once.
const MESSAGES_AT_ONCE: usize = 16;

/// Where the file of a job is.
pub(super) fn file_of(service: ServiceId, job: JobId) -> Place {
    Bucket::CsvUpload.at(format!("service-{service}-notify/{job}.csv"))
}

/// The arguments of the task that saves a row: a list, and those that go by name.
type Arguments = (Vec<Value>, Map<String, Value>);

impl App {
    /// Queues the rows of a job's file that are not among `saved`; gives how many. `None` when there is
    /// no file, or none that can be read.
    pub(super) async fn queue_rows(
        &self,
        job: &Job,
        sender: Option<&str>,
        saved: &HashSet<i32>,
        trace: &Trace,
    ) -> Result<Option<usize>, Error> {
        let Some(Object { body, metadata }) =
            self.objects().get(&file_of(job.service_id, job.id)).await?
        else {
            error!(job.id = %job.id, "the job's file is not there");
            return Ok(None);
        };
        let chosen = metadata.get("sender_id").map(String::as_str).filter(|id| !id.is_empty());
        let sender = chosen.or(sender);
        let account = self.account(job.service_id).await?.ok_or(Error::NotFound)?;
        let template =
            self.template_version(job.service_id, job.template_id, job.template_version).await?;
        let letter = match template.template_type {
            NotificationType::Letter => Some(self.letter_template(job).await?),
            _ => None,
        };
        let rows_for = rows_for(&template, &account.service, letter.as_ref());
        let text = String::from_utf8_lossy(&body);
        let options = Options { should_validate: false, ..Options::default() };
        let Ok(recipients) = Recipients::new(&text, rows_for, options) else {
            error!(job.id = %job.id, "the job's file cannot be read");
            return Ok(None);
        };
        let is_missing = |row: &Row| i32::try_from(row.index).is_ok_and(|n| !saved.contains(&n));
        let mut rows = recipients.rows().filter(is_missing);
        let mut queued = 0;
        loop {
            let batch: Vec<Row> = rows.by_ref().take(ROWS_PER_MESSAGE * MESSAGES_AT_ONCE).collect();
            if batch.is_empty() {
                return Ok(Some(queued));
            }
            queued += batch.len();
            let channel = template.template_type;
            let arguments =
                batch.iter().map(|row| self.row_arguments(job, channel, &rows_for, sender, row));
            let mut messages = Vec::with_capacity(MESSAGES_AT_ONCE);
            for args_kwargs_seq in divided(arguments.collect::<Result<_, _>>()?) {
                let has_files = !template.files.is_empty();
                let task = ShatterJobRows { template_type: channel, args_kwargs_seq, has_files };
                messages.push(self.message(&task, trace)?);
            }
            self.outbox().publish(&messages).await?;
        }
    }

    /// The arguments of the task that saves a row.
    fn row_arguments(
        &self,
        job: &Job,
        channel: NotificationType,
        template: &Template<'_>,
        sender: Option<&str>,
        row: &Row,
    ) -> Result<Arguments, Error> {
        let used = row.cells.iter().filter(|cell| cell.is_used);
        let mut personalisation = Map::new();
        for cell in used {
            personalisation.insert(cell.key.clone(), cell.value.clone());
        }
        let to =
            template.recipient_columns().first().filter(|_| channel != NotificationType::Letter);
        let to = to.map(|column| row.value(&column.replace(' ', "")).clone());
        let payload = JobRow {
            template: job.template_id,
            template_version: job.template_version,
            job: job.id,
            to: to.unwrap_or_default(),
            row_number: i32::try_from(row.index).map_err(anyhow::Error::from)?,
            personalisation,
            client_reference: row.value("reference").as_str().map(str::to_owned),
        };
        let signed = self.signer().sign(&payload).map_err(anyhow::Error::from)?;
        let id = notification_of(job.id, row.index);
        let mut by_name = Map::new();
        if let Some(sender) = sender.filter(|_| channel != NotificationType::Letter) {
            by_name.insert("sender_id".to_owned(), json!(sender));
        }
        Ok((vec![json!(job.service_id), json!(id), json!(signed)], by_name))
    }

    async fn letter_template(&self, job: &Job) -> Result<store::letters::LetterTemplate, Error> {
        let db = self.db().await?;
        let (service, id, version) = (job.service_id, job.template_id, job.template_version);
        Ok(store::letters::template(&db, service, id, version).await?)
    }
}

/// Divides rows among messages: fewer go into one where they are long.
fn divided(rows: Vec<Arguments>) -> Vec<Vec<Arguments>> {
    let (mut messages, mut message, mut bytes) = (Vec::new(), Vec::new(), 0);
    for row in rows {
        let length: usize = row.0.iter().filter_map(Value::as_str).map(str::len).sum();
        let is_full = message.len() == ROWS_PER_MESSAGE || bytes + length > BYTES_PER_MESSAGE;
        if is_full && !message.is_empty() {
            messages.push(std::mem::take(&mut message));
            bytes = 0;
        }
        bytes += length;
        message.push(row);
    }
    if !message.is_empty() {
        messages.push(message);
    }
    messages
}

/// What the rows of a file are made into.
pub(super) fn rows_for<'a>(
    template: &'a domain::Template,
    service: &'a Service,
    letter: Option<&'a store::letters::LetterTemplate>,
) -> Template<'a> {
    let subject = template.subject.as_deref().unwrap_or_default();
    let content = template.content.as_str();
    match template.template_type {
        NotificationType::Sms => Template::Sms { content, prefix: prefix(service) },
        NotificationType::Email => Template::Email { subject, content, files: &template.files },
        NotificationType::Letter => Template::Letter(letter_rows(subject, content, letter)),
    }
}

fn prefix(service: &Service) -> Option<&str> {
    service.prefix_sms.then_some(service.name.as_str())
}

/// What the placeholders of a letter are read from.
fn letter_rows<'a>(
    subject: &'a str,
    content: &'a str,
    letter: Option<&'a store::letters::LetterTemplate>,
) -> LetterTemplate<'a> {
    let text = |text: &'a Option<String>| text.as_deref().unwrap_or_default();
    LetterTemplate {
        subject,
        content,
        welsh_subject: letter.map(|letter| text(&letter.welsh_subject)).unwrap_or_default(),
        welsh_content: letter.map(|letter| text(&letter.welsh_content)).unwrap_or_default(),
        contact_block: letter.map(|letter| text(&letter.contact_block)).unwrap_or_default(),
        language: Language::default(),
        redact_missing: false,
    }
}
