//! Daily statistics and bills: which parts of them are to be made, and each part (tasks contract §5).
//!
//! A part is one day, channel and service. It is replaced as a whole in a transaction of its own, from
//! one snapshot of all messages, live and archived: so it is exact whatever else is running, and
//! making it again, or twice at once, changes nothing.

use domain::{NotificationType, ServiceId, london::Day};
use queue::{Envelope, Trace};
use store::facts::{self, Facts, Portion};
use strum::VariantArray;
use tasks::{CreateNightlyNotificationStatusForServiceAndDay, times::WireDate};
use time::Date;

use crate::{App, Error, days};

/// How many days back, from yesterday, a channel's statuses may still change: emails and text
/// messages time out after three days, letters take longer. One day to spare.
const fn status_days(channel: NotificationType) -> u16 {
    match channel {
        NotificationType::Sms | NotificationType::Email => 4,
        NotificationType::Letter => 10,
    }
}

impl App {
    /// Queues the counting of statuses of the last days, for each service that has something to
    /// count. Returns how many parts that is.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn fan_out_status(&self, trace: &Trace) -> Result<usize, Error> {
        let today = days::today(self.clock())?;
        let mut count = 0;
        for channel in NotificationType::VARIANTS {
            for back in 1..=status_days(*channel) {
                let day = days::before(today, back)?;
                count += self.fan_out_status_of(day, *channel, trace).await?;
            }
        }
        Ok(count)
    }

    pub(crate) async fn fan_out_status_of(
        &self,
        day: Day,
        channel: NotificationType,
        trace: &Trace,
    ) -> Result<usize, Error> {
        let services = facts::list_services(&self.db().await?, Facts::Status, day, channel).await?;
        let envelopes = services
            .iter()
            .map(|service| self.status_of(Portion { day, channel, service_id: *service }, trace))
            .collect::<Result<Vec<_>, _>>()?;
        self.outbox().publish(&envelopes).await?;
        Ok(envelopes.len())
    }

    pub(crate) fn status_of(&self, portion: Portion, trace: &Trace) -> Result<Envelope, Error> {
        let task = CreateNightlyNotificationStatusForServiceAndDay {
            process_day: WireDate(portion.day.date),
            service_id: portion.service_id,
            notification_type: portion.channel,
        };
        self.message(&task, trace)
    }

    /// Counts one part's statuses anew. Returns how many facts it has.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn replace_status(&self, portion: &Portion) -> Result<u64, Error> {
        let mut db = self.db().await?;
        let tx = db.transaction().await.map_err(store::Error::from)?;
        facts::lock(&tx, Facts::Status, portion).await?;
        let rows = store::status_facts::replace(&tx, portion, self.clock().now()).await?;
        tx.commit().await.map_err(store::Error::from)?;
        Ok(rows)
    }

    /// Counts how many of a day's messages, yesterday's unless given, went out quickly.
    ///
    /// # Errors
    /// Database errors; also when there is no such day.
    pub async fn replace_processing_time(&self, date: Option<Date>) -> Result<(), Error> {
        let day = match date {
            Some(date) => Day::of(date).ok_or_else(days::no_such_day)?,
            None => days::ago(self.clock(), 1)?,
        };
        Ok(store::processing_times::replace(&self.db().await?, day, self.clock().now()).await?)
    }
}

/// One part, of a task's arguments.
///
/// # Errors
/// When there is no such day.
pub fn portion(
    day: WireDate,
    channel: NotificationType,
    service_id: ServiceId,
) -> Result<Portion, Error> {
    let day = Day::of(day.0).ok_or_else(days::no_such_day)?;
    Ok(Portion { day, channel, service_id })
}
