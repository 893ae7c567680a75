//! The buckets, opened when first used.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use opendal::{
    HttpTransporter, OperationContext, Operator,
    layers::{RetryLayer, TimeoutLayer},
    services::{Fs, S3},
};
use opendal_http_transport_reqwest::ReqwestTransport;
use secrecy::ExposeSecret;
use strum::EnumCount;

use super::{Bucket, Location, ObjectsConfig, error};
use crate::{ConfigError, Error, http};

/// One operator for each bucket; and, in a folder, one for its metadata.
#[derive(Clone)]
pub(super) struct Operators(Arc<Inner>);

struct Inner {
    config: ObjectsConfig,
    context: OperationContext,
    opened: [OnceLock<(Operator, Option<Operator>)>; Bucket::COUNT],
}

impl Operators {
    pub(super) fn new(config: &ObjectsConfig) -> Result<Self, ConfigError> {
        let client = http::client(config.s3_timeout)
            .map_err(|error| ConfigError::new("The HTTP client for S3", error))?;
        let transport = HttpTransporter::new(ReqwestTransport::new(client));
        Ok(Self(Arc::new(Inner {
            config: config.clone(),
            context: OperationContext::new().with_http_transport(transport),
            opened: Default::default(),
        })))
    }

    /// Whether a bucket has a name, without which it cannot be opened.
    pub(super) fn has(&self, bucket: Bucket) -> bool {
        self.0.config.name(bucket).is_some()
    }

    /// A bucket, and where the metadata of its objects is if not there.
    pub(super) fn open(&self, bucket: Bucket) -> Result<(Operator, Option<Operator>), Error> {
        let cell = &self.0.opened[bucket as usize];
        if let Some(opened) = cell.get() {
            return Ok(opened.clone());
        }
        let opened = self.0.build(bucket)?;
        Ok(cell.get_or_init(|| opened).clone())
    }
}

impl Inner {
    fn build(&self, bucket: Bucket) -> Result<(Operator, Option<Operator>), Error> {
        let name = self.config.name(bucket).ok_or_else(|| Error::Permanent {
            reason: format!("the bucket {bucket} has no name: see S3_BUCKET_… of --help"),
        })?;
        let place = bucket.at("");
        let opened = match &self.config.objects {
            Location::Folder(root) => folder(root, name)
                .and_then(|bodies| Ok((bodies, Some(folder(root, &format!("{name}.metadata"))?)))),
            Location::S3 => self.s3(name, self.config.s3_endpoint.as_ref().map(url::Url::as_str)),
            Location::Endpoint(url) => self.s3(name, Some(url.as_str())),
        };
        opened.map_err(|source| error::failed(&place, source))
    }

    fn s3(
        &self,
        name: &str,
        endpoint: Option<&str>,
    ) -> Result<(Operator, Option<Operator>), opendal::Error> {
        let config = &self.config;
        let mut s3 = S3::default().bucket(name).region(&config.s3_region);
        s3 = match endpoint {
            Some(endpoint) => s3.endpoint(endpoint),
            // What others call S3 may not know the word; S3 itself encrypts either way.
            None => s3.server_side_encryption_with_s3_key(),
        };
        if let (Some(key), Some(secret)) = (&config.s3_access_key_id, &config.s3_secret_access_key)
        {
            s3 = s3
                .access_key_id(key.expose_secret())
                .secret_access_key(secret.expose_secret())
                .disable_config_load();
            if let Some(token) = &config.s3_session_token {
                s3 = s3.session_token(token.expose_secret());
            }
        }
        let retry = RetryLayer::new()
            .with_max_times(2)
            .with_min_delay(Duration::from_millis(100))
            .with_jitter();
        let timeout =
            TimeoutLayer::new().with_timeout(config.s3_timeout).with_io_timeout(config.s3_timeout);
        let operator = Operator::new(s3)?.with_context(self.context.clone());
        Ok((operator.layer(timeout).layer(retry), None))
    }
}

/// A folder below `root`. Files appear in it whole or not at all.
fn folder(root: &str, name: &str) -> Result<Operator, opendal::Error> {
    let root = root.trim_end_matches('/');
    Operator::new(
        Fs::default()
            .root(&format!("{root}/{name}"))
            .atomic_write_dir(&format!("{root}/.being-written")),
    )
}
