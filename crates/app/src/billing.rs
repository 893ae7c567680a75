//! Daily bills (tasks contract §5.5 to §5.7).
//!
//! A day is billed part by part, a part being one channel and service: so one that fails keeps none
//! of the others from being right. A part with many messages is billed by a task of its own.

use std::collections::HashSet;

use domain::{NotificationType, ServiceId, london, london::Day};
use queue::Trace;
use store::{
    billing_facts::Billed,
    facts::{self, Facts, Portion},
};
use strum::VariantArray;
use tasks::{
    CreateOrUpdateFtBillingForDay, CreateOrUpdateFtBillingLetterDespatchForDay, times::WireDate,
};
use time::{Date, OffsetDateTime};

use crate::{App, Error, days};

/// With more messages than this a part gets a task of its own. How many there are is known from its last
/// bill, which is of an hour ago when a day is over.
const LARGE: i64 = 100_000;

/// What a day's bill has become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    /// How many facts it has.
    pub facts: i64,
    /// The groups that it lacks because they have no rate, named.
    pub without_rate: Vec<String>,
    /// The parts that are as they were because the database refused, named with the reason.
    pub refused: Vec<String>,
    /// How many parts are billed by tasks of their own.
    pub apart: usize,
}

impl App {
    /// Queues the bills of `count` days that end with `last`, yesterday unless given. Returns how
    /// many children that makes.
    ///
    /// # Errors
    /// Database errors, when the broker is away; also when there is no such day.
    pub async fn fan_out_billing(
        &self,
        last: Option<Date>,
        count: u16,
        trace: &Trace,
    ) -> Result<usize, Error> {
        let last = match last {
            Some(date) => Day::of(date).ok_or_else(days::no_such_day)?,
            None => days::ago(self.clock(), 1)?,
        };
        let mut envelopes = Vec::new();
        for back in 0..count {
            let process_day = WireDate(days::before(last, back)?.date);
            envelopes.push(self.message(
                &CreateOrUpdateFtBillingForDay {
                    process_day,
                    notification_type: None,
                    service_id: None,
                },
                trace,
            )?);
            envelopes.push(
                self.message(&CreateOrUpdateFtBillingLetterDespatchForDay { process_day }, trace)?,
            );
        }
        self.outbox().publish(&envelopes).await?;
        Ok(envelopes.len())
    }

    /// Bills a day anew: all of it, or one channel or service.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database cannot be reached.
    pub async fn bill_day(
        &self,
        date: Date,
        channel: Option<NotificationType>,
        service: Option<ServiceId>,
    ) -> Result<Bill, Error> {
        let day = Day::of(date).ok_or_else(days::no_such_day)?;
        let mut bill = Bill::default();
        for channel in one_or_all(channel) {
            let services = match service {
                Some(service) => vec![service],
                None => self.billed_services(day, channel).await?,
            };
            for service_id in services {
                self.bill(&Portion { day, channel, service_id }, &mut bill).await?;
            }
        }
        Ok(bill)
    }

    /// Bills all services of a day anew, or of one of its channels: the large ones by tasks of their own.
    ///
    /// # Errors
    /// As [`App::bill_day`].
    pub async fn share_out_day(
        &self,
        date: Date,
        channel: Option<NotificationType>,
        trace: &Trace,
    ) -> Result<Bill, Error> {
        let day = Day::of(date).ok_or_else(days::no_such_day)?;
        let mut bill = Bill::default();
        for channel in one_or_all(channel) {
            let large = self.fan_out_large(day, channel, trace).await?;
            bill.apart += large.len();
            for service_id in self.billed_services(day, channel).await? {
                if !large.contains(&service_id) {
                    self.bill(&Portion { day, channel, service_id }, &mut bill).await?;
                }
            }
        }
        Ok(bill)
    }

