//! The providers that this process can send through, and the choice among them.

use domain::{Clock, NotificationType};
use providers::{
    ConfigError, EmailSender, SmsSender,
    mmg::{Mmg, MmgConfig},
    print::LetterPrinter,
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
    printer: Option<Box<dyn LetterPrinter>>,
}

impl Senders {
    /// Those whose settings are there.
    ///
    /// # Errors
    /// When a setting cannot be used.
    pub fn from_config(config: &ProviderConfig, clock: &Clock) -> Result<Self, ConfigError> {
        let mut senders = Self { sms: Vec::new(), email: Vec::new(), printer: None };
        if let Some(mmg) = Mmg::from_config(&config.mmg)? {
            senders.sms.push(Box::new(mmg));
        }
        if let Some(ses) = Ses::from_config(&config.ses, clock.clone())? {
            senders.email.push(Box::new(ses));
        }
        if let Some(smtp) = Smtp::from_config(&config.smtp, clock.clone())? {
            senders.email.push(Box::new(smtp));
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

    /// A provider for a text message, or `None` when no active one fits.
    pub(crate) fn sms(&self, active: &[Provider], international: bool) -> Option<&dyn SmsSender> {
        let fits = |provider: &&Provider| {
            provider.channel == NotificationType::Sms
                && (provider.supports_international || !international)
        };
        let active = active.iter().filter(fits);
        choose(&self.sms, |sender| sender.name(), active, &mut rand::rng())
    }

    /// A provider for an email, or `None` when no active one fits.
    pub(crate) fn email(&self, active: &[Provider]) -> Option<&dyn EmailSender> {
        let active = active.iter().filter(|provider| provider.channel == NotificationType::Email);
        choose(&self.email, |sender| sender.name(), active, &mut rand::rng())
            // SMTP has no row in an adopted database: it serves where no other provider can.
            .or_else(|| self.email.iter().find(|sender| sender.name() == "smtp").map(AsRef::as_ref))
    }
}

/// One of the configured senders that are active, at random by weight (tasks contract §3.1).
fn choose<'s, 'p, S: ?Sized>(
    senders: &'s [Box<S>],
    name: impl Fn(&S) -> &'static str,
    active: impl Iterator<Item = &'p Provider>,
    random: &mut impl Rng,
) -> Option<&'s S> {
    let fitting: Vec<(&'s S, u32)> = active
        .filter_map(|provider| {
            let sender = senders.iter().find(|sender| name(sender) == provider.identifier)?;
            Some((sender.as_ref(), u32::try_from(provider.priority).unwrap_or_default()))
        })
        .collect();
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
        }
    }

    fn chosen(active: &[Provider]) -> Option<&'static str> {
        let senders = [Box::new(Named("a")), Box::new(Named("b"))];
        choose(&senders, |named| named.0, active.iter(), &mut rand::rng()).map(|named| named.0)
    }

    #[test]
    fn only_configured_and_active_providers_are_chosen() {
        assert_eq!(chosen(&[]), None);
        assert_eq!(chosen(&[provider("c", 50)]), None);
        assert_eq!(chosen(&[provider("c", 50), provider("b", 1)]), Some("b"));
        assert_eq!(chosen(&[provider("a", 0)]), Some("a"), "no weight at all still sends");
    }

    #[test]
    fn weights_decide() {
        let active = [provider("a", 90), provider("b", 10)];
        let a = (0..1000).filter(|_| chosen(&active) == Some("a")).count();
        assert!((800..1000).contains(&a), "{a} of 1000");
    }
}
