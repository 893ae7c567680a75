//! What clients are told when something is refused or goes wrong: the one place where refusals
//! become status codes and the contract's words (public API contract §0.2-0.4, §2.5).

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use app::Error;
use domain::NotificationType;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use tracing::error;

use crate::auth::AuthError;

/// An answer that is not a success, in one of the two shapes that clients know.
pub(crate) enum ApiError {
    /// Below `/v2`: [`Faults`].
    V2 { status: StatusCode, errors: Vec<Fault> },
    /// Everywhere else: [`Refusal`].
    Legacy { status: StatusCode, message: Value },
}

/// What is wrong, as everything below `/v2` tells it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Faults<'a> {
    /// One, or everything that is wrong with the request's body, path or query.
    errors: &'a [Fault],
    /// The status of the answer.
    status_code: u16,
}

/// One thing that is wrong.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Fault {
    /// The kind of fault, a word for programs.
    error: &'static str,
    /// The same for people.
    message: String,
    #[serde(flatten)]
    details: Details,
}

/// What few faults have besides.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum Details {
    /// A link that is too long for a QR code.
    QrCode {
        /// The link.
        data: String,
        /// Its length.
        num_bytes: usize,
        /// The length of the longest.
        max_bytes: usize,
    },
    /// Something in a file of recipients.
    Cell {
        /// The kind of fault, a word for programs.
        code: &'static str,
        /// The row, as a spreadsheet counts them: the headers are row 1.
        row: Option<usize>,
        /// The column.
        column: Option<String>,
    },
    /// Nothing more.
    None {},
}

impl Fault {
    fn new(error: &'static str, message: impl Into<String>) -> Self {
        Self { error, message: message.into(), details: Details::None {} }
    }
}

/// What is wrong, as told everywhere else; also where no route is, or not for this method.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Refusal<'a> {
    /// A text, a list of texts, or texts under the names of what they are about.
    message: &'a Value,
    /// Always `error`.
    result: &'static str,
}

impl ApiError {
    pub(crate) fn v2(status: StatusCode, error: &'static str, message: impl Into<String>) -> Self {
        Self::V2 { status, errors: vec![Fault::new(error, message)] }
    }

    pub(crate) fn legacy(status: StatusCode, message: impl Into<Value>) -> Self {
        Self::Legacy { status, message: message.into() }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::v2(StatusCode::BAD_REQUEST, "BadRequestError", message)
    }

    /// What was asked for does not go with what has happened.
    fn conflict(message: impl Into<String>) -> Self {
        Self::v2(StatusCode::CONFLICT, "ConflictError", message)
    }

    /// The faults of a request's body, path or query; a repeated one is said once.
    pub(crate) fn validation(messages: Vec<String>) -> Self {
        let mut errors: Vec<Fault> = Vec::new();
        for message in messages {
            if !errors.iter().any(|fault| fault.message == message) {
                errors.push(Fault::new("ValidationError", message));
            }
        }
        Self::V2 { status: StatusCode::BAD_REQUEST, errors }
    }

    /// Our fault. What happened is logged here, once, and never told.
    pub(crate) fn internal(source: &(dyn std::error::Error + 'static)) -> Self {
        error!(error = %runtime::chain(source), "the request failed");
        Self::v2(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", "Internal server error")
    }

    /// The same in the legacy shape.
    pub(crate) fn into_legacy(self) -> Self {
        match self {
            Self::V2 { status, errors } => {
                let message = errors.into_iter().next().map(|fault| fault.message);
                Self::legacy(status, message.unwrap_or_default())
            }
            legacy @ Self::Legacy { .. } => legacy,
        }
    }
}

/// Not the messages: they repeat what the client sent.
impl std::fmt::Debug for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.status_code())
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::V2 { status, .. } | Self::Legacy { status, .. } => *status,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        match self {
            Self::V2 { status, errors } => {
                response.json(Faults { errors, status_code: status.as_u16() })
            }
            Self::Legacy { message, .. } => response.json(Refusal { message, result: "error" }),
        }
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::FORBIDDEN);
        Self::v2(status, "AuthError", error.message())
    }
}