    async fn billed_services(
        &self,
        day: Day,
        channel: NotificationType,
    ) -> Result<Vec<ServiceId>, Error> {
        Ok(facts::list_services(&self.db().await?, Facts::Billing, day, channel).await?)
    }

    async fn fan_out_large(
        &self,
        day: Day,
        channel: NotificationType,
        trace: &Trace,
    ) -> Result<HashSet<ServiceId>, Error> {
        let large =
            store::billing_facts::list_large(&self.db().await?, day, channel, LARGE).await?;
        let child = |service: &ServiceId| {
            let task = CreateOrUpdateFtBillingForDay {
                process_day: WireDate(day.date),
                notification_type: Some(channel),
                service_id: Some(*service),
            };
            self.message(&task, trace)
        };
        let children = large.iter().map(child).collect::<Result<Vec<_>, _>>()?;
        self.outbox().publish(&children).await?;
        Ok(large.into_iter().collect())
    }

    /// Bills today so far, and notes when that was.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn bill_today(&self) -> Result<Bill, Error> {
        let bill = self.bill_day(days::today(self.clock())?.date, None, None).await?;
        self.0.limits.note_billing_updated(self.clock().now()).await;
        Ok(bill)
    }

    /// When today's bill was last made: UTC, ISO 8601, without a zone. `None` when nobody knows.
    pub async fn billing_updated(&self) -> Option<String> {
        self.0.limits.billing_updated().await
    }

    async fn bill(&self, portion: &Portion, bill: &mut Bill) -> Result<(), Error> {
        let mut db = self.db().await?;
        let Portion { day, channel, service_id } = portion;
        let whose = format!("{} {channel} service {service_id}", day.date);
        match replace(&mut db, portion, self.clock().now()).await {
            Ok(billed) => bill.add(billed, &whose),
            Err(error) if error.is_temporary() => return Err(error.into()),
            Err(error) => bill.refused.push(format!("{whose}: {}", runtime::chain(&error))),
        }
        Ok(())
    }

    /// Bills the letters that were despatched on a day.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn bill_despatched_letters(&self, date: Date) -> Result<Bill, Error> {
        let day = Day::of(date).ok_or_else(days::no_such_day)?;
        let mut db = self.db().await?;
        let tx = db.transaction().await.map_err(store::Error::from)?;
        facts::lock_day(&tx, Facts::Despatch, day).await?;
        let billed = store::billing_facts::replace_despatch(&tx, day, self.clock().now()).await?;
        tx.commit().await.map_err(store::Error::from)?;
        let mut bill = Bill::default();
        bill.add(billed, &format!("letters despatched on {date}"));
        Ok(bill)
    }

    /// Decides the free allowance of every active service that has none for the financial year that
    /// it is. Returns how many that were.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn decide_allowances(&self) -> Result<u64, Error> {
        let year = london::financial_year(days::today(self.clock())?.date);
        let db = self.db().await?;
        let decided =
            store::allowances::insert_missing(&db, year, None, self.clock().now()).await?;
        store::allowances::analyze(&db).await?;
        Ok(decided)
    }
}

fn one_or_all(channel: Option<NotificationType>) -> Vec<NotificationType> {
    channel.map_or_else(|| NotificationType::VARIANTS.to_vec(), |channel| vec![channel])
}

/// Bills one part anew, in a transaction of its own.
async fn replace(
    db: &mut store::pool::Client,
    portion: &Portion,
    now: OffsetDateTime,
) -> Result<Billed, store::Error> {
    let tx = db.transaction().await?;
    facts::lock(&tx, Facts::Billing, portion).await?;
    let billed = store::billing_facts::replace(&tx, portion, now).await?;
    tx.commit().await?;
    Ok(billed)
}

impl Bill {
    fn add(&mut self, billed: Billed, whose: &str) {
        self.facts += billed.facts;
        let named = billed.without_rate.into_iter().map(|group| format!("{whose}, {group}"));
        self.without_rate.extend(named);
    }
}
