//! Signatures of requests to Amazon's services (version 4).

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use domain::Clock;
use reqwest::{RequestBuilder, header::CONTENT_TYPE};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::{BoxError, Error};

/// Signs requests to one service in one region.
pub(crate) struct Signer {
    service: &'static str,
    region: String,
    credentials: Credentials,
    clock: Clock,
}

impl Signer {
    /// `keys` are the access key, its secret and, if the key is a temporary one, its session token.
    pub(crate) fn new(
        service: &'static str,
        region: &str,
        keys: (&SecretString, &SecretString, Option<&SecretString>),
        clock: Clock,
    ) -> Self {
        let (key, secret, token) = keys;
        let credentials = Credentials::new(
            key.expose_secret(),
            secret.expose_secret(),
            token.map(|token| token.expose_secret().to_owned()),
            None,
            "postroom",
        );
        Self { service, region: region.to_owned(), credentials, clock }
    }

    /// The POST with its signature, type and body.
    ///
    /// # Errors
    /// [`Error::Temporary`] when the request cannot be signed. Nothing has been sent then.
    pub(crate) fn sign(
        &self,
        request: RequestBuilder,
        url: &Url,
        content_type: &str,
        body: String,
    ) -> Result<RequestBuilder, Error> {
        self.try_sign(request, url, content_type, body).map_err(|source| Error::Temporary {
            what: "The request could not be signed",
            maybe_taken: false,
            throttled: false,
            source: Some(source),
        })
    }

    fn try_sign(
        &self,
        mut request: RequestBuilder,
        url: &Url,
        content_type: &str,
        body: String,
    ) -> Result<RequestBuilder, BoxError> {
        let identity = self.credentials.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service)
            .time(SystemTime::from(self.clock.now()))
            .settings(SigningSettings::default())
            .build()?
            .into();
        let content_type = (CONTENT_TYPE.as_str(), content_type);
        let signable = SignableRequest::new(
            "POST",
            url.as_str(),
            [content_type].into_iter(),
            SignableBody::Bytes(body.as_bytes()),
        )?;
        let (instructions, _) = sign(signable, &params)?.into_parts();
        for (name, value) in instructions.headers().chain([content_type]) {
            request = request.header(name, value);
        }
        Ok(request.body(body))
    }
}
