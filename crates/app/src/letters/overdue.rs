//! Letters that should have gone on by now (letters contract §6.7).

use anyhow::Context;
use domain::{london, working_day::Calendar};
use time::{Date, Duration, Time, macros::format_description, macros::time};

use crate::{
    App, Error,
    alerts::{Alert, Severity, TicketKind},
};

/// Letters accepted before then are printed on the same day.
const DEADLINE: Time = time!(17:30);
/// How long a failure is news.
const NEWS: Duration = Duration::days(3);
/// Working days within which the printer reports.
const PRINTING_DAYS: i32 = 2;
/// The operators' word for tickets about letters.
const TASK_TYPE: &str = "notify_task_letters";

impl App {
    /// Raises an alert when letters from before half past five yesterday, in London, are still
    /// `created`; gives how many.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn check_unprinted_letters(&self, name: &'static str) -> Result<usize, Error> {
        let yesterday = self.today()?.previous_day().context("there is no yesterday")?;
        let deadline = london::to_utc(yesterday.with_time(DEADLINE)).context("no such time")?;
        let letters = store::letters::count_created(&self.db().await?, deadline).await?;
        let text = format!(
            "{letters} letters were created before 17.30 yesterday and still have 'created' status. \
             Each waits for its PDF, or was left out of a print run."
        );
        self.raise_if_any(name, "Letters still in created", text, letters).await
    }

    /// Raises an alert when letters of the last three days are in technical failure; gives how many.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn check_failed_letters(&self, name: &'static str) -> Result<usize, Error> {
        let from = self.clock().now() - NEWS;
        let letters = store::letters::count_failed(&self.db().await?, from).await?;
        let text = format!("{letters} letters of the last three days are in technical failure.");
        self.raise_if_any(name, "Letters in technical failure", text, letters).await
    }

    /// Raises an alert, on working days, when the printer has not reported on letters for two working
    /// days; gives how many.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn check_letters_at_the_printer(&self, name: &'static str) -> Result<usize, Error> {
        let today = self.today()?;
        if !Calendar::Printer.is_working_day(today) {
            return Ok(0);
        }
        let expected =
            Calendar::Printer.offset(today, -PRINTING_DAYS).map_err(anyhow::Error::from)?;
        let before = expected.next_day().and_then(london::midnight).context("no such day")?;
        let letters = store::letters::count_sending(&self.db().await?, before).await?;
        let format = format_description!("[weekday] [day padding:none] [month repr:long]");
        let day = expected.format(format).map_err(anyhow::Error::from)?;
        let told = self.0.printer_addresses.join(", ");
        let text = format!(
            "There are {letters} letters in the 'sending' state from {day} or before. \
             Ask the printer: {told}"
        );
        self.raise_if_any(name, "Letters still sending", text, letters).await
    }

    fn today(&self) -> Result<Date, Error> {
        Ok(london::local(self.clock().now()).context("the clock is past the year 9999")?.date())
    }

    async fn raise_if_any(
        &self,
        name: &'static str,
        subject: &'static str,
        text: String,
        count: i64,
    ) -> Result<usize, Error> {
        let count = usize::try_from(count).unwrap_or_default();
        if count > 0 {
            let ticket = TicketKind { subject, names_environment: true, task_type: TASK_TYPE };
            self.raise(&Alert::new(name, Severity::Error, &text).with_ticket(ticket)).await?;
        }
        Ok(count)
    }
}
