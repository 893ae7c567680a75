//! The providers that this process can send through, and the choice among them.

use domain::{Clock, NotificationType};
use providers::{
    ConfigError, EmailSender, SmsSender,
    aws_sms::{AwsSms, AwsSmsConfig},
    firetext::{Firetext, FiretextConfig},
    mmg::{Mmg, MmgConfig},
    print::LetterPrinter,
    ses::{Ses, SesConfig},
    smtp::{Smtp, SmtpConfig},
};
use rand::{Rng, RngExt};
use store::providers::Provider;

use crate::breaker::{Breaker, BreakerConfig};

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
    /// Outages
    #[command(flatten)]
    pub breaker: BreakerConfig,
}

/// The providers that have been configured. To add one: its file in `providers`, and a line here.
pub struct Senders {
    sms: Vec<Guarded<dyn SmsSender>>,
    email: Vec<Guarded<dyn EmailSender>>,
    printer: Option<Box<dyn LetterPrinter>>,
}

/// A sender, and what its last calls say about it.
pub(crate) struct Guarded<S: ?Sized> {
    pub(crate) breaker: Breaker,
    pub(crate) sender: Box<S>,
}

impl Senders {
    /// Those whose settings are there.
    ///
    /// # Errors
    /// When a setting cannot be used.
    pub fn from_config(config: &ProviderConfig, clock: &Clock) -> Result<Self, ConfigError> {
        let mut senders = Self { sms: Vec::new(), email: Vec::new(), printer: None };
        let breaker = |name| Breaker::new(name, config.breaker, clock.clone());
        let mut sms = |sender: Box<dyn SmsSender>| {
            senders.sms.push(Guarded { breaker: breaker(sender.name()), sender });
        };
        let mut email = |sender: Box<dyn EmailSender>| {
            senders.email.push(Guarded { breaker: breaker(sender.name()), sender });
        };
        if let Some(mmg) = Mmg::from_config(&config.mmg)? {
            sms(Box::new(mmg));
        }
        if let Some(firetext) = Firetext::from_config(&config.firetext)? {
            sms(Box::new(firetext));
        }
        if let Some(aws) = AwsSms::from_config(&config.aws_sms, clock.clone())? {
            sms(Box::new(aws));
        }
        if let Some(ses) = Ses::from_config(&config.ses, clock.clone())? {
            email(Box::new(ses));
        }
        if let Some(smtp) = Smtp::from_config(&config.smtp, clock.clone())? {
            email(Box::new(smtp));
        }
        Ok(senders)
    }

    /// The same, with a printer of letters.
    #[must_use]
    pub fn with_printer(self, printer: Box<dyn LetterPrinter>) -> Self {
        Self { printer: Some(printer), ..self }
    }

    /// The printer of letters, if there is one.
    pub(crate) fn printer(&self) -> Option<&dyn LetterPrinter> {
        self.printer.as_deref()
    }

    /// A provider for a text message, or `None` when no active one fits. How the call goes must be
    /// recorded.
    pub(crate) fn sms(
        &self,
        rows: &[Provider],
        international: bool,
    ) -> Option<&Guarded<dyn SmsSender>> {
        let rows: Vec<_> = of_channel(rows, NotificationType::Sms).collect();
        let fits = |row: &Provider| row.supports_international || !international;
        let ready = |guarded: &Guarded<dyn SmsSender>| guarded.breaker.is_ready();
        let name = |guarded: &Guarded<dyn SmsSender>| guarded.sender.name();
        let chosen = choose(&self.sms, name, ready, &rows, fits, &mut rand::rng())?;
        chosen.breaker.take_turn();
        Some(chosen)
    }

