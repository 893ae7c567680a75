//! Signed values: what an adopted database holds in its signed columns, and what travels signed
//! through the queues. Anyone can read them; only holders of the key can make them.
//!
//! The format is that of itsdangerous' `URLSafeSerializer` (public API contract §1.5).

use std::{fmt, io::Read};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use flate2::{Compression, read::ZlibDecoder, read::ZlibEncoder};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use sha1::{Digest, Sha1};

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
        let json = serde_json::to_vec(value).map_err(|_| SigningError::BadValue)?;
        let mut packed = Vec::new();
        ZlibEncoder::new(json.as_slice(), Compression::default())
            .read_to_end(&mut packed)
            .map_err(|_| SigningError::BadValue)?;
        let mut text = if packed.len() + 1 < json.len() {
            format!(".{}", BASE64_URL_SAFE_NO_PAD.encode(packed))
        } else {
            BASE64_URL_SAFE_NO_PAD.encode(json)
        };
        let signature = self.0[0].clone().chain_update(&text).finalize().into_bytes();
        text.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut text);
        Ok(text)
    }

    /// The value of a text that [`Signer::sign`] made with one of our keys.
    ///
    /// # Errors
    /// See [`SigningError`].
    pub fn unsign<T: DeserializeOwned>(&self, signed: &str) -> Result<T, SigningError> {
        let (payload, signature) = signed.rsplit_once('.').ok_or(SigningError::BadSignature)?;
        let signature =
            BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| SigningError::BadSignature)?;
        let ours = |mac: &Hmac<Sha1>| mac.clone().chain_update(payload).verify_slice(&signature);
        if !self.0.iter().any(|mac| ours(mac).is_ok()) {
            return Err(SigningError::BadSignature);
        }
        let decode = |text| BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| SigningError::BadValue);
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
}
