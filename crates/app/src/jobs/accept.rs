//! Accepting a file of recipients through the API. From there on it is a job like any other.
//!
//! The file is stored before its job: a job that waits always has its file.

use std::{collections::HashSet, sync::Arc};

use content::recipients::{CellError, Options, Recipients, Row};
use domain::{
    JobId, KeyType, NotificationStatus, NotificationType, Permission, ReplyToId, SmsSenderId,
    Template, TemplateId, service::DailyLimit,
};
use providers::objects::{Metadata, Place};
use queue::{Envelope, Trace};
use store::bulk::{Job, NewJob};
use tasks::ProcessJob;
use time::OffsetDateTime;
use tokio::sync::Semaphore;

use super::rows::{file_of, rows_for};
use crate::{
    App, Caller, Error,
    counted::Counted,
    once::{Answered, Kept},
};

/// Most rows of a file that comes through the API.
pub const MAX_BULK_ROWS: usize = 50_000;

/// A file of recipients for one template.
pub struct BulkRequest {
    /// What to make the messages from.
    pub template_id: TemplateId,
    /// The file: CSV, whose first record names the columns.
    pub csv: String,
    /// Its name.
    pub name: String,
    /// The sender of text messages, unless it is the service's default.
    pub sms_sender_id: Option<SmsSenderId>,
    /// The reply-to address of emails, unless it is the service's default.
    pub email_reply_to_id: Option<ReplyToId>,
    /// When to send them, if not at once.
    pub scheduled_for: Option<OffsetDateTime>,
}

/// An accepted file.
pub struct AcceptedJob {
    /// The id of its job.
    pub id: JobId,
    /// Its name.
    pub name: String,
    /// What the messages are made from.
    pub template: Arc<Template>,
    /// Its rows.
    pub rows: usize,
    /// When they are sent, if not at once.
    pub scheduled_for: Option<OffsetDateTime>,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkFault {
    /// The kind of fault, a word for programs.
    pub code: &'static str,
    /// The row, as a spreadsheet counts them: the headers are row 1.
    pub row: Option<usize>,
    /// The column.
    pub column: Option<String>,
    /// The same for people.
    pub message: String,
}

/// What a file without faults comes to.
struct Checked {
    rows: usize,
    abroad: usize,
}

/// Files that are checked at once: each holds its rows in memory and keeps a processor busy.
static CHECKS: Semaphore = Semaphore::const_new(2);

impl App {
    /// Accepts a file of recipients: checks all of it, stores it, has it processed.
    ///
    /// # Errors
    /// [`Error::BulkNeedsLiveKey`]; [`Error::SchedulingNotAllowed`]; the refusals of a single message
    /// that are about service, template and sender; [`Error::BadFile`]; [`Error::DailyLimit`] when the
    /// day has no room for all rows.
    pub async fn accept_bulk(
        &self,
        caller: &Caller,
        request: BulkRequest,
        once: Option<Answered<'_, AcceptedJob>>,
        trace: &Trace,
    ) -> Result<AcceptedJob, Error> {
        let service = caller.service();
        if caller.key_type != KeyType::Normal {
            return Err(Error::BulkNeedsLiveKey); // rows are sent as the service's own
        }
        let found = self.latest_template(service.id, request.template_id).await?;
        let channel = found.ok_or(Error::TemplateNotFound)?.template_type;
        let template = self.usable_template(caller, request.template_id, channel).await?;
        if channel == NotificationType::Letter && service.restricted {
            return Err(Error::LetterInTrialMode);
        }
        if request.scheduled_for.is_some()
            && (channel == NotificationType::Letter
                || !service.may(Permission::ScheduleNotifications))
        {
            return Err(Error::SchedulingNotAllowed(channel));
        }
        let sender_id = match channel {
            NotificationType::Sms => {
                self.sms_sender(caller, request.sms_sender_id).await?;
                request.sms_sender_id.map(|id| id.to_string())
            }
            NotificationType::Email => {
                self.reply_to(caller, request.email_reply_to_id).await?;
                request.email_reply_to_id.map(|id| id.to_string())
            }
            NotificationType::Letter => None,
        };
        let (checked, csv) = self.check_file(caller, &template, request.csv).await?;
        let day = [(channel.into(), checked.rows), (DailyLimit::InternationalSms, checked.abroad)];
        let many = |messages: usize| i64::try_from(messages).unwrap_or(i64::MAX);
        let counted = Counted::new(caller, day.map(|(limit, messages)| (limit, many(messages))));
        self.has_room(&counted).await?; // before the file is stored
        let accepted = AcceptedJob {
            id: JobId(self.clock().new_id()),
            name: request.name,
            template,
            rows: checked.rows,
            scheduled_for: request.scheduled_for,
        };
        let place = file_of(service.id, accepted.id);
        self.put_file(&place, csv, &accepted, sender_id.as_deref()).await?;
        let now = self.clock().now();
        let job = NewJob {
            id: accepted.id,
            service: service.id,
            key: caller.key_id,
            template: accepted.template.id,
            template_version: accepted.template.version,
            name: &accepted.name,
            rows: i32::try_from(accepted.rows).map_err(anyhow::Error::from)?,
            scheduled_for: accepted.scheduled_for,
            now,
        };
        let message = match accepted.scheduled_for {
            Some(_) => None, // whoever starts it then finds the sender with the file
            None => Some(self.message(&ProcessJob { job_id: accepted.id, sender_id }, trace)?),
        };
        let kept = once.map(|once| once.kept(service.id, &accepted));
        if let Err(error) = self.store_job(&job, message, kept, &counted).await {
            // It may have been stored all the same when the answer of the database was lost.
            if error.is_refusal() {
                self.forget(&place).await;
            }
            return Err(error);
        }
        Ok(accepted)
    }

