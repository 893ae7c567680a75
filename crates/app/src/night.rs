//! The night's work on demand: a day's statistics and bills made again, and its old messages removed
//! (`postroom night`).

use anyhow::anyhow;
use domain::{NotificationType, ServiceId, london::Day};
use queue::Trace;
use store::facts::Portion;
use strum::VariantArray;
use tasks::{
    CreateOrUpdateFtBillingForDay, CreateOrUpdateFtBillingLetterDespatchForDay,
    SaveDailyNotificationProcessingTime, times::WireDate,
};
use time::Date;

use crate::{App, Error, days};

/// What is to be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The London day.
    pub date: Date,
    /// Only this channel.
    pub channel: Option<NotificationType>,
    /// Only this service.
    pub service: Option<ServiceId>,
}

impl Choice {
    fn channels(&self) -> impl Iterator<Item = NotificationType> + use<> {
        let chosen = self.channel;
        let all = NotificationType::VARIANTS.iter().copied();
        all.filter(move |channel| chosen.is_none_or(|chosen| chosen == *channel))
    }
}

impl App {
    /// Queues the counting of a day's statuses: for each service that has something to count, or for
    /// the one that was chosen. Returns how many parts that is.
    ///
    /// # Errors
    /// Database errors, when the broker is away too; also when there is no such day.
    pub async fn count_again(&self, choice: &Choice, trace: &Trace) -> Result<usize, Error> {
        let day = Day::of(choice.date).ok_or_else(days::no_such_day)?;
        let mut count = 0;
        for channel in choice.channels() {
            if let Some(service_id) = choice.service {
                let portion = Portion { day, channel, service_id };
                self.enqueue(self.status_of(portion, trace)?).await?;
                count += 1;
            } else {
                count += self.fan_out_status_of(day, channel, trace).await?;
            }
        }
        Ok(count)
    }

    /// Queues the removal of what was past its retention in the night of a day: for each service that
    /// has such messages, or for the one that was chosen. Returns how many parts that is.
    ///
    /// # Errors
    /// Database errors, when the broker is away too; also when that night has not come.
    pub async fn remove_again(&self, choice: &Choice, trace: &Trace) -> Result<usize, Error> {
        let day = Day::of(choice.date).ok_or_else(days::no_such_day)?;
        if day.start > self.clock().now() {
            return Err(anyhow!("the night of {} has not come", choice.date).into());
        }
        let mut count = 0;
        for channel in choice.channels() {
            count += self.fan_out_retention_of(day, channel, choice.service, trace).await?;
        }
        Ok(count)
    }

    /// Queues a day's bill.
    ///
    /// # Errors
    /// Database errors, when the broker is away too.
    pub async fn bill_again(&self, choice: &Choice, trace: &Trace) -> Result<(), Error> {
        let &Choice { date, channel, service } = choice;
        let task = CreateOrUpdateFtBillingForDay {
            process_day: WireDate(date),
            notification_type: channel,
            service_id: service,
        };
        self.send(&task, trace).await
    }

    /// Queues the bill of the letters that were despatched on a day.
    ///
    /// # Errors
    /// Database errors, when the broker is away too.
    pub async fn bill_despatched_again(&self, date: Date, trace: &Trace) -> Result<(), Error> {
        let task = CreateOrUpdateFtBillingLetterDespatchForDay { process_day: WireDate(date) };
        self.send(&task, trace).await
    }

    /// Queues the counting of a day's processing times.
    ///
    /// # Errors
    /// Database errors, when the broker is away too.
    pub async fn time_again(&self, date: Date, trace: &Trace) -> Result<(), Error> {
        let task = SaveDailyNotificationProcessingTime { bst_date: Some(WireDate(date)) };
        self.send(&task, trace).await
    }
}
