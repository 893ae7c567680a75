//! Letters that still wait for their virus scan (letters contract §5.3).

use std::fmt::Write;

use anyhow::Context;
use domain::letter::file;
use providers::objects::Bucket;
use queue::Trace;
use store::letters::{Letter, Waiting};
use tasks::letters::ScanFile;
use time::Duration;
use tracing::warn;

use super::reference;
use crate::{
    App, Error,
    alerts::{Alert, Severity, TicketKind},
};

/// How long a scan may take.
const PATIENCE: Duration = Duration::minutes(10);
/// Letters read at once.
const PAGE: i64 = 500;
/// Most letters that an alert names.
const NAMED: usize = 100;

/// Letters that an alert is about: how many, and the first of them.
#[derive(Default)]
struct Lost {
    count: usize,
    named: Vec<String>,
}

impl Lost {
    fn add(&mut self, letter: &Letter) {
        self.count += 1;
        if self.named.len() < NAMED {
            let reference = letter.reference.as_deref().unwrap_or("no reference");
            self.named.push(format!("{} ({reference})", letter.id));
        }
    }
}

impl App {
    /// Has letters scanned again that have waited longer than a scan takes, if their file is still
    /// there; and raises one alert for those whose file is not, and for those that are older than
    /// `rescan` and not yet as old as `report`. Gives how many letters the alert is about.
    ///
    /// # Errors
    /// Database, object store and broker errors. What was done before stays done.
    pub async fn rescan(
        &self,
        name: &'static str,
        rescan: Duration,
        report: Duration,
        trace: &Trace,
    ) -> Result<usize, Error> {
        let now = self.clock().now();
        let (mut gone, mut old) = (Lost::default(), Lost::default());
        let mut recent = Waiting { from: now - rescan, before: now - PATIENCE, after: None };
        while let Some(page) = self.next_waiting(&mut recent).await? {
            for letter in &page {
                if !self.scan_again(letter, trace).await? {
                    gone.add(letter);
                }
            }
        }
        let mut older = Waiting { from: now - report, before: now - rescan, after: None };
        while let Some(page) = self.next_waiting(&mut older).await? {
            page.iter().for_each(|letter| old.add(letter));
        }
        let count = gone.count + old.count;
        if count > 0 {
            let ticket = TicketKind {
                subject: "Letters still pending virus check",
                names_environment: true,
                task_type: "notify_task_letters",
            };
            let text = text(&gone, &old);
            self.raise(&Alert::new(name, Severity::Error, &text).with_ticket(ticket)).await?;
        }
        Ok(count)
    }

    /// Asks for a scan of a letter's file. False when there is no file.
    async fn scan_again(&self, letter: &Letter, trace: &Trace) -> Result<bool, Error> {
        let filename = file::name(reference(letter)?, letter.postage, letter.created_at)
            .context("the letter's time cannot be written")?;
        if !self.objects().exists(&Bucket::LettersScan.at(&filename)).await? {
            return Ok(false);
        }
        warn!(notification.id = %letter.id, file = filename, "not scanned yet; sent again");
        self.send(&ScanFile { filename }, trace).await?;
        Ok(true)
    }

    /// The next letters that wait for their scan, the oldest first; `None` after the last.
    async fn next_waiting(&self, which: &mut Waiting) -> Result<Option<Vec<Letter>>, Error> {
        let page = store::letters::list_waiting_for_scan(&self.db().await?, which, PAGE).await?;
        let Some(last) = page.last() else { return Ok(None) };
        which.after = Some((last.created_at, last.id));
        Ok(Some(page))
    }
}

/// What the alert says.
fn text(gone: &Lost, old: &Lost) -> String {
    let mut text = String::new();
    for (lost, what) in [
        (gone, "wait for their virus scan, and their file is not in the scan bucket"),
        (old, "have waited for their virus scan for days"),
    ] {
        if lost.count > 0 {
            // Writing to a text does not fail.
            let _ = writeln!(text, "{} letters {what}: {}", lost.count, lost.named.join(", "));
        }
    }
    text
}
