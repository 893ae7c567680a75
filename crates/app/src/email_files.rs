//! Files that email templates link to: on their way into an email (public API contract §3.9), and when
//! nobody wants them any more (tasks contract §3.7).

use anyhow::anyhow;
use base64::{Engine, prelude::BASE64_STANDARD};
use content::{file::File, placeholder::key};
use domain::{Service, ServiceId, Template};
use providers::objects::{Bucket, Place};
use queue::Trace;
use serde_json::{Map, Value};
use store::email_files;
use time::Duration;
use tracing::error;
use uuid::Uuid;

use crate::{App, Error};

/// How long an upload may wait to be put into its template.
const PENDING: Duration = Duration::hours(24);
/// How long a file outlives its end: emails that link to it may still be on their way.
const KEPT: Duration = Duration::days(14);
/// How long it is tried to remove it.
const TRIED: Duration = Duration::days(3);
/// Files read at once.
const PAGE: i64 = 250;

impl App {
    /// Stores a copy of each file of the template for one recipient, and puts the links among the values
    /// of their email, in place of what was there under the files' names. A simulated recipient is `None`:
    /// nothing is stored.
    ///
    /// # Errors
    /// [`Error::FileRefused`] for the first that is; [`Error::Internal`] when one is not there, or a store
    /// is away.
    pub(crate) async fn attach_files(
        &self,
        service: &Service,
        template: &Template,
        recipient: Option<&str>,
        values: &mut Map<String, Value>,
        trace: &Trace,
    ) -> Result<(), Error> {
        for file in &template.files {
            let name = &file.filename;
            let link = match recipient {
                None => self.simulated_link(service),
                Some(recipient) => {
                    let place = place(service.id, file.id);
                    let found = self.objects().get(&place).await?;
                    let found = found.ok_or_else(|| anyhow!("{place} is not there"))?;
                    let copy = File {
                        base64: BASE64_STANDARD.encode(found.body),
                        is_csv: false, // its name says it
                        confirm_email: file.confirm_email,
                        weeks: file.weeks,
                        filename: Some(name.clone()),
                    };
                    self.upload_file(service, recipient, &copy, trace).await?
                }
            };
            let link = match file.link_text.as_deref() {
                None | Some("") => link,
                Some(text) => format!("[{text}]({link})"),
            };
            values.retain(|other, _| key(other) != key(name)); // however it is spelt
            values.insert(name.clone(), Value::String(link));
        }
        Ok(())
    }

    /// Archives uploads that were not put into their template within a day. Returns how many.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn archive_pending_files(&self) -> Result<u64, Error> {
        let now = self.clock().now();
        Ok(email_files::archive_pending(&self.db().await?, now - PENDING, now).await?)
    }

    /// Removes files that were archived two weeks ago. One that cannot be removed keeps none of the
    /// others, and is tried again by the runs of three more days. Returns how many were removed.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn remove_archived_files(&self) -> Result<usize, Error> {
        let before = self.clock().now() - KEPT;
        let (mut after, mut removed) = (None, 0);
        loop {
            let db = self.db().await?;
            let page = email_files::list_archived(&db, before - TRIED, before, after, PAGE).await?;
            drop(db);
            let Some((_, last)) = page.last() else { return Ok(removed) };
            after = Some(*last);
            for (service, id) in page {
                let file = place(service, id);
                match self.objects().delete(&file).await {
                    Ok(()) => removed += 1,
                    Err(error) => {
                        error!(%file, error = %runtime::chain(&error), "the file stays");
                    }
                }
            }
        }
    }
}

/// Where the admin app puts a file (internal API contract §7.1).
fn place(service: ServiceId, id: Uuid) -> Place {
    Bucket::TemplateEmailFiles.at(format!("{service}/{id}"))
}
