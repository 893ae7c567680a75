//! Counting requests to send, and telling clients with every answer how many more they may make.
//!
//! The headers are those of the IETF draft `ratelimit-headers` up to its sixth version, in seconds from
//! now: unlike the `X-` ones they have one meaning, and unlike the draft's later single header the
//! libraries of clients read them.

use actix_web::{
    HttpMessage,
    body::BoxBody,
    dev::ServiceResponse,
    http::{
        StatusCode,
        header::{HeaderName, HeaderValue, RETRY_AFTER},
    },
};
use app::{App, Caller, Error};
use domain::{NotificationType, rate::Bucket};
use serde_json::{Value, json};
use time::Duration;

use crate::http::{ServiceCaller, app};

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// The headers of answers, as OpenAPI describes them.
const DESCRIBED: [(&str, &str); 3] = [
    ("RateLimit-Limit", "Messages that may be sent at once"),
    ("RateLimit-Remaining", "Messages that may still be sent at once"),
    ("RateLimit-Reset", "Seconds until all of them may be sent again"),
];

/// Them, once for the whole OpenAPI document.
pub(crate) fn components() -> Value {
    DESCRIBED
        .map(|(name, description)| (name.to_owned(), header(description)))
        .into_iter()
        .collect()
}

/// Them, as every answer names them.
pub(crate) fn headers() -> Value {
    let named = |name| json!({ "$ref": format!("#/components/headers/{name}") });
    DESCRIBED.map(|(name, _)| (name.to_owned(), named(name))).into_iter().collect()
}

/// The header of a 429.
pub(crate) fn retry_header() -> Value {
    header("Seconds to wait")
}

fn header(description: &str) -> Value {
    json!({ "description": description, "schema": { "type": "integer", "minimum": 0 } })
}

/// What the answer to a counted request tells.
struct Counted {
    /// `None` where no limit is kept.
    bucket: Option<Bucket>,
    /// When to come again after a 429.
    retry_after_seconds: u64,
}

impl ServiceCaller {
    /// Counts the request, and looks whether the day has room for one more message of a channel. The answer, whatever
    /// it is, then says how many more requests there may be.
    ///
    /// # Errors
    /// [`Error::RateLimited`], [`Error::DailyLimit`].
    pub(crate) async fn throttle(
        &self,
        app: &App,
        channel: Option<NotificationType>,
    ) -> Result<(), Error> {
        let (bucket, outcome) = app.throttle(&self.caller, channel).await;
        let retry_after_seconds = match (&outcome, bucket) {
            (Err(Error::RateLimited { .. }), Some(bucket)) => bucket.serves_in_seconds(),
            // The day's room is that of a day of UTC.
            _ => {
                let now = app.clock().now();
                let tomorrow = now.replace_time(time::Time::MIDNIGHT) + Duration::DAY;
                (tomorrow - now).whole_seconds().unsigned_abs() + 1
            }
        };
        self.request.extensions_mut().insert(Counted { bucket, retry_after_seconds });
        outcome
    }
}

/// The answer with what it tells of the limits, if it is known who asked.
pub(crate) async fn told(mut response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let request = response.request().clone();
    let counted = request.extensions_mut().remove::<Counted>();
    let caller = request.extensions_mut().remove::<Caller>();
    let bucket = match (&counted, caller) {
        (Some(counted), _) => counted.bucket,
        (None, Some(caller)) => app(&request).bucket(&caller).await,
        (None, None) => None,
    };
    let is_refused = response.status() == StatusCode::TOO_MANY_REQUESTS;
    let headers = response.headers_mut();
    if let Some(bucket) = bucket {
        headers.insert(LIMIT, HeaderValue::from(bucket.size));
        headers.insert(REMAINING, HeaderValue::from(bucket.left));
        headers.insert(RESET, HeaderValue::from(bucket.full_in_seconds()));
    }
    if let Some(counted) = counted.filter(|_| is_refused) {
        headers.insert(RETRY_AFTER, HeaderValue::from(counted.retry_after_seconds));
    }
    response
}