impl From<Error> for ApiError {
    #[expect(
        clippy::too_many_lines,
        reason = "an entry for each refusal, so that none is forgotten"
    )]
    fn from(error: Error) -> Self {
        let too_many = StatusCode::TOO_MANY_REQUESTS;
        match error {
            Error::RateLimited { key_type, per_minute } => Self::v2(
                too_many,
                "RateLimitError",
                format!(
                    "Exceeded rate limit for key type {} of {per_minute} requests per 60 seconds",
                    key_type.public_name()
                ),
            ),
            Error::DailyLimit { limit, max } => Self::v2(
                too_many,
                "TooManyRequestsError",
                format!("Exceeded send limits ({limit}: {max}) for today"),
            ),
            Error::ChannelNotAllowed(channel) => {
                Self::bad_request(format!("Service is not allowed to send {}", plural(channel)))
            }
            Error::SchedulingNotAllowed(channel) => {
                Self::bad_request(format!("Service is not allowed to schedule {}", plural(channel)))
            }
            Error::TemplateNotFound => Self::bad_request("Template not found"),
            Error::WrongTemplateType { template, notification } => Self::bad_request(format!(
                "{template} template is not suitable for {notification} notification"
            )),
            Error::TemplateArchived => Self::bad_request("Template has been deleted"),
            Error::MissingPersonalisation(names) => {
                Self::bad_request(format!("Missing personalisation: {}", names.join(", ")))
            }
            Error::EmptyMessage => Self::bad_request("Your message is empty."),
            Error::FileNotByEmail => Self::bad_request("Can only send a file by email"),
            Error::FilesNotSetUp { settings_page } => Self::bad_request(format!(
                "Send files by email has not been set up - add contact details for your service \
                 at {settings_page}"
            )),
            Error::InvalidFile(error) => Self::validation(error.0),
            Error::FileRefused(text) => Self::bad_request(text),
            Error::NotText => {
                Self::validation(vec!["sanitise_content_for can only name texts".to_owned()])
            }
            Error::SmsSenderNotFound { id, service } => Self::bad_request(format!(
                "sms_sender_id {id} does not exist in database for service id {service}"
            )),
            Error::ReplyToNotFound { id, service } => Self::bad_request(format!(
                "email_reply_to_id {id} does not exist in database for service id {service}"
            )),
            Error::TeamKeyRecipient => {
                Self::bad_request("Can’t send to this recipient using a team-only API key")
            }
            Error::TrialModeRecipient => Self::bad_request(
                "Can’t send to this recipient when service is in trial mode – see \
                 https://www.notifications.service.gov.uk/trial-mode",
            ),
            Error::InternationalNotAllowed => {
                Self::bad_request("Cannot send to international mobile numbers")
            }
            Error::InvalidPhone(error) => {
                Self::v2(StatusCode::BAD_REQUEST, "InvalidPhoneError", error.to_string())
            }
            Error::SmsTooLong { characters } => Self::bad_request(format!(
                "Your message is too long. Text messages cannot be longer than {} characters. \
                 Your message is {characters} characters long.",
                content::sms::MAX_CHARACTERS
            )),
            Error::EmailTooLong { bytes } => Self::bad_request(format!(
                "Your message is too long. Emails cannot be longer than {} bytes. \
                 Your message is {bytes} bytes.",
                content::email::MAX_BYTES
            )),
            Error::BadToken | Error::NotFound => {
                Self::v2(StatusCode::NOT_FOUND, "NoResultFound", "No result found")
            }
            Error::KeyTaken => Self::conflict("Idempotency-Key has been used for another request"),
            Error::NotCancellable => Self::bad_request(
                "Notification cannot be cancelled - only letters and scheduled messages can be \
                 cancelled",
            ),
            Error::AlreadyCancelled(channel) => {
                let what = match channel {
                    NotificationType::Letter => "letter",
                    NotificationType::Sms | NotificationType::Email => "message",
                };
                Self::conflict(format!("This {what} has already been cancelled."))
            }
            Error::TooLateToCancel { printed_on } => {
                let day = printed_on.map_or_else(
                    || "today".to_owned(),
                    |day| format!("on {} {}", day.day(), day.month()),
                );
                Self::conflict(format!(
                    "It’s too late to cancel this letter. Printing started {day} at 5.30pm"
                ))
            }
            Error::OnItsWay(status) => {
                Self::conflict(format!("We could not cancel this notification. Status: {status}"))
            }
            Error::LetterTooLong => Self::bad_request("Your message is too long."),
            Error::QrCodeTooLong(code) => Self::V2 {
                status: StatusCode::BAD_REQUEST,
                errors: vec![Fault {
                    details: Details::QrCode {
                        data: code.data,
                        num_bytes: code.num_bytes,
                        max_bytes: content::letter::MAX_QR_BYTES,
                    },
                    ..Fault::new(
                        "ValidationError",
                        "Cannot create a usable QR code - the link is too long",
                    )
                }],
            },
            Error::BulkNeedsLiveKey => Self::v2(
                StatusCode::FORBIDDEN,
                "BadRequestError",
                "Files of recipients can only be sent with a live api key",
            ),
            Error::BadFile(faults) => {
                let fault = |fault: app::jobs::BulkFault| Fault {
                    details: Details::Cell {
                        code: fault.code,
                        row: fault.row,
                        column: fault.column,
                    },
                    ..Fault::new("ValidationError", fault.message)
                };
                let errors = faults.into_iter().map(fault).collect();
                Self::V2 { status: StatusCode::BAD_REQUEST, errors }
            }
            Error::LetterWithTeamKey => Self::v2(
                StatusCode::FORBIDDEN,
                "BadRequestError",
                "Cannot send letters with a team api key",
            ),
            Error::LetterInTrialMode => Self::v2(
                StatusCode::FORBIDDEN,
                "BadRequestError",
                "Cannot send letters when service is in trial mode",
            ),
            Error::InvalidAddress(error) => Self::validation(vec![error.to_string()]),
            Error::NotBase64 => {
                Self::bad_request("Cannot decode letter content (invalid base64 encoding)")
            }
            Error::NotALetter => Self::bad_request("Notification is not a letter"),
            Error::VirusInLetter => Self::bad_request("File did not pass the virus scan"),
            Error::NoPdf(status) => {
                Self::bad_request(format!("PDF not available for letters in status {status}"))
            }
            Error::PdfNotReady => Self::v2(
                StatusCode::BAD_REQUEST,
                "PDFNotReadyError",
                "PDF not available yet, try again later",
            ),
            Error::Internal(_) => Self::internal(&error),
        }
    }
}