    /// Looks at every row; gives the file back.
    async fn check_file(
        &self,
        caller: &Caller,
        template: &Arc<Template>,
        csv: String,
    ) -> Result<(Checked, String), Error> {
        let service = caller.service();
        let db = self.db().await?;
        let letter = match template.template_type {
            NotificationType::Letter => Some(
                store::letters::template(&db, service.id, template.id, template.version).await?,
            ),
            _ => None,
        };
        let guest_list = match service.restricted {
            true => store::services::safelist(&db, service.id).await?,
            false => Vec::new(),
        };
        drop(db);
        let options = Options {
            max_rows: MAX_BULK_ROWS,
            guest_list,
            allow_international_sms: service.may(Permission::InternationalSms),
            allow_sms_to_uk_landline: service.may(Permission::SmsToUkLandlines),
            allow_international_letters: service.may(Permission::InternationalLetters),
            ..Options::default()
        };
        let (account, template) = (Arc::clone(&caller.account), Arc::clone(template));
        let _place = CHECKS.acquire().await.map_err(anyhow::Error::from)?;
        let checking = tokio::task::spawn_blocking(move || {
            let rows_for = rows_for(&template, &account.service, letter.as_ref());
            let checked = match Recipients::new(&csv, rows_for, options) {
                Ok(recipients) => check(&recipients),
                Err(_) => Err(Error::BadFile(vec![of_file("not-csv", "The file is not CSV")])),
            };
            checked.map(|checked| (checked, csv))
        });
        checking.await.map_err(anyhow::Error::from)?
    }

    /// Writes the file as the admin app does (internal API contract §7.1).
    async fn put_file(
        &self,
        place: &Place,
        csv: String,
        job: &AcceptedJob,
        sender_id: Option<&str>,
    ) -> Result<(), Error> {
        let name: String = job.name.chars().filter(|c| matches!(c, ' '..='~')).collect();
        let mut metadata = Metadata::from([
            ("original_file_name".to_owned(), name),
            ("notification_count".to_owned(), job.rows.to_string()),
            ("template_id".to_owned(), job.template.id.to_string()),
            ("valid".to_owned(), "True".to_owned()),
        ]);
        if let Some(sender_id) = sender_id {
            metadata.insert("sender_id".to_owned(), sender_id.to_owned());
        }
        Ok(self.objects().put(place, csv, &metadata).await?)
    }

