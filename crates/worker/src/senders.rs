//! The providers that this process can send through, and the choice among them.

use domain::{Clock, NotificationType};
use providers::{
    ConfigError, EmailSender, SmsSender,
    aws_sms::{AwsSms, AwsSmsConfig},
    firetext::{Firetext, FiretextConfig},
    mmg::{Mmg, MmgConfig},
    ses::{Ses, SesConfig},
    smtp::{Smtp, SmtpConfig},
};
use rand::{Rng, RngExt};
use store::providers::Provider;

/// Settings of every provider.
#[derive(clap::Args, Clone, Debug)]
pub struct ProviderConfig {
    /// MMG
    #[command(flatten)]
    pub mmg: MmgConfig,
    /// Firetext
    #[command(flatten)]
    pub firetext: FiretextConfig,
    /// Text messages by Amazon SNS
    #[command(flatten)]
    pub aws_sms: AwsSmsConfig,
    /// SES
    #[command(flatten)]
    pub ses: SesConfig,
    /// SMTP
    #[command(flatten)]
    pub smtp: SmtpConfig,
}

/// The providers that have been configured. To add one: its file in `providers`, and a line here.
pub struct Senders {
    sms: Vec<Box<dyn SmsSender>>,
    email: Vec<Box<dyn EmailSender>>,
}

impl Senders {
    /// Those whose settings are there.
    ///
    /// # Errors
    /// When a setting cannot be used.
    pub fn from_config(config: &ProviderConfig, clock: &Clock) -> Result<Self, ConfigError> {
        let mut senders = Self { sms: Vec::new(), email: Vec::new() };
        if let Some(mmg) = Mmg::from_config(&config.mmg)? {
            senders.sms.push(Box::new(mmg));
        }
        if let Some(firetext) = Firetext::from_config(&config.firetext)? {
            senders.sms.push(Box::new(firetext));
        }
        if let Some(aws) = AwsSms::from_config(&config.aws_sms, clock.clone())? {
            senders.sms.push(Box::new(aws));
        }
        if let Some(ses) = Ses::from_config(&config.ses, clock.clone())? {
            senders.email.push(Box::new(ses));
        }
        if let Some(smtp) = Smtp::from_config(&config.smtp, clock.clone())? {
            senders.email.push(Box::new(smtp));
        }
        Ok(senders)
    }

    /// A provider for a text message, or `None` when no active one fits.
    pub(crate) fn sms(&self, rows: &[Provider], international: bool) -> Option<&dyn SmsSender> {
        let rows: Vec<_> = of_channel(rows, NotificationType::Sms).collect();
        let fits = |row: &Provider| row.supports_international || !international;
        choose(&self.sms, |sender| sender.name(), &rows, fits, &mut rand::rng())
    }

    /// A provider for an email, or `None` when no active one fits.
    pub(crate) fn email(&self, rows: &[Provider]) -> Option<&dyn EmailSender> {
        let rows: Vec<_> = of_channel(rows, NotificationType::Email).collect();
        choose(&self.email, |sender| sender.name(), &rows, |_| true, &mut rand::rng())
    }
}

fn of_channel(rows: &[Provider], channel: NotificationType) -> impl Iterator<Item = &Provider> {
    rows.iter().filter(move |row| row.channel == channel)
}

/// One of the configured senders that are active and fit, at random by weight (tasks contract
/// §3.1). Where there is none, one that has no row at all: an adopted database knows neither SMTP
/// nor SNS.
fn choose<'s, S: ?Sized>(
    senders: &'s [Box<S>],
    name: impl Fn(&S) -> &'static str,
    rows: &[&Provider],
    fits: impl Fn(&Provider) -> bool,
    random: &mut impl Rng,
) -> Option<&'s S> {
    let fitting: Vec<(&'s S, u32)> = rows
        .iter()
        .filter(|row| row.active && fits(row))
        .filter_map(|row| {
            let sender = senders.iter().find(|sender| name(sender) == row.identifier)?;
            Some((sender.as_ref(), u32::try_from(row.priority).unwrap_or_default()))
        })
        .collect();
    if fitting.is_empty() {
        let has_row = |sender: &S| rows.iter().any(|row| row.identifier == name(sender));
        return senders.iter().map(AsRef::as_ref).find(|sender| !has_row(sender));
    }
    let total: u32 = fitting.iter().map(|(_, weight)| weight).sum();
    if total == 0 {
        return fitting.first().map(|(sender, _)| *sender);
    }
    let mut drawn = random.random_range(0..total);
    for (sender, weight) in &fitting {
        match drawn.checked_sub(*weight) {
            None => return Some(sender),
            Some(left) => drawn = left,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Named(&'static str);

    fn provider(identifier: &str, priority: i32) -> Provider {
        Provider {
            identifier: identifier.to_owned(),
            channel: NotificationType::Sms,
            priority,
            supports_international: false,
            active: true,
        }
    }

    fn chosen_that(fits: fn(&Provider) -> bool, rows: &[Provider]) -> Option<&'static str> {
        let senders = [Box::new(Named("a")), Box::new(Named("b"))];
        let rows: Vec<_> = rows.iter().collect();
        choose(&senders, |named| named.0, &rows, fits, &mut rand::rng()).map(|named| named.0)
    }

    fn chosen(rows: &[Provider]) -> Option<&'static str> {
        chosen_that(|_| true, rows)
    }

    #[test]
    fn only_configured_and_active_providers_are_chosen() {
        let off = |identifier| Provider { active: false, ..provider(identifier, 50) };
        assert_eq!(chosen(&[off("a"), off("b"), provider("c", 50)]), None);
        assert_eq!(chosen(&[off("a"), provider("c", 50), provider("b", 1)]), Some("b"));
        let none_fits = chosen_that(|_| false, &[provider("a", 50), provider("b", 50)]);
        assert_eq!(none_fits, None);
        assert_eq!(chosen(&[provider("a", 0)]), Some("a"), "no weight at all still sends");
    }

    #[test]
    fn a_sender_without_a_row_serves_where_no_other_can() {
        assert_eq!(chosen(&[]), Some("a"));
        assert_eq!(chosen(&[provider("a", 0)]), Some("a"));
        let abroad = chosen_that(|row| row.supports_international, &[provider("a", 50)]);
        assert_eq!(abroad, Some("b"));
    }

    #[test]
    fn weights_decide() {
        let active = [provider("a", 90), provider("b", 10)];
        let a = (0..1000).filter(|_| chosen(&active) == Some("a")).count();
        assert!((800..1000).contains(&a), "{a} of 1000");
        let all_or_nothing = [provider("a", 100), provider("b", 0)];
        assert!((0..1000).all(|_| chosen(&all_or_nothing) == Some("a")));
    }
}
