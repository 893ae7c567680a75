//! Signatures of callbacks in the format of [Standard Webhooks](https://www.standardwebhooks.com):
//! symmetric, version 1.

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use time::OffsetDateTime;

/// What a service checks signatures with. Says nothing in logs: it has no `Debug`.
#[derive(Clone)]
pub struct Secret(pub(crate) [u8; 32]);

impl Secret {
    /// As the libraries that check signatures want it.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("whsec_{}", BASE64_STANDARD.encode(self.0))
    }

    fn signature(&self, id: &str, timestamp: i64, body: &str) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        let mac = mac.chain_update(format!("{id}.{timestamp}.")).chain_update(body);
        format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The headers of a callback that is posted now. `id` is the same in every attempt; there is a signature
/// for each secret.
#[must_use]
pub fn headers(
    secrets: &[Secret],
    id: &str,
    now: OffsetDateTime,
    body: &str,
) -> [(&'static str, String); 3] {
    let timestamp = now.unix_timestamp();
    let signatures: Vec<String> =
        secrets.iter().map(|secret| secret.signature(id, timestamp, body)).collect();
    [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", timestamp.to_string()),
        ("webhook-signature", signatures.join(" ")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    /// Computed with Python's `hmac`, as the specification describes it.
    #[test]
    fn agrees_with_the_specification() {
        let secret = Secret(*b"0123456789abcdef0123456789abcdef");
        assert_eq!(secret.to_text(), "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
        let now = datetime!(2026-11-24 12:00:00.9 UTC);
        let [id, timestamp, signature] =
            headers(&[secret.clone(), secret], "msg_1", now, r#"{"a":"é"}"#);
        assert_eq!(id, ("webhook-id", "msg_1".to_owned()));
        assert_eq!(timestamp, ("webhook-timestamp", "1795521600".to_owned()));
        let one = "v1,iw3W7fMntPprZso6XR09QiGxrqmU6jWit1RHYdsssuk=";
        assert_eq!(signature, ("webhook-signature", format!("{one} {one}")));
    }
}
