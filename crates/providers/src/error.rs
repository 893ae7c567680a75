use std::error::Error as StdError;

/// The cause of an error, of whatever type.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// Why a provider did not take a message. Says nothing of its recipient or content.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another attempt, now or through another provider, may succeed.
    #[error("{what}")]
    Temporary {
        /// What went wrong, in a few words.
        what: &'static str,
        /// The provider may have the message all the same: no answer came, or none that can be read.
        maybe_taken: bool,
        /// The provider asked for fewer messages, which is no fault of its own.
        throttled: bool,
        /// The answer or the failed connection behind it.
        source: Option<BoxError>,
    },
    /// This message will never be taken: no attempt should follow.
    #[error("{reason}")]
    Permanent {
        /// The provider's status and error code, or what we found ourselves.
        reason: String,
    },
}

impl Error {
    /// Whether trying again is pointless.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        matches!(self, Self::Permanent { .. })
    }

    /// Whether the provider may have the message all the same.
    #[must_use]
    pub fn is_maybe_taken(&self) -> bool {
        matches!(self, Self::Temporary { maybe_taken: true, .. })
    }

    /// Whether it looks as if the provider were down: no answer, or one that says that its server
    /// failed.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        let Self::Temporary { throttled: false, source: Some(source), .. } = self else {
            return false;
        };
        let refusal = source.downcast_ref::<Refusal>();
        refusal.is_some_and(|refusal| refusal.status >= 500)
            || source.is::<reqwest::Error>()
            || source.is::<lettre::transport::smtp::Error>()
            || source.is::<tokio::time::error::Elapsed>()
    }

    /// Whether the provider asked us to slow down.
    #[must_use]
    pub fn is_throttled(&self) -> bool {
        matches!(self, Self::Temporary { throttled: true, .. })
    }
}

impl From<reqwest::Error> for Error {
    /// No usable answer. The URL is left out: it may hold credentials.
    fn from(error: reqwest::Error) -> Self {
        Self::Temporary {
            what: if error.is_timeout() { "No answer in time" } else { "No answer" },
            maybe_taken: !error.is_connect(),
            throttled: false,
            source: Some(error.without_url().into()),
        }
    }
}

/// An answer that is not a success: the source of most [`Error::Temporary`].
#[derive(Debug, thiserror::Error)]
#[error("the provider answered {status}{}{code}", if code.is_empty() { "" } else { " " })]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    /// The provider's own error code, or empty.
    pub(crate) code: String,
}

impl Refusal {
    /// Keeps of `code` only what an error code is made of, so that no free text gets in.
    pub(crate) fn new(status: u16, code: &str) -> Self {
        let code = code
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
            .take(64)
            .collect();
        Self { status, code }
    }
}

/// A setting that cannot be used. Names the setting, never its value.
#[derive(Debug, thiserror::Error)]
#[error("{setting} cannot be used")]
pub struct ConfigError {
    setting: &'static str,
    source: BoxError,
}

impl ConfigError {
    pub(crate) fn new(setting: &'static str, source: impl Into<BoxError>) -> Self {
        Self { setting, source: source.into() }
    }
}
