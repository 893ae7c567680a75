//! The day's letters go to the printer (letters contract §6.1-6.2).

use anyhow::Context;
use content::dates::{Language, letter_date};
use domain::{
    KeyType, NotificationId, NotificationStatus, NotificationType, ServiceId, TemplateId,
    letter::Postage, london,
};
use queue::{Envelope, Trace};
use serde_json::{Map, Value, json};
use store::{notifications::NewNotification, print_runs::Volume};
use tasks::{CollateLetterPdfsToBeSent, ShatterDeliverLettersTasks, queues};
use time::{
    OffsetDateTime, PrimitiveDateTime, Time, UtcOffset,
    macros::{format_description, time},
};
use tracing::{error, info};
use uuid::uuid;

use crate::{App, Error, accept::deliver, outbox};

/// Letters accepted before then are printed today.
const DEADLINE: Time = time!(17:30);
/// When they are collated: late enough for the last of them to have its PDF.
const COLLATION: (Time, Time) = (time!(17:50), time!(18:50));
/// Letters read at once.
const PAGE: i64 = 10_000;
/// Letters in one message.
const LETTERS_PER_MESSAGE: usize = 100;
/// The platform's own service.
const OWN_SERVICE: ServiceId = ServiceId(uuid!("d6aa2c68-a2d9-4437-ab19-3ae8eb202553"));
/// What the printer is told the volumes with.
const VOLUMES_TEMPLATE: TemplateId = TemplateId(uuid!("11fad854-fd38-4a7c-bd17-805fb13dfc12"));

impl App {
    /// Has the day's letters collated, if it is time for that on London's clock: between ten to six
    /// and ten to seven.
    ///
    /// # Errors
    /// Broker and database errors.
    pub async fn collate_when_due(&self, trace: &Trace) -> Result<bool, Error> {
        let now = self.clock().now();
        let local = london::local(now).context("the clock is past the year 9999")?.time();
        if local < COLLATION.0 || local >= COLLATION.1 {
            return Ok(false);
        }
        let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
        let deadline = last_deadline(now)?.format(format).map_err(anyhow::Error::from)?;
        let task = CollateLetterPdfsToBeSent { print_run_deadline_utc: Some(deadline) };
        self.send(&task, trace).await?;
        Ok(true)
    }

    /// Sends the letters accepted before `deadline`, by default the last half past five in London, on
    /// their way to the printer, and tells it their volumes once. Gives how many letters.
    ///
    /// # Errors
    /// Broker and database errors.
    pub async fn collate_letters(
        &self,
        deadline: Option<OffsetDateTime>,
        trace: &Trace,
    ) -> Result<usize, Error> {
        let deadline = match deadline {
            Some(deadline) => deadline,
            None => last_deadline(self.clock().now())?,
        };
        self.tell_volumes(deadline, trace).await?;
        let (mut after, mut sent) = (None, 0);
        loop {
            let db = self.db().await?;
            let page = store::print_runs::list(&db, deadline, after, PAGE).await?;
            drop(db);
            if page.is_empty() {
                return Ok(sent);
            }
            after = page.last().copied();
            sent += page.len();
            let ids: Vec<NotificationId> = page.iter().map(|letter| letter.id).collect();
            let message = |ids: &[NotificationId]| {
                let notification_ids = ids.to_vec();
                self.message(&ShatterDeliverLettersTasks { notification_ids }, trace)
            };
            let messages = ids.chunks(LETTERS_PER_MESSAGE).map(message);
            self.enqueue_all(&messages.collect::<Result<Vec<Envelope>, _>>()?).await?;
        }
    }