    /// A provider for an email, as [`Senders::sms`] for a text message.
    pub(crate) fn email(&self, rows: &[Provider]) -> Option<&Guarded<dyn EmailSender>> {
        let rows: Vec<_> = of_channel(rows, NotificationType::Email).collect();
        let ready = |guarded: &Guarded<dyn EmailSender>| guarded.breaker.is_ready();
        let name = |guarded: &Guarded<dyn EmailSender>| guarded.sender.name();
        let chosen = choose(&self.email, name, ready, &rows, |_| true, &mut rand::rng())?;
        chosen.breaker.take_turn();
        Some(chosen)
    }
}

fn of_channel(rows: &[Provider], channel: NotificationType) -> impl Iterator<Item = &Provider> {
    rows.iter().filter(move |row| row.channel == channel)
}

/// One of the configured senders that are active, fit and are ready, at random by weight (tasks
/// contract §3.1). Where there is none, one that has no row at all: an adopted database knows neither
/// SMTP nor SNS. Where none is ready, one that is not: it may be back.
fn choose<'s, S>(
    senders: &'s [S],
    name: impl Fn(&S) -> &'static str,
    ready: impl Fn(&S) -> bool,
    rows: &[&Provider],
    fits: impl Fn(&Provider) -> bool,
    random: &mut impl Rng,
) -> Option<&'s S> {
    let fitting: Vec<(&'s S, u32)> = rows
        .iter()
        .filter(|row| row.active && fits(row))
        .filter_map(|row| {
            let sender = senders.iter().find(|sender| name(sender) == row.identifier)?;
            Some((sender, u32::try_from(row.priority).unwrap_or_default()))
        })
        .collect();
    let has_row = |sender: &S| rows.iter().any(|row| row.identifier == name(sender));
    let unlisted = || senders.iter().filter(|sender| !has_row(sender));
    let ready_ones: Vec<_> = fitting.iter().copied().filter(|(sender, _)| ready(sender)).collect();
    draw(&ready_ones, random)
        .or_else(|| unlisted().find(|sender| ready(sender)))
        .or_else(|| draw(&fitting, random))
        .or_else(|| unlisted().next())
}

/// One of these at random by weight; the first when none has any.
fn draw<'s, S>(senders: &[(&'s S, u32)], random: &mut impl Rng) -> Option<&'s S> {
    let total: u32 = senders.iter().map(|(_, weight)| weight).sum();
    if total == 0 {
        return senders.first().map(|(sender, _)| *sender);
    }
    let mut drawn = random.random_range(0..total);
    for (sender, weight) in senders {
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

    /// A name, and whether it is ready.
    struct Named(&'static str, bool);

    fn provider(identifier: &str, priority: i32) -> Provider {
        Provider {
            identifier: identifier.to_owned(),
            channel: NotificationType::Sms,
            priority,
            supports_international: false,
            active: true,
        }
    }

    fn chosen_of(
        senders: &[Named],
        fits: fn(&Provider) -> bool,
        rows: &[Provider],
    ) -> Option<&'static str> {
        let rows: Vec<_> = rows.iter().collect();
        let (name, ready) = (|named: &Named| named.0, |named: &Named| named.1);
        choose(senders, name, ready, &rows, fits, &mut rand::rng()).map(|named| named.0)
    }

    fn chosen_that(fits: fn(&Provider) -> bool, rows: &[Provider]) -> Option<&'static str> {
        chosen_of(&[Named("a", true), Named("b", true)], fits, rows)
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
    fn a_provider_that_is_down_is_only_asked_where_no_other_can_send() {
        let rows = [provider("a", 100), provider("b", 0)];
        let (a, b) = (Named("a", false), Named("b", true));
        assert_eq!(chosen_of(&[a, b], |_| true, &rows), Some("b"), "whatever its weight");
        let alone = [Named("a", false)];
        assert_eq!(chosen_of(&alone, |_| true, &rows), Some("a"));
        let unlisted = [Named("a", false), Named("c", true)];
        assert_eq!(chosen_of(&unlisted, |_| true, &rows), Some("c"));
        let none = [Named("a", false), Named("c", false)];
        assert_eq!(chosen_of(&none, |_| true, &rows), Some("a"));
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