    /// Counts the job's rows, writes it, its message and its answer in one transaction, and publishes
    /// the message.
    async fn store_job(
        &self,
        job: &NewJob<'_>,
        message: Option<Envelope>,
        kept: Option<Kept>,
        counted: &Counted<'_>,
    ) -> Result<(), Error> {
        let written = message.as_ref().map(|message| self.written(message)).transpose()?;
        let mut db = self.db().await?;
        let tx = db.transaction().await.map_err(store::Error::from)?;
        if let Some(kept) = &kept {
            self.keep_in(&tx, kept).await?;
        }
        self.reserve(counted).await?;
        let stored = async {
            store::bulk::insert(&tx, job).await?;
            store::outbox::insert(&tx, written.as_slice()).await?;
            Ok::<_, Error>(tx.commit().await.map_err(store::Error::from)?)
        };
        if let Err(error) = stored.await {
            self.release_after(&error, counted).await;
            return Err(error);
        }
        drop(db);
        if let (Some(written), Some(message)) = (written, message) {
            self.publish_written(written.id, &message).await;
        }
        Ok(())
    }

    /// A job of the service, and how many of its rows are notifications in which status.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the service has none of this id.
    pub async fn job(
        &self,
        caller: &Caller,
        id: JobId,
    ) -> Result<(Job, Vec<(NotificationStatus, i64)>), Error> {
        let (db, service) = (self.db().await?, caller.service().id);
        let job = store::bulk::get(&db, service, id).await?;
        let counts = store::bulk::count_by_status(&db, service, id).await?;
        Ok((job, counts))
    }
}

/// What the file comes to, or all that is wrong with it as a whole; else with its first rows.
fn check(recipients: &Recipients<'_>) -> Result<Checked, Error> {
    let rows = recipients.row_count();
    let mut faults = Vec::new();
    if rows == 0 {
        faults.push(of_file("no-rows", "The file has no rows"));
    }
    if rows > MAX_BULK_ROWS {
        let message = format!("The file has {rows} rows; at most {MAX_BULK_ROWS} are taken");
        faults.push(of_file("too-many-rows", &message));
    }
    if !recipients.has_recipient_columns() {
        faults.push(of_file("no-recipients", "The file has no columns for its recipients"));
    }
    let columns = |code, what: &str, names: &[String]| {
        names
            .iter()
            .map(|name| BulkFault {
                code,
                row: None,
                column: Some(name.clone()),
                message: format!("{what}: {name}"),
            })
            .collect::<Vec<_>>()
    };
    let missing = recipients.missing_column_headers();
    faults.extend(columns("missing-column", "Missing column", &missing));
    let doubled = recipients.duplicate_recipient_column_headers();
    faults.extend(columns("duplicate-column", "Duplicate column", doubled));
    if !faults.is_empty() {
        return Err(Error::BadFile(faults));
    }
    let report = recipients.check();
    if !report.allowed_to_send_to {
        return Err(Error::TrialModeRecipient);
    }
    if !report.has_errors {
        return Ok(Checked { rows, abroad: report.international_sms_count });
    }
    let mut faults: Vec<BulkFault> = report.shown.iter().flat_map(of_row).collect();
    let shown: HashSet<_> = faults.iter().map(|fault| fault.row).collect();
    let more = report.rows_with_errors.saturating_sub(shown.len());
    if more > 0 {
        faults.push(of_file("more-rows", &format!("{more} more rows have something wrong")));
    }
    Err(Error::BadFile(faults))
}

fn of_file(code: &'static str, message: &str) -> BulkFault {
    BulkFault { code, row: None, column: None, message: message.to_owned() }
}

fn of_row(row: &Row) -> Vec<BulkFault> {
    let number = row.index + 2; // the headers are row 1
    let fault = |code, column: Option<&str>, what: &str| {
        let place =
            column.map_or_else(|| format!("Row {number}"), |c| format!("Row {number}, {c}"));
        let message = format!("{place}: {what}");
        BulkFault { code, row: Some(number), column: column.map(str::to_owned), message }
    };
    let mut faults = Vec::new();
    for cell in &row.cells {
        let Some(error) = cell.error else { continue };
        let code = match error {
            CellError::Missing => "missing",
            CellError::Phone(_) => "invalid-phone-number",
            CellError::Email(_) => "invalid-email-address",
        };
        faults.push(fault(code, Some(&cell.key), &error.to_string()));
    }
    for (is_wrong, code, what) in [
        (row.message_too_long, "too-long", "The message is too long"),
        (row.message_empty, "empty", "The message is empty"),
        (row.qr_code_too_long, "qr-code-too-long", "A QR code is too long"),
        (row.bad_address, "bad-address", "The address is not one that letters can be sent to"),
    ] {
        if is_wrong {
            faults.push(fault(code, None, what));
        }
    }
    faults
}
