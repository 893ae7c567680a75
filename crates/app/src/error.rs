//! Why a use case was refused.

use content::{
    file::InvalidFile, letter::QrCodeTooLong, phone::PhoneError, postal_address::AddressError,
};
use domain::{
    KeyType, NotificationStatus, NotificationType, ReplyToId, ServiceId, SmsSenderId,
    service::DailyLimit,
};

use crate::jobs::BulkFault;

/// Each refusal that a caller can act on, plus [`Error::Internal`].
///
/// The variants say what was wrong; the words that a client reads are chosen by the API.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Too many requests in this minute with this type of key.
    #[error("over the rate limit of {per_minute} requests a minute")]
    RateLimited {
        /// The type of key whose bucket is empty.
        key_type: KeyType,
        /// Requests per minute that the service may make.
        per_minute: u32,
    },
    /// Too many messages today.
    #[error("over the daily limit of {max} for {limit}")]
    DailyLimit {
        /// Which of the limits.
        limit: DailyLimit,
        /// Messages per day that the service may send.
        max: i64,
    },
    /// The service may not use this channel.
    #[error("the service may not send {0}")]
    ChannelNotAllowed(NotificationType),
    /// The service has no such template.
    #[error("template not found")]
    TemplateNotFound,
    /// The template is for another channel.
    #[error("a template for {template} was used for {notification}")]
    WrongTemplateType {
        /// What the template is for.
        template: NotificationType,
        /// What was asked for.
        notification: NotificationType,
    },
    /// The template has been deleted.
    #[error("the template is archived")]
    TemplateArchived,
    /// Placeholders without a value, as written, in order of appearance.
    #[error("personalisation is missing for {} placeholders", .0.len())]
    MissingPersonalisation(Vec<String>),
    /// Nothing is left to send once the placeholders are filled.
    #[error("the message is empty")]
    EmptyMessage,
    /// A file was given for a message that cannot carry one.
    #[error("files go by email only")]
    FileNotByEmail,
    /// Files by email have not been set up by the service.
    #[error("the service has not set up files by email")]
    FilesNotSetUp {
        /// Where its team can do that.
        settings_page: String,
    },
    /// A file by email is not described as it should be.
    #[error("a file's fields are wrong")]
    InvalidFile(#[source] InvalidFile),
    /// The document store does not take a file. The text is the store's, for the client to read.
    #[error("the document store refuses the file")]
    FileRefused(String),
    /// A value that was to be made harmless is not a text.
    #[error("only text can be sanitised")]
    NotText,
    /// The sender is unknown, archived or another service's.
    #[error("SMS sender {id} is not the service's")]
    SmsSenderNotFound {
        /// The sender that was named.
        id: SmsSenderId,
        /// The service that named it.
        service: ServiceId,
    },
    /// The reply-to address is unknown, archived or another service's.
    #[error("reply-to address {id} is not the service's")]
    ReplyToNotFound {
        /// The address that was named.
        id: ReplyToId,
        /// The service that named it.
        service: ServiceId,
    },
    /// A team key, and the recipient is neither in the team nor on the guest list.
    #[error("not a recipient for a team key")]
    TeamKeyRecipient,
    /// The service is in trial mode, and the recipient is neither in the team nor on the guest list.
    #[error("not a recipient for a service in trial mode")]
    TrialModeRecipient,
    /// The number is abroad, and the service may not send there.
    #[error("the service may not send abroad")]
    InternationalNotAllowed,
    /// The number cannot receive text messages from this service.
    #[error("the phone number is refused")]
    InvalidPhone(#[source] PhoneError),
    /// A text message over the limit of characters.
    #[error("the text message has {characters} characters")]
    SmsTooLong {
        /// Its length, in UTF-16 code units, without the service's prefix.
        characters: usize,
    },
    /// An email over the limit of bytes.
    #[error("the email has {bytes} bytes")]
    EmailTooLong {
        /// Its length, in bytes of UTF-8.
        bytes: usize,
    },
    /// A link's token is not ours, or too old.
    #[error("the token is not valid")]
    BadToken,
    /// A letter over the limit of what is rendered.
    #[error("the letter is too long")]
    LetterTooLong,
    /// A QR code in a letter would hold more than can be printed.
    #[error("a QR code is too long")]
    QrCodeTooLong(#[source] QrCodeTooLong),
    /// Team keys send no letters.
    #[error("letters cannot be sent with a team key")]
    LetterWithTeamKey,
    /// Services in trial mode send no letters, except with a test key.
    #[error("letters cannot be sent in trial mode")]
    LetterInTrialMode,
    /// No letter can be sent to this address.
    #[error("the address is refused")]
    InvalidAddress(#[source] AddressError),
    /// The PDF of a letter is not in base64.
    #[error("the letter is not in base64")]
    NotBase64,
    /// It is not a letter, and has no PDF.
    #[error("not a letter")]
    NotALetter,
    /// The letter's PDF did not pass the virus scan.
    #[error("the letter holds a virus")]
    VirusInLetter,
    /// A letter in this status never gets a PDF.
    #[error("letters in status {0} have no PDF")]
    NoPdf(NotificationStatus),
    /// The letter's PDF is not there yet.
    #[error("the letter's PDF is not ready")]
    PdfNotReady,
    /// The idempotency key is another request's.
    #[error("the idempotency key has been used")]
    KeyTaken,
    /// Files of recipients are sent with live keys only.
    #[error("a file of recipients needs a live key")]
    BulkNeedsLiveKey,
    /// The service may not choose when a file of recipients is sent, or nobody may: letters are
    /// printed once a day.
    #[error("the service may not schedule {0}")]
    SchedulingNotAllowed(NotificationType),
    /// What is wrong with a file of recipients.
    #[error("the file has {} faults", .0.len())]
    BadFile(Vec<BulkFault>),
    /// It is no letter, and does not wait for its time.
    #[error("only letters and what waits for its time can be called back")]
    NotCancellable,
    /// It has been called back before.
    #[error("it has been called back")]
    AlreadyCancelled(NotificationType),
    /// The letter has gone to the printer.
    #[error("the letter is being printed")]
    TooLateToCancel {
        /// The London day on which it did; none for today.
        printed_on: Option<time::Date>,
    },
    /// It has been sent, or is being sent.
    #[error("it cannot be called back in status {0}")]
    OnItsWay(NotificationStatus),
    /// There is no such thing, or it is another service's.
    #[error("no result found")]
    NotFound,
    /// Our fault; the source says what happened. Logged once, where it becomes an answer.
    #[error("internal error")]
    Internal(#[source] anyhow::Error),
}

impl Error {
    /// Whether nothing was done for sure. Where the database went away its answer may be lost.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::Internal(source) => {
                source.downcast_ref::<store::Error>().is_some_and(|error| !error.is_temporary())
            }
            _ => true,
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NotFound(_) => Self::NotFound,
            other => Self::Internal(other.into()),
        }
    }
}

impl From<providers::Error> for Error {
    fn from(error: providers::Error) -> Self {
        Self::Internal(error.into())
    }
}

impl From<anyhow::Error> for Error {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(error)
    }
}

impl From<Error> for queue::TaskError {
    /// What may go better next time is tried again: a server was away, or the row is not there
    /// yet (a message may be faster than its commit). The rest is given up.
    fn from(error: Error) -> Self {
        let temporary = match &error {
            Error::NotFound => true,
            Error::Internal(source) => source.chain().any(|cause| {
                let (stored, called) = (cause.downcast_ref(), cause.downcast_ref());
                stored.is_some_and(store::Error::is_temporary)
                    || called.is_some_and(|error: &providers::Error| !error.is_permanent())
            }),
            _ => false,
        };
        if temporary { Self::retry(error) } else { Self::fail(error) }
    }
}