    /// Writes the emails that tell the printer the volumes of a run, unless that was done before.
    async fn tell_volumes(&self, deadline: OffsetDateTime, trace: &Trace) -> Result<(), Error> {
        let mut db = self.db().await?;
        let template = match store::templates::get(&db, OWN_SERVICE, VOLUMES_TEMPLATE).await {
            Ok(template) => template,
            Err(store::Error::NotFound(_)) => {
                error!("there is no template to tell the printer the volumes with");
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let volumes = store::print_runs::volumes(&db, deadline).await?;
        info!(letters = volumes.iter().map(|volume| volume.letters).sum::<i64>(), "to be printed");
        let now = self.clock().now();
        let values = values(&volumes, deadline);
        let personalisation = self.signer().sign(&values).map_err(anyhow::Error::from)?;
        let (mut rows, mut messages) = (Vec::new(), Vec::new());
        for address in &self.0.printer_addresses {
            let id = NotificationId(self.clock().new_id());
            let channel = NotificationType::Email;
            let message = deliver(id, channel, KeyType::Normal, self.clock().new_id(), trace)?;
            messages.push(outbox::row(&message.on(queues::INTERNAL), self.clock(), None)?);
            rows.push(NewNotification {
                id,
                to: address.clone(),
                normalised_to: address.to_lowercase(),
                service_id: OWN_SERVICE,
                template_id: template.id,
                template_version: template.version,
                api_key_id: None,
                key_type: KeyType::Normal,
                notification_type: channel,
                created_at: now,
                signed_personalisation: personalisation.clone(),
                client_reference: None,
                reply_to_text: None,
                international: false,
                phone_prefix: None,
                rate_multiplier: None,
                unsubscribe_link: None,
                document_download_count: None,
                status: NotificationStatus::Created,
                job_row: None,
                letter: None,
            });
        }
        let tx = db.transaction().await.map_err(store::Error::from)?;
        if store::print_runs::note_volume_email(&tx, deadline, now).await? {
            store::notifications::insert_many(&tx, &rows).await?;
            store::outbox::insert(&tx, &messages).await?;
        }
        tx.commit().await.map_err(store::Error::from)?;
        Ok(())
    }
}

/// The last half past five in London, in UTC.
fn last_deadline(now: OffsetDateTime) -> Result<OffsetDateTime, Error> {
    let local = london::local(now).context("the clock is past the year 9999")?;
    let day =
        if local.time() < DEADLINE { local.date().previous_day() } else { Some(local.date()) };
    let deadline = day.and_then(|day| london::to_utc(day.with_time(DEADLINE)));
    Ok(deadline.context("there is no such day")?)
}

/// The time in a message: naive UTC, ISO 8601, perhaps with an offset all the same.
#[must_use]
pub fn parse_deadline(text: &str) -> Option<OffsetDateTime> {
    use time::format_description::well_known::Iso8601;
    OffsetDateTime::parse(text, &Iso8601::DEFAULT)
        .map(|at| at.to_offset(UtcOffset::UTC))
        .or_else(|_| PrimitiveDateTime::parse(text, &Iso8601::DEFAULT).map(|at| at.assume_utc()))
        .ok()
}

/// What the printer reads.
fn values(volumes: &[Volume], deadline: OffsetDateTime) -> Map<String, Value> {
    let date = letter_date(deadline, Language::English);
    let mut values = Map::new();
    values.insert("date".to_owned(), json!(date));
    let mut add = |name: &str, belongs: fn(Postage) -> bool| {
        let of = || volumes.iter().filter(|volume| belongs(volume.postage));
        let letters: i64 = of().map(|volume| volume.letters).sum();
        let sheets: i64 = of().map(|volume| volume.sheets).sum();
        values.insert(format!("{name}_volume"), json!(letters));
        values.insert(format!("{name}_sheets"), json!(sheets));
    };
    add("total", |_| true);
    add("first_class", |postage| postage == Postage::First);
    add("second_class", |postage| postage == Postage::Second);
    add("economy_mail", |postage| postage == Postage::Economy);
    add("international", Postage::is_international);
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn the_deadline_is_the_last_half_past_five_in_london() {
        for (now, expected) in [
            (datetime!(2021-06-01 16:50 UTC), datetime!(2021-06-01 16:30 UTC)),
            (datetime!(2021-06-01 16:30 UTC), datetime!(2021-06-01 16:30 UTC)),
            (datetime!(2021-06-01 16:29:59 UTC), datetime!(2021-05-31 16:30 UTC)),
            (datetime!(2021-05-31 23:30 UTC), datetime!(2021-05-31 16:30 UTC)),
            (datetime!(2020-02-17 17:50 UTC), datetime!(2020-02-17 17:30 UTC)),
            // The clocks went forward in the night.
            (datetime!(2021-03-28 08:00 UTC), datetime!(2021-03-27 17:30 UTC)),
            (datetime!(2021-03-28 16:50 UTC), datetime!(2021-03-28 16:30 UTC)),
            // And back.
            (datetime!(2021-10-31 08:00 UTC), datetime!(2021-10-30 16:30 UTC)),
            (datetime!(2021-10-31 17:29 UTC), datetime!(2021-10-30 16:30 UTC)),
            (datetime!(2021-10-31 17:50 UTC), datetime!(2021-10-31 17:30 UTC)),
        ] {
            assert_eq!(last_deadline(now).unwrap(), expected, "{now}");
        }
    }

    #[test]
    fn deadlines_are_read_with_and_without_offset() {
        let expected = Some(datetime!(2021-06-01 16:30 UTC));
        for text in
            ["2021-06-01T16:30:00", "2021-06-01T16:30:00+00:00", "2021-06-01T17:30:00+01:00"]
        {
            assert_eq!(parse_deadline(text), expected, "{text}");
        }
        assert_eq!(parse_deadline("today"), None);
    }
}
