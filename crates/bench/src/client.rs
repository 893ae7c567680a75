//! A thin client of the public API: one open connection, a fresh token for each request.

use anyhow::{Context, ensure};
use bytes::Bytes;
use domain::Clock;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, StatusCode,
    client::conn::http1::{self, SendRequest},
    header,
};
use hyper_util::rt::TokioIo;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use serde_json::json;
use tokio::net::TcpStream;
use url::Url;

use crate::email;

/// The recipient: one that is neither simulated by the API nor special to the stub.
const RECIPIENT: &str = "07700900123";

/// Makes requests as one service.
pub struct Client {
    api: Url,
    authority: String,
    service_id: String,
    secret: EncodingKey,
    template_id: String,
    clock: Clock,
}

/// One request, ready to be sent.
pub type ApiRequest = Request<Full<Bytes>>;

/// The claims of a token.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    iat: i64,
}

impl Client {
    /// A client that uses `api_key`: `{name}-{service id}-{secret}`, both ids 36 characters.
    ///
    /// # Errors
    /// When the key or the URL does not have its form.
    pub fn new(
        api_url: &str,
        api_key: &str,
        template_id: &str,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        let api = Url::parse(api_url).context("API_URL")?;
        ensure!(api.scheme() == "http", "API_URL: only http:// can be measured");
        let split = |from_end: usize| api_key.len().checked_sub(from_end);
        let part = |from: usize, to: usize| api_key.get(split(from)?..split(to)?);
        let (service_id, secret) =
            part(73, 37).zip(part(36, 0)).context("API_KEY: not an API key")?;
        Ok(Self {
            authority: api.authority().to_owned(),
            api,
            service_id: service_id.to_owned(),
            secret: EncodingKey::from_secret(secret.as_bytes()),
            template_id: template_id.to_owned(),
            clock,
        })
    }

    /// `POST /v2/notifications/sms`, with `reference` as the client's own.
    ///
    /// # Errors
    /// When the request cannot be made.
    pub fn post_sms(&self, reference: &str) -> anyhow::Result<ApiRequest> {
        let body = json!({
            "phone_number": RECIPIENT,
            "template_id": self.template_id,
            "personalisation": {"name": "Ada"},
            "reference": reference,
        });
        self.request("POST", "/v2/notifications/sms")?
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(body.to_string()))
            .context("making a request")
    }

    /// `POST /v2/notifications/email` of [`email`], with `reference` as the client's own.
    ///
    /// # Errors
    /// When the request cannot be made.
    pub fn post_email(&self, template_id: &str, reference: &str) -> anyhow::Result<ApiRequest> {
        let body = json!({
            "email_address": "ada.lovelace@example.com",
            "template_id": template_id,
            "personalisation": email::personalisation(),
            "reference": reference,
        });
        self.request("POST", "/v2/notifications/email")?
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(body.to_string()))
            .context("making a request")
    }

    /// `POST /v2/template/{id}/preview` of [`email`].
    ///
    /// # Errors
    /// When the request cannot be made.
    pub fn preview(&self, template_id: &str) -> anyhow::Result<ApiRequest> {
        let body = json!({ "personalisation": email::personalisation() });
        self.request("POST", &format!("/v2/template/{template_id}/preview"))?
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(body.to_string()))
            .context("making a request")
    }

    /// `GET /v2/notifications`: the newest, or those before one.
    ///
    /// # Errors
    /// When the request cannot be made.
    pub fn list(&self, older_than: Option<&str>) -> anyhow::Result<ApiRequest> {
        let query = older_than.map(|id| format!("?older_than={id}")).unwrap_or_default();
        self.request("GET", &format!("/v2/notifications{query}"))?
            .body(Full::default())
            .context("making a request")
    }

    /// A text message that is refused: it lacks all that is required.
    ///
    /// # Errors
    /// When the request cannot be made.
    pub fn post_nothing(&self) -> anyhow::Result<ApiRequest> {
        self.request("POST", "/v2/notifications/sms")?
            .body(Full::from("{}"))
            .context("making a request")
    }

    /// `GET /v2/notifications/{id}`.
    ///
    /// # Errors
    /// When the request cannot be made.
    pub fn get_notification(&self, id: &str) -> anyhow::Result<ApiRequest> {
        self.request("GET", &format!("/v2/notifications/{id}"))?
            .body(Full::default())
            .context("making a request")
    }

    fn request(&self, method: &str, path: &str) -> anyhow::Result<hyper::http::request::Builder> {
        let claims = Claims { iss: &self.service_id, iat: self.clock.now().unix_timestamp() };
        let header = Header::new(Algorithm::HS256);
        let token =
            jsonwebtoken::encode(&header, &claims, &self.secret).context("signing a token")?;
        Ok(Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.authority)
            .header(header::AUTHORIZATION, format!("Bearer {token}")))
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// When the API cannot be reached.
    pub async fn connect(&self) -> anyhow::Result<Connection> {
        let addresses = self.api.socket_addrs(|| None).context("API_URL")?;
        let stream = TcpStream::connect(&*addresses).await.context("connecting to the API")?;
        stream.set_nodelay(true)?;
        let (sender, driver) = http1::handshake(TokioIo::new(stream)).await?;
        // How it ends is seen by the request that is under way.
        tokio::spawn(driver);
        Ok(Connection(sender))
    }
}

/// One open connection, for one request at a time.
pub struct Connection(SendRequest<Full<Bytes>>);

impl Connection {
    /// Sends a request and takes the whole answer.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn send(&mut self, request: ApiRequest) -> anyhow::Result<(StatusCode, Bytes)> {
        self.0.ready().await.context("the API closed the connection")?;
        let response = self.0.send_request(request).await.context("sending a request")?;
        let status = response.status();
        let body = response.into_body().collect().await.context("reading an answer")?;
        Ok((status, body.to_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "7db01b2c-0f3a-4d5e-8a9b-000000000002";

    #[test]
    fn a_key_is_read_from_its_end() {
        let key = |text: &str| Client::new("http://localhost:1", text, ID, Clock::system());
        let secret = "0".repeat(36);
        assert_eq!(key(&format!("a-name-{ID}-{secret}")).unwrap().service_id, ID);
        assert!(key(&secret).is_err());
        assert!(key(&"é".repeat(60)).is_err());
    }
}