/// The answer where no route is.
pub(crate) async fn no_such_route() -> HttpResponse {
    ApiError::legacy(
        StatusCode::NOT_FOUND,
        "The requested URL was not found on the server. If you entered the URL manually please \
         check your spelling and try again.",
    )
    .error_response()
}

/// The answer where a route is, for other methods; `allow` names those it takes.
pub(crate) fn wrong_method(allow: &'static str) -> HttpResponse {
    let error = ApiError::legacy(
        StatusCode::METHOD_NOT_ALLOWED,
        "The method is not allowed for the requested URL.",
    );
    let mut response = error.error_response();
    response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(allow));
    response
}

/// The answer to a request that took too long, in the shape of its route.
pub(crate) fn timed_out(is_v2: bool) -> ApiError {
    error!("the request took too long");
    let (status, message) = (StatusCode::GATEWAY_TIMEOUT, "Timeout serving request");
    if is_v2 {
        ApiError::v2(status, "SoftEventletTimeout", message)
    } else {
        ApiError::legacy(status, message)
    }
}

/// What is sent over a channel, in words.
fn plural(channel: NotificationType) -> &'static str {
    match channel {
        NotificationType::Sms => "text messages",
        NotificationType::Email => "emails",
        NotificationType::Letter => "letters",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::to_bytes;
    use content::phone::PhoneError;
    use domain::{KeyType, ServiceId, SmsSenderId, service::DailyLimit};
    use serde_json::json;

    async fn body(error: ApiError) -> (u16, Value) {
        let response = error.error_response();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body()).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[actix_web::test]
    async fn refusals_in_the_contracts_words() {
        let service: ServiceId = "3d844edf-8d35-48ac-975b-e847b4f122b0".parse().unwrap();
        let (id, bad) = (SmsSenderId(service.0), "BadRequestError");
        for (refusal, status, error, message) in [
            (
                Error::RateLimited { key_type: KeyType::Normal, per_minute: 3000 },
                429,
                "RateLimitError",
                "Exceeded rate limit for key type LIVE of 3000 requests per 60 seconds",
            ),
            (
                Error::DailyLimit { limit: DailyLimit::InternationalSms, max: 100 },
                429,
                "TooManyRequestsError",
                "Exceeded send limits (international_sms: 100) for today",
            ),
            (
                Error::ChannelNotAllowed(NotificationType::Sms),
                400,
                bad,
                "Service is not allowed to send text messages",
            ),
            (
                Error::WrongTemplateType {
                    template: NotificationType::Email,
                    notification: NotificationType::Sms,
                },
                400,
                bad,
                "email template is not suitable for sms notification",
            ),
            (
                Error::MissingPersonalisation(vec!["a".to_owned(), "b c".to_owned()]),
                400,
                bad,
                "Missing personalisation: a, b c",
            ),
            (
                Error::SmsSenderNotFound { id, service },
                400,
                bad,
                "sms_sender_id 3d844edf-8d35-48ac-975b-e847b4f122b0 does not exist in database \
                 for service id 3d844edf-8d35-48ac-975b-e847b4f122b0",
            ),
            (
                Error::TeamKeyRecipient,
                400,
                bad,
                "Can\u{2019}t send to this recipient using a team-only API key",
            ),
            (
                Error::TrialModeRecipient,
                400,
                bad,
                "Can\u{2019}t send to this recipient when service is in trial mode \u{2013} see \
                 https://www.notifications.service.gov.uk/trial-mode",
            ),
            (
                Error::InvalidPhone(PhoneError::NotAUkMobile),
                400,
                "InvalidPhoneError",
                "Not a UK mobile number",
            ),
            (
                Error::SmsTooLong { characters: 919 },
                400,
                bad,
                "Your message is too long. Text messages cannot be longer than 918 characters. \
                 Your message is 919 characters long.",
            ),
            (
                Error::EmailTooLong { bytes: 2_000_001 },
                400,
                bad,
                "Your message is too long. Emails cannot be longer than 2000000 bytes. \
                 Your message is 2000001 bytes.",
            ),
            (Error::NotFound, 404, "NoResultFound", "No result found"),
        ] {
            let expected = json!({
                "status_code": status, "errors": [{ "error": error, "message": message }],
            });
            assert_eq!(body(refusal.into()).await, (status, expected));
        }
    }

    #[actix_web::test]
    async fn our_own_faults_are_not_told() {
        let fault = || Error::Internal(anyhow::anyhow!("password of the database"));
        let (status, v2) = body(fault().into()).await;
        assert_eq!((status, &v2["errors"][0]["message"]), (500, &json!("Internal server error")));
        assert!(!v2.to_string().contains("password"));
        let legacy = body(ApiError::from(fault()).into_legacy()).await;
        let told = json!({ "result": "error", "message": "Internal server error" });
        assert_eq!(legacy, (500, told));
    }

    #[actix_web::test]
    async fn a_repeated_fault_is_said_once() {
        let faults = ["a", "b", "a"].map(str::to_owned).to_vec();
        let (_, body) = body(ApiError::validation(faults)).await;
        assert_eq!(body["errors"].as_array().unwrap().len(), 2);
    }
}
