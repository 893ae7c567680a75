//! What clients are told when something is refused or goes wrong: the one place where refusals
//! become status codes and the contract's words (public API contract §0.2-0.4, §2.5).

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use app::Error;
use domain::NotificationType;
use serde_json::{Value, json};
use tracing::error;

use crate::auth::AuthError;

/// An answer that is not a success, in one of the two shapes that clients know.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// Below `/v2`: `{"status_code", "errors": [{"error", "message"}]}`.
    V2 { status: StatusCode, errors: Vec<(&'static str, String)> },
    /// Everywhere else: `{"result": "error", "message"}`.
    Legacy { status: StatusCode, message: Value },
}

impl ApiError {
    pub(crate) fn v2(status: StatusCode, error: &'static str, message: impl Into<String>) -> Self {
        Self::V2 { status, errors: vec![(error, message.into())] }
    }

    pub(crate) fn legacy(status: StatusCode, message: impl Into<Value>) -> Self {
        Self::Legacy { status, message: message.into() }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::v2(StatusCode::BAD_REQUEST, "BadRequestError", message)
    }

    /// The faults of a request's body, path or query; a repeated one is said once.
    pub(crate) fn validation(messages: Vec<String>) -> Self {
        let mut errors: Vec<(&'static str, String)> = Vec::new();
        for message in messages {
            if !errors.iter().any(|(_, said)| *said == message) {
                errors.push(("ValidationError", message));
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
                let message = errors.into_iter().next().map(|(_, message)| message);
                Self::legacy(status, message.unwrap_or_default())
            }
            legacy => legacy,
        }
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
        let body = match self {
            Self::V2 { status, errors } => {
                let errors: Vec<Value> = errors
                    .iter()
                    .map(|(error, message)| json!({ "error": error, "message": message }))
                    .collect();
                json!({ "errors": errors, "status_code": status.as_u16() })
            }
            Self::Legacy { message, .. } => json!({ "message": message, "result": "error" }),
        };
        HttpResponse::build(self.status_code()).json(body)
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::FORBIDDEN);
        Self::v2(status, "AuthError", error.message())
    }
}

impl From<Error> for ApiError {
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
                let channel = match channel {
                    NotificationType::Sms => "text messages",
                    NotificationType::Email => "emails",
                    NotificationType::Letter => "letters",
                };
                Self::bad_request(format!("Service is not allowed to send {channel}"))
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
            Error::FilesNotAvailable => Self::v2(
                StatusCode::NOT_IMPLEMENTED,
                "NotImplementedError",
                "Sending files by email is not available here",
            ),
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
            Error::NotFound => Self::v2(StatusCode::NOT_FOUND, "NoResultFound", "No result found"),
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
    let (status, message) = (StatusCode::GATEWAY_TIMEOUT, "Timeout serving request");
    if is_v2 {
        ApiError::v2(status, "SoftEventletTimeout", message)
    } else {
        ApiError::legacy(status, message)
    }
}
