//! Signed values: what an adopted database holds in its signed columns, and what travels signed
//! through the queues. Anyone can read them; only holders of the key can make them.
//!
//! The format is that of itsdangerous' `URLSafeSerializer` (public API contract §1.5); tokens, which
//! have a time in them, are those of its `URLSafeTimedSerializer` (content contract §14).

use std::{fmt, io::Read};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use flate2::{Compression, read::ZlibDecoder, read::ZlibEncoder};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use sha1::{Digest, Sha1};
use sha2::Sha256;
use time::{Duration, OffsetDateTime};

use crate::webhooks::Secret;

/// The most that a compressed value may unpack to, in bytes: far above any message we accept.
const LARGEST_VALUE_BYTES: u64 = 16 << 20;

/// Why a signed value was not accepted. Never says what it held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// There is no signature, or none of our keys made it.
    #[error("the signature is not ours")]
    BadSignature,
    /// The signature is ours, the value is not what we expected it to be.
    #[error("the signed value cannot be read")]
    BadValue,
    /// The signature is ours and too old.
    #[error("the signature has expired")]
    Expired,
}

/// Signs and checks values. The first key signs, every key is accepted, so keys can be rotated.
#[derive(Clone)]
pub struct Signer(Vec<Hmac<Sha1>>);

impl Signer {
    /// Takes the keys, newest first, and the salt (`SECRET_KEY`, `DANGEROUS_SALT`).
    ///
    /// # Errors
    /// [`SigningError::BadSignature`] when there is no key at all.
    pub fn new(keys: &[SecretString], salt: &SecretString) -> Result<Self, SigningError> {
        if keys.is_empty() {
            return Err(SigningError::BadSignature);
        }
        let mac = |key: &SecretString| {
            let derived = Sha1::new()
                .chain_update(salt.expose_secret())
                .chain_update("signer")
                .chain_update(key.expose_secret())
                .finalize();
            Hmac::new_from_slice(&derived).expect("HMAC takes keys of any length")
        };
        Ok(Self(keys.iter().map(mac).collect()))
    }

    /// The value as signed text: `payload.signature`, safe in URLs.
    ///
    /// # Errors
    /// [`SigningError::BadValue`] when it cannot be written as JSON.
    pub fn sign(&self, value: &(impl Serialize + ?Sized)) -> Result<String, SigningError> {
        Ok(self.add_signature(to_payload(value)?))
    }

    /// The value as a token for links in emails, which can be read for some time after `now`.
    ///
    /// # Errors
    /// [`SigningError::BadValue`] when it cannot be written as JSON.
    pub fn token(
        &self,
        value: &(impl Serialize + ?Sized),
        now: OffsetDateTime,
    ) -> Result<String, SigningError> {
        let mut text = to_payload(value)?;
        let seconds = now.unix_timestamp().to_be_bytes();
        let leading_zeros = seconds.iter().take_while(|byte| **byte == 0).count();
        text.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(&seconds[leading_zeros..], &mut text);
        // Some mail programs take a full stop for the end of the link.
        Ok(self.add_signature(text).replace('.', "%2E"))
    }

    /// The value of a text that [`Signer::sign`] made with one of our keys.
    ///
    /// # Errors
    /// See [`SigningError`].
    pub fn unsign<T: DeserializeOwned>(&self, signed: &str) -> Result<T, SigningError> {
        from_payload(self.without_signature(signed)?)
    }

    /// The value of a token that [`Signer::token`] made, if it is at most `max_age` old at `now`.
    ///
    /// # Errors
    /// See [`SigningError`].
    pub fn read_token<T: DeserializeOwned>(
        &self,
        token: &str,
        max_age: Duration,
        now: OffsetDateTime,
    ) -> Result<T, SigningError> {
        let token = token.replace("%2E", ".");
        let (payload, seconds) = self
            .without_signature(&token)?
            .rsplit_once('.')
            .filter(|(payload, _)| !payload.is_empty())
            .ok_or(SigningError::BadSignature)?;
        let seconds = decode(seconds)?;
        let seconds = seconds.iter().try_fold(0_i64, |sum, byte| {
            sum.checked_mul(256).map(|sum| sum | i64::from(*byte)).ok_or(SigningError::BadValue)
        })?;
        let signed_at = OffsetDateTime::from_unix_timestamp(seconds);
        let age = now - signed_at.map_err(|_| SigningError::BadValue)?;
        // The time has no fraction; nor has the age, then.
        if age < -Duration::SECOND || age.whole_seconds() > max_age.whole_seconds() {
            return Err(SigningError::Expired);
        }
        from_payload(payload)
    }

    /// What signs the callbacks to this address with this bearer token: a secret for each key, the newest
    /// first. It follows from them, so nothing is stored, and a new token is a new secret.
    #[must_use]
    pub fn webhook_secrets(&self, url: &str, bearer_token: &str) -> Vec<Secret> {
        let secret = |mac: &Hmac<Sha1>| {
            // No signed text has a null character, so no signature is ever one of these.
            let mac = mac.clone().chain_update(format!("webhook\0{url}\0{bearer_token}"));
            Secret(Sha256::digest(mac.finalize().into_bytes()).into())
        };
        self.0.iter().map(secret).collect()
    }

    fn add_signature(&self, mut text: String) -> String {
        let signature = self.0[0].clone().chain_update(&text).finalize().into_bytes();
        text.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut text);
        text
    }

    fn without_signature<'a>(&self, signed: &'a str) -> Result<&'a str, SigningError> {
        let (text, signature) = signed.rsplit_once('.').ok_or(SigningError::BadSignature)?;
        let signature = decode(signature).map_err(|_| SigningError::BadSignature)?;
        let ours = |mac: &Hmac<Sha1>| mac.clone().chain_update(text).verify_slice(&signature);
        if self.0.iter().any(|mac| ours(mac).is_ok()) {
            Ok(text)
        } else {
            Err(SigningError::BadSignature)
        }
    }
}

