//! The one way this system makes HTTP clients.

use std::{num::ParseIntError, time::Duration};

use reqwest::{
    Client, ClientBuilder, RequestBuilder, Response, StatusCode,
    header::{HeaderMap, HeaderName},
    redirect::Policy,
};

use crate::Error;

/// More of an answer than this is not read. Providers answer in a few hundred bytes.
const ANSWER_LIMIT_BYTES: usize = 64 * 1024;

/// A client that follows redirects as browsers do. See [`builder`].
///
/// # Errors
/// When the machine has no usable TLS roots.
pub fn client(timeout: Duration) -> Result<Client, reqwest::Error> {
    builder(timeout).build()
}

/// A client builder with this system's settings. Clients pool connections: make one per purpose
/// and keep it.
///
/// `timeout` limits the connection and, separately, the whole exchange. Dead peers are noticed
/// within 20 seconds by TCP keep-alive, so that a pooled connection does not cost a message its
/// first attempt.
pub fn builder(timeout: Duration) -> ClientBuilder {
    // Two providers could be linked in; rustls then refuses to guess. Only the first call installs.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(concat!("postroom/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(timeout)
        .timeout(timeout)
        .redirect(Policy::limited(10))
        .tcp_nodelay(true)
        .tcp_keepalive(Duration::from_secs(4))
        .tcp_keepalive_interval(Duration::from_secs(2))
        .tcp_keepalive_retries(8)
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
    headers: HeaderMap,
}

impl Answer {
    /// A header's value, if it is there and plain text.
    pub(crate) fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Sends the request and reads the whole answer, of any status.
///
/// # Errors
/// [`Error::Temporary`] when no whole answer came in time or it is unreasonably long.
pub(crate) async fn exchange(request: RequestBuilder) -> Result<Answer, Error> {
    let mut response = request.send().await?;
    Ok(Answer {
        status: response.status(),
        headers: std::mem::take(response.headers_mut()),
        body: read(response).await?,
    })
}

/// Reads the body of an answer.
///
/// # Errors
/// As [`exchange`].
pub(crate) async fn read(mut response: Response) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > ANSWER_LIMIT_BYTES {
            return Err(Error::Temporary {
                what: "The answer is too long",
                maybe_taken: true,
                throttled: false,
                source: None,
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Reads a setting in milliseconds.
pub(crate) fn milliseconds(text: &str) -> Result<Duration, ParseIntError> {
    text.parse().map(Duration::from_millis)
}
