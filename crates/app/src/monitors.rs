//! Looks for what should not be, and calls for the operators (tasks contract §3.8).

use std::fmt::Write;

use store::monitors::Suspicious;
use time::Duration;
use tracing::info;

use crate::{
    App, Error,
    alerts::{Alert, Severity, TicketKind},
};

/// How far back text messages are looked at.
const DAY: Duration = Duration::hours(24);
/// From so many text messages on, so many percent that fail for good are too many.
const FAILURES: (i64, i64) = (10_000, 25);
/// More messages than this to numbers of television are too many.
const TV_NUMBERS: i64 = 500;
/// So few free numbers are too few.
const FREE_NUMBERS: i64 = 50;

impl App {
    /// Tells of messages that are still `created` long after they were accepted: what repairs that
    /// (see [`crate::replay`]) does not keep up.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn check_still_created(&self) -> Result<(), Error> {
        let before = self.clock().now() - self.0.still_created_alert;
        let count = store::monitors::count_still_created(&self.db().await?, before).await?;
        if count == 0 {
            info!("0 notifications are still in 'created'");
            return Ok(());
        }
        let text = format!("{count} notifications are still in 'created'.");
        self.raise(&Alert::new("still-created", Severity::Error, &text)).await
    }

    /// Tells of live services whose text messages fail, or go to numbers that belong to nobody.
    ///
    /// # Errors
    /// Database errors, and [`App::raise`]'s.
    pub async fn check_failure_rates(&self) -> Result<(), Error> {
        let since = self.clock().now() - DAY;
        let db = self.db().await?;
        let found = store::monitors::list_suspicious(&db, since, FAILURES, TV_NUMBERS).await?;
        drop(db);
        if found.is_empty() {
            return Ok(());
        }
        let text = self.describe(&found);
        let alert = Alert::new("high-failure-rates", Severity::Warning, &text);
        self.raise(&alert.with_ticket(TicketKind {
            subject: "High failure rates for sms spotted for services",
            names_environment: true,
            task_type: "notify_task_high_failure",
        }))
        .await
    }

    fn describe(&self, services: &[Suspicious]) -> String {
        let mut text = format!("{} services need a look:", services.len());
        for service in services {
            let (total, failed) = (service.total, service.failed);
            let percent = failed * 100 / total.max(1);
            let page = format!("{}/services/{}", self.0.admin_base_url, service.service_id);
            let tv = service.to_tv_numbers;
            // Writing to a text cannot fail.
            let _ = write!(
                text,
                "\n{page}: {failed} of {total} text messages failed ({percent} %), {tv} to TV numbers"
            );
        }
        text
    }

    /// Tells that few numbers are left that services could receive text messages at.
    ///
    /// # Errors
    /// Database errors, and [`App::raise`]'s.
    pub async fn check_free_inbound_numbers(&self) -> Result<(), Error> {
        let free = store::inbound_sms::count_free_numbers(&self.db().await?).await?;
        if free > FREE_NUMBERS {
            return Ok(());
        }
        let text = format!("{free} numbers are left for services that receive text messages");
        let alert = Alert::new("low-inbound-numbers", Severity::Warning, &text);
        self.raise(&alert.with_ticket(TicketKind {
            subject: "Request more inbound SMS numbers",
            names_environment: false,
            task_type: "notify_task_request_inbound_SMS",
        }))
        .await
    }
}