/// The value as JSON, compressed where that makes it shorter, in letters that URLs may hold.
fn to_payload(value: &(impl Serialize + ?Sized)) -> Result<String, SigningError> {
    let json = serde_json::to_vec(value).map_err(|_| SigningError::BadValue)?;
    let mut packed = Vec::new();
    ZlibEncoder::new(json.as_slice(), Compression::default())
        .read_to_end(&mut packed)
        .map_err(|_| SigningError::BadValue)?;
    Ok(if packed.len() + 1 < json.len() {
        format!(".{}", BASE64_URL_SAFE_NO_PAD.encode(packed))
    } else {
        BASE64_URL_SAFE_NO_PAD.encode(json)
    })
}

fn from_payload<T: DeserializeOwned>(payload: &str) -> Result<T, SigningError> {
    let json = match payload.strip_prefix('.') {
        None => decode(payload)?,
        Some(packed) => {
            let packed = decode(packed)?;
            let mut json = Vec::new();
            ZlibDecoder::new(packed.as_slice())
                .take(LARGEST_VALUE_BYTES)
                .read_to_end(&mut json)
                .map_err(|_| SigningError::BadValue)?;
            json
        }
    };
    serde_json::from_slice(&json).map_err(|_| SigningError::BadValue)
}

fn decode(text: &str) -> Result<Vec<u8>, SigningError> {
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| SigningError::BadValue)
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use time::macros::datetime;

    fn signer(keys: &[&str]) -> Signer {
        let keys: Vec<SecretString> = keys.iter().map(|k| (*k).into()).collect();
        Signer::new(&keys, &"test-salt".into()).unwrap()
    }

    #[test]
    fn agrees_with_the_vectors() {
        let signer = signer(&["test-secret"]);
        for (value, signed) in [
            (
                json!("3d844edf-8d35-48ac-975b-e847b4f122b0"),
                "IjNkODQ0ZWRmLThkMzUtNDhhYy05NzViLWU4NDdiNGYxMjJiMCI._XbIKdOdcOR0WeOJxxIlcOrW_ns",
            ),
            (json!({}), "e30.0eS6GVdbCpx01pVSR5YzxOw7PAU"),
        ] {
            assert_eq!(signer.sign(&value).unwrap(), signed);
            assert_eq!(signer.unsign::<Value>(signed), Ok(value));
        }
    }

    #[test]
    fn long_values_are_packed_and_come_back() {
        let value = json!({ "name": "é".repeat(5000) });
        let signed = signer(&["a"]).sign(&value).unwrap();
        assert!(signed.starts_with('.') && signed.len() < 200, "{}", signed.len());
        assert_eq!(signer(&["a"]).unsign::<Value>(&signed), Ok(value));
    }

    #[test]
    fn an_old_key_is_still_accepted_and_a_foreign_one_is_not() {
        let signed = signer(&["old"]).sign("x").unwrap();
        assert_eq!(signer(&["new", "old"]).unsign::<String>(&signed), Ok("x".into()));
        assert_eq!(signer(&["new"]).unsign::<String>(&signed), Err(SigningError::BadSignature));
        for text in ["", ".", "a.b", "e30", "e30.0eS6GVdbCpx01pVSR5YzxOw7PAU="] {
            assert!(signer(&["test-secret"]).unsign::<Value>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn each_callback_has_secrets_of_its_own_one_for_each_key() {
        let of = |keys: &[&str], url: &str, token: &str| -> Vec<String> {
            signer(keys).webhook_secrets(url, token).iter().map(Secret::to_text).collect()
        };
        let secrets = of(&["new", "old"], "https://a.example", "token");
        assert_eq!(secrets.len(), 2);
        assert_eq!(of(&["old"], "https://a.example", "token"), secrets[1..]);
        assert_ne!(secrets[0], secrets[1]);
        assert_ne!(of(&["new"], "https://a.example", "other"), secrets[..1]);
        assert_ne!(of(&["new"], "https://b.example", "token"), secrets[..1]);
    }

    #[test]
    fn tokens_can_be_read_for_a_while() {
        let keys: Vec<SecretString> = vec!["vector-secret".into()];
        let signer = Signer::new(&keys, &"vector-salt".into()).unwrap();
        let now = datetime!(2024-07-14 10:00 UTC);
        let token = signer.token("jo@example.gov.uk", now).unwrap();
        assert_eq!(token, "ImpvQGV4YW1wbGUuZ292LnVrIg%2EZpOhoA%2EaRs4TDIeoiFs3EQfF7_oifcR2Ec");
        let hour = Duration::HOUR;
        let read = |token: &str, now| signer.read_token::<String>(token, hour, now);
        assert_eq!(read(&token, now + hour), Ok("jo@example.gov.uk".to_owned()));
        assert_eq!(read(&token.replace("%2E", "."), now), read(&token, now));
        assert_eq!(read(&token, now + hour + Duration::SECOND), Err(SigningError::Expired));
        assert_eq!(read(&token, now - hour), Err(SigningError::Expired));
        let signed = signer.sign("jo@example.gov.uk").unwrap();
        assert_eq!(read(&signed, now), Err(SigningError::BadSignature));
        let long = signer.token(&"x".repeat(500), now).unwrap();
        assert_eq!(read(&long, now), Ok("x".repeat(500)));
    }
}
