//! Files of recipients, row by row (tasks contract §3.3).

use std::time::Duration;

use domain::{JobId, NotificationId, NotificationType, ServiceId, TemplateId};
use queue::{Retry, Task};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::queues;

/// What saving a row does when the database is away.
const RETRY: Retry = Retry::every(Duration::from_secs(300), 5).on(queues::RETRY);

/// Queues the rows of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessJob {
    /// The job.
    pub job_id: JobId,
    /// The sender; what the file's metadata says comes first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_id: Option<String>,
}

impl Task for ProcessJob {
    const NAME: &'static str = "process-job";
    const QUEUE: &'static str = queues::JOBS;
    const ARGS: &'static [&'static str] = &["job_id", "sender_id"];
    const TIME_LIMIT: Duration = Duration::from_secs(1200);
}

/// Queues some rows of a file, one message each.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct ShatterJobRows {
    /// Of what the rows become.
    pub template_type: NotificationType,
    /// Arguments of each row's task: a list, and an object of those that go by name.
    pub args_kwargs_seq: Vec<(Vec<Value>, Map<String, Value>)>,
    /// Whether the rows go to the queue of those with documents.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_files: bool,
}

impl Task for ShatterJobRows {
    const NAME: &'static str = "shatter-job-rows";
    const QUEUE: &'static str = queues::JOBS;
    const ARGS: &'static [&'static str] = &["template_type", "args_kwargs_seq", "has_files"];
}

/// Queues what is left of jobs that stopped half way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessIncompleteJobs {
    /// The jobs.
    pub job_ids: Vec<JobId>,
}

impl Task for ProcessIncompleteJobs {
    const NAME: &'static str = "process-incomplete-jobs";
    const QUEUE: &'static str = queues::JOBS;
    const ARGS: &'static [&'static str] = &["job_ids"];
    const TIME_LIMIT: Duration = Duration::from_secs(1200);
}

/// What the task of a row carries, signed.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct JobRow {
    /// What it is made from.
    pub template: TemplateId,
    /// And in which version.
    pub template_version: i32,
    /// The job.
    pub job: JobId,
    /// The recipient; a letter's is in its values.
    #[serde(default)]
    pub to: Value,
    /// Its place in the file, from 0.
    pub row_number: i32,
    /// The values of the placeholders.
    pub personalisation: Map<String, Value>,
    /// The service's own reference.
    #[serde(default)]
    pub client_reference: Option<String>,
}

/// Makes a row of a file a text message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaveSms {
    /// Whose it is.
    pub service_id: ServiceId,
    /// Its id.
    pub notification_id: NotificationId,
    /// A signed [`JobRow`].
    pub encoded_notification: String,
    /// The sender, unless it is the service's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_id: Option<String>,
}

impl Task for SaveSms {
    const NAME: &'static str = "save-sms";
    const QUEUE: &'static str = queues::DATABASE;
    const ARGS: &'static [&'static str] =
        &["service_id", "notification_id", "encoded_notification"];
    const RETRY: Retry = RETRY;
}

/// Makes a row of a file an email.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaveEmail {
    /// Whose it is.
    pub service_id: ServiceId,
    /// Its id.
    pub notification_id: NotificationId,
    /// A signed [`JobRow`].
    pub encoded_notification: String,
    /// The reply-to address, unless it is the service's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_id: Option<String>,
}

impl Task for SaveEmail {
    const NAME: &'static str = "save-email";
    const QUEUE: &'static str = queues::DATABASE;
    const ARGS: &'static [&'static str] =
        &["service_id", "notification_id", "encoded_notification"];
    const RETRY: Retry = RETRY;
}

/// Makes a row of a file a letter.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaveLetter {
    /// Whose it is.
    pub service_id: ServiceId,
    /// Its id.
    pub notification_id: NotificationId,
    /// A signed [`JobRow`].
    pub encoded_notification: String,
}

impl Task for SaveLetter {
    const NAME: &'static str = "save-letter";
    const QUEUE: &'static str = queues::DATABASE;
    const ARGS: &'static [&'static str] =
        &["service_id", "notification_id", "encoded_notification"];
    const RETRY: Retry = RETRY;
}

/// Starts the jobs whose time has come. A skipped run delays them by a quarter of an hour; a doubled
/// one finds none left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunScheduledJobs {}

impl Task for RunScheduledJobs {
    const NAME: &'static str = "run-scheduled-jobs";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
}

/// Resumes jobs that were started more than half an hour ago and have not finished, and scheduled ones
/// that nobody took up. A skipped run delays that by a minute; a doubled one finds none left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckJobStatus {}

impl Task for CheckJobStatus {
    const NAME: &'static str = "check-job-status";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
}

/// Queues the rows again that have not become notifications twenty minutes after their job finished,
/// once an hour for a day. A skipped run delays that by ten minutes; a doubled one queues rows twice, and the second
/// changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckForMissingRowsInCompletedJobs {}

impl Task for CheckForMissingRowsInCompletedJobs {
    const NAME: &'static str = "check-for-missing-rows-in-completed-jobs";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
    const TIME_LIMIT: Duration = Duration::from_secs(1200);
}

/// Marks the jobs whose rows are all notifications. A skipped run delays that by a minute; a doubled one
/// changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateStatusOfFullyProcessedJobs {}

impl Task for UpdateStatusOfFullyProcessedJobs {
    const NAME: &'static str = "update-status-of-fully-processed-jobs";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
}

/// Removes the files of text messages' and emails' jobs past their service's retention. A skipped run
/// leaves them for a day longer; a doubled one finds none left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveSmsEmailJobs {}

impl Task for RemoveSmsEmailJobs {
    const NAME: &'static str = "remove_sms_email_jobs";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
    const TIME_LIMIT: Duration = Duration::from_secs(1200);
}

/// The same for letters'. A skipped run leaves them for a day longer; a doubled one finds none left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveLetterJobs {}

impl Task for RemoveLetterJobs {
    const NAME: &'static str = "remove_letter_jobs";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
    const TIME_LIMIT: Duration = Duration::from_secs(1200);
}
