//! Fernet tokens: short texts, encrypted and dated, for links that leave the system. The admin app
//! holds the same key (public API contract §1.5, internal API contract §5).

use std::fmt;

use aes::Aes128;
use base64::{Engine, prelude::BASE64_URL_SAFE};
use cbc::cipher::{BlockDecryptMut, BlockEncryptMut, KeyIvInit, block_padding::Pkcs7};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use time::{Duration, OffsetDateTime};

/// The first byte of every token.
const VERSION: u8 = 0x80;

/// Version, time and initialisation vector.
const HEAD_BYTES: usize = 1 + 8 + 16;

/// Bytes of the signature at a token's end.
const MAC_BYTES: usize = 32;

/// How much later than we a clock that made a token may be.
const CLOCK_SKEW: Duration = Duration::seconds(60);

/// Why a token was not accepted. Never says what it held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FernetError {
    /// The key is not 32 bytes in URL-safe base64.
    #[error("not a Fernet key: 32 bytes in URL-safe base64")]
    BadKey,
    /// This is no token, or another key made it.
    #[error("the token is not ours")]
    BadToken,
    /// It is ours and too old.
    #[error("the token has expired")]
    Expired,
}

/// Makes and reads tokens with one key.
#[derive(Clone)]
pub struct Fernet {
    signing: Hmac<Sha256>,
    encryption: [u8; 16],
}

impl Fernet {
    /// Takes the key (`TOKEN_SECRET_KEY`): its first half signs, its second half encrypts.
    ///
    /// # Errors
    /// [`FernetError::BadKey`].
    pub fn new(key: &SecretString) -> Result<Self, FernetError> {
        let key = BASE64_URL_SAFE.decode(key.expose_secret()).map_err(|_| FernetError::BadKey)?;
        let (signing, encryption) = key.split_at_checked(16).ok_or(FernetError::BadKey)?;
        Ok(Self {
            signing: Hmac::new_from_slice(signing).expect("HMAC takes keys of any length"),
            encryption: encryption.try_into().map_err(|_| FernetError::BadKey)?,
        })
    }

    /// A token of `text`, made now. `iv` must be random, and another one for each token.
    #[must_use]
    pub fn token(&self, text: &str, now: OffsetDateTime, iv: [u8; 16]) -> String {
        let mut token = vec![VERSION];
        token.extend(now.unix_timestamp().to_be_bytes());
        token.extend(iv);
        let cipher = cbc::Encryptor::<Aes128>::new(&self.encryption.into(), &iv.into());
        token.extend(cipher.encrypt_padded_vec_mut::<Pkcs7>(text.as_bytes()));
        let signature = self.signing.clone().chain_update(&token).finalize().into_bytes();
        token.extend(signature);
        BASE64_URL_SAFE.encode(token)
    }

    /// The text of a token that is at most `max_age` old.
    ///
    /// # Errors
    /// [`FernetError::BadToken`], [`FernetError::Expired`].
    pub fn read(
        &self,
        token: &str,
        max_age: Duration,
        now: OffsetDateTime,
    ) -> Result<String, FernetError> {
        const BAD: FernetError = FernetError::BadToken;
        let token = BASE64_URL_SAFE.decode(token).map_err(|_| BAD)?;
        let signed = token.len().checked_sub(MAC_BYTES).filter(|len| *len >= HEAD_BYTES);
        let (signed, signature) = token.split_at(signed.ok_or(BAD)?);
        let mac = self.signing.clone().chain_update(signed);
        mac.verify_slice(signature).map_err(|_| BAD)?;
        let (head, encrypted) = signed.split_at(HEAD_BYTES);
        if head[0] != VERSION {
            return Err(BAD);
        }
        let seconds = i64::from_be_bytes(head[1..9].try_into().map_err(|_| BAD)?);
        let made_at = OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| BAD)?;
        if now - made_at > max_age || made_at - now > CLOCK_SKEW {
            return Err(FernetError::Expired);
        }
        let iv: [u8; 16] = head[9..].try_into().map_err(|_| BAD)?;
        let cipher = cbc::Decryptor::<Aes128>::new(&self.encryption.into(), &iv.into());
        let text = cipher.decrypt_padded_vec_mut::<Pkcs7>(encrypted).map_err(|_| BAD)?;
        String::from_utf8(text).map_err(|_| BAD)
    }
}

impl fmt::Debug for Fernet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fernet")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn fernet() -> Fernet {
        Fernet::new(&"cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=".into()).unwrap()
    }

    #[test]
    fn agrees_with_the_published_vector() {
        let token = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
        let made_at = datetime!(1985-10-26 01:20:00 -7);
        let iv = std::array::from_fn(|i| u8::try_from(i).unwrap());
        assert_eq!(fernet().token("hello", made_at, iv), token);
        let minute = Duration::minutes(1);
        assert_eq!(fernet().read(token, minute, made_at + minute), Ok("hello".to_owned()));
        let late = made_at + minute + Duration::SECOND;
        assert_eq!(fernet().read(token, minute, late), Err(FernetError::Expired));
        let early = made_at - minute - Duration::SECOND;
        assert_eq!(fernet().read(token, minute, early), Err(FernetError::Expired));
    }

    #[test]
    fn what_others_made_or_changed_is_refused() {
        let now = datetime!(2026-11-25 12:00 UTC);
        let token = fernet().token("ada@example.gov.uk", now, [7; 16]);
        assert_eq!(fernet().read(&token, Duration::DAY, now), Ok("ada@example.gov.uk".to_owned()));
        let other = Fernet::new(&BASE64_URL_SAFE.encode([1; 32]).into()).unwrap();
        assert_eq!(other.read(&token, Duration::DAY, now), Err(FernetError::BadToken));
        let changed = token.replacen(&token[20..24], "AAAA", 1);
        for bad in ["", "gA==", "é", &changed, &token[..token.len() - 4]] {
            assert_eq!(fernet().read(bad, Duration::DAY, now), Err(FernetError::BadToken), "{bad}");
        }
        for key in ["", "c2hvcnQ=", &"A".repeat(64), "é"] {
            assert_eq!(Fernet::new(&(*key).into()).err(), Some(FernetError::BadKey), "{key}");
        }
    }
}
