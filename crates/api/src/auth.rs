//! Tokens of services (public API contract §1): every rule, in its order.

use app::Account;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::{ApiKey, ServiceId};
use jsonwebtoken::{Algorithm, DecodingKey};
use secrecy::ExposeSecret;
use serde_json::{Map, Value};
use time::OffsetDateTime;

/// How far a client's clock may be off, in seconds.
const LEEWAY_SECONDS: f64 = 30.0;

/// Why a token was refused, in the contract's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthError {
    Missing,
    NotBearer,
    Malformed,
    NoIssuer,
    IssuerNotAnId,
    NoSuchService,
    NoKeys,
    Archived,
    WrongAlgorithm,
    Clock,
    Revoked,
    NoSuchKey,
}

impl AuthError {
    /// 401 when the caller said nothing of who they are, 403 when we do not believe it.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::Missing | Self::NotBearer => 401,
            _ => 403,
        }
    }

    /// The text of contract §1.4.
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::Missing => "Unauthorized: authentication token must be provided",
            Self::NotBearer => "Unauthorized: authentication bearer scheme must be used",
            Self::Malformed => {
                "Invalid token: make sure your API token matches the example at \
                 https://docs.notifications.service.gov.uk/rest-api.html#authorisation-header"
            }
            Self::NoIssuer => "Invalid token: iss field not provided",
            Self::IssuerNotAnId => "Invalid token: service id is not the right data type",
            Self::NoSuchService => "Invalid token: service not found",
            Self::NoKeys => "Invalid token: service has no API keys",
            Self::Archived => "Invalid token: service is archived",
            Self::WrongAlgorithm => "Invalid token: algorithm used is not HS256",
            Self::Clock => "Error: Your system clock must be accurate to within 30 seconds",
            Self::Revoked => "Invalid token: API key revoked",
            Self::NoSuchKey => "Invalid token: API key not found",
        }
    }
}

/// A token that has been read and not yet believed.
pub(crate) struct Token<'a> {
    /// Whose token it says it is.
    pub issuer: ServiceId,
    is_hs256: bool,
    claims: Map<String, Value>,
    /// Header and payload as they stand: what was signed.
    signed: &'a str,
    signature: &'a str,
}

impl<'a> Token<'a> {
    /// Reads an `Authorization` header (steps 1 to 5).
    pub(crate) fn read(header: Option<&'a str>) -> Result<Self, AuthError> {
        let header = header.ok_or(AuthError::Missing)?;
        let token = match header.get(..7) {
            Some(scheme) if scheme.eq_ignore_ascii_case("bearer ") => &header[7..],
            _ => return Err(AuthError::NotBearer),
        };
        let (signed, signature) = token.rsplit_once('.').ok_or(AuthError::Malformed)?;
        let (head, payload) = signed.split_once('.').ok_or(AuthError::Malformed)?;
        let (head, claims) = (part(head)?, part(payload)?);
        if BASE64_URL_SAFE_NO_PAD.decode(signature).is_err() {
            return Err(AuthError::Malformed);
        }
        let issuer = match claims.get("iss") {
            None | Some(Value::Null) => return Err(AuthError::NoIssuer),
            Some(issuer) => issuer.as_str().and_then(|text| text.parse().ok()),
        };
        Ok(Self {
            issuer: issuer.ok_or(AuthError::IssuerNotAnId)?,
            is_hs256: head.get("alg").is_some_and(|name| name == "HS256"),
            claims,
            signed,
            signature,
        })
    }

    /// The key that signed it (steps 6 to 10).
    pub(crate) fn verify<'k>(
        &self,
        account: Option<&'k Account>,
        now: OffsetDateTime,
    ) -> Result<&'k ApiKey, AuthError> {
        let account = account.ok_or(AuthError::NoSuchService)?;
        if account.keys.is_empty() {
            return Err(AuthError::NoKeys);
        }
        if !account.service.active {
            return Err(AuthError::Archived);
        }
        if !self.is_hs256 {
            return Err(AuthError::WrongAlgorithm);
        }
        // A token without `iat` counts as one that no key signed.
        let signer = account.keys.iter().find(|key| self.is_signed_by(key));
        let key = signer.filter(|_| self.claims.contains_key("iat")).ok_or(AuthError::NoSuchKey)?;
        self.check_claims(now)?;
        match key.expiry_date {
            Some(_) => Err(AuthError::Revoked),
            None => Ok(key),
        }
    }

    fn is_signed_by(&self, key: &ApiKey) -> bool {
        let secret = DecodingKey::from_secret(key.secret.expose_secret().as_bytes());
        let signed = self.signed.as_bytes();
        jsonwebtoken::crypto::verify(self.signature, signed, &secret, Algorithm::HS256)
            .unwrap_or(false)
    }

    fn check_claims(&self, now: OffsetDateTime) -> Result<(), AuthError> {
        // Whole seconds: clients that stamp 30 s too early are right until the next one begins.
        let now = now.unix_timestamp() as f64;
        let issued_at = self.seconds("iat")?.ok_or(AuthError::Malformed)?;
        if issued_at > now + LEEWAY_SECONDS {
            return Err(AuthError::Clock);
        }
        if self.seconds("nbf")?.is_some_and(|not_before| not_before > now + LEEWAY_SECONDS) {
            return Err(AuthError::Clock);
        }
        if self.seconds("exp")?.is_some_and(|expires| expires <= now - LEEWAY_SECONDS) {
            return Err(AuthError::Malformed);
        }
        let is_text = |name| self.claims.get(name).is_none_or(Value::is_string);
        if self.claims.contains_key("aud") || !is_text("sub") || !is_text("jti") {
            return Err(AuthError::Malformed);
        }
        if issued_at < now - LEEWAY_SECONDS {
            return Err(AuthError::Clock);
        }
        Ok(())
    }

    /// A claim that is a time: a number, or a text that is one.
    fn seconds(&self, name: &str) -> Result<Option<f64>, AuthError> {
        let seconds = match self.claims.get(name) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_f64(),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        seconds.filter(|seconds| seconds.is_finite()).map(Some).ok_or(AuthError::Malformed)
    }
}

/// One of the two JSON objects of a token.
fn part(text: &str) -> Result<Map<String, Value>, AuthError> {
    let json = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| AuthError::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| AuthError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{ApiKeyId, KeyType, Service};
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::json;
    use std::collections::HashSet;
    use time::{Duration, macros::datetime};

    const NOW: OffsetDateTime = datetime!(2026-11-24 12:00:00.9 UTC);
    const SERVICE: &str = "3d844edf-8d35-48ac-975b-e847b4f122b0";

    fn key(secret: &str, revoked: bool) -> ApiKey {
        ApiKey {
            id: ApiKeyId(domain::ids::parse_uuid(SERVICE).unwrap()),
            key_type: KeyType::Normal,
            secret: secret.into(),
            expiry_date: revoked.then_some(NOW - Duration::days(1)),
        }
    }

    fn account(keys: Vec<ApiKey>, active: bool) -> Account {
        let service = Service {
            id: SERVICE.parse().unwrap(),
            name: "Pigeons".to_owned(),
            active,
            restricted: false,
            prefix_sms: true,
            rate_limit: 3000,
            email_limit: 1,
            sms_limit: 1,
            letter_limit: 1,
            international_sms_limit: 1,
            permissions: HashSet::new(),
            contact_link: None,
            email_sender_local_part: String::new(),
            custom_email_sender_name: None,
            default_sms_sender: None,
            default_reply_to: None,
            email_branding: None,
        };
        Account { service, keys }
    }

    fn token(claims: &Value, secret: &str) -> String {
        let key = EncodingKey::from_secret(secret.as_bytes());
        format!("Bearer {}", jsonwebtoken::encode(&Header::default(), claims, &key).unwrap())
    }

    fn outcome(header: &str, account: Option<&Account>) -> Result<(), AuthError> {
        Token::read(Some(header))?.verify(account, NOW).map(|_| ())
    }

    /// The outcome of claims that the service's only key signed.
    fn with_claims(claims: &Value) -> Result<(), AuthError> {
        outcome(&token(claims, "secret"), Some(&account(vec![key("secret", false)], true)))
    }

    fn now() -> i64 {
        NOW.unix_timestamp()
    }

    #[test]
    fn headers_that_are_no_tokens() {
        assert_eq!(Token::read(None).err(), Some(AuthError::Missing));
        for (header, error) in [
            ("", AuthError::NotBearer),
            ("Basic abc", AuthError::NotBearer),
            ("Bearer", AuthError::NotBearer),
            ("bearer ", AuthError::Malformed),
            ("Bearer a.b", AuthError::Malformed),
            ("Bearer a.b.c", AuthError::Malformed),
            ("Bearér x", AuthError::NotBearer),
            ("Bearer e30.e30.x", AuthError::Malformed),
            ("Bearer e30.e30.", AuthError::NoIssuer),
        ] {
            assert_eq!(Token::read(Some(header)).err(), Some(error), "{header}");
        }
        let not_an_id = token(&json!({ "iss": "pigeons" }), "secret");
        assert_eq!(Token::read(Some(&not_an_id)).err(), Some(AuthError::IssuerNotAnId));
        let number = token(&json!({ "iss": 5 }), "secret");
        assert_eq!(Token::read(Some(&number)).err(), Some(AuthError::IssuerNotAnId));
    }

    #[test]
    fn the_service_comes_before_the_keys() {
        let header = token(&json!({ "iss": SERVICE, "iat": now() }), "secret");
        assert_eq!(outcome(&header, None), Err(AuthError::NoSuchService));
        assert_eq!(outcome(&header, Some(&account(vec![], false))), Err(AuthError::NoKeys));
        let archived = account(vec![key("secret", false)], false);
        assert_eq!(outcome(&header, Some(&archived)), Err(AuthError::Archived));
    }

    #[test]
    fn any_key_of_the_service_may_sign() {
        let header = token(&json!({ "iss": SERVICE, "iat": now() }), "secret");
        let keys = vec![key("other", true), key("secret", false)];
        assert_eq!(outcome(&header, Some(&account(keys, true))), Ok(()));
        let others = account(vec![key("other", false)], true);
        assert_eq!(outcome(&header, Some(&others)), Err(AuthError::NoSuchKey));
        let revoked = account(vec![key("secret", true)], true);
        assert_eq!(outcome(&header, Some(&revoked)), Err(AuthError::Revoked));
        let stale = token(&json!({ "iss": SERVICE, "iat": now() - 31 }), "secret");
        assert_eq!(outcome(&stale, Some(&revoked)), Err(AuthError::Clock));
    }

    #[test]
    fn only_hs256_is_taken_and_that_is_said_before_the_signature() {
        let account = account(vec![key("secret", false)], true);
        let mut header = Header::new(Algorithm::HS512);
        header.typ = None;
        let claims = json!({ "iss": SERVICE, "iat": now() });
        let secret = EncodingKey::from_secret(b"secret");
        let hs512 = jsonwebtoken::encode(&header, &claims, &secret).unwrap();
        let wrong = Err(AuthError::WrongAlgorithm);
        assert_eq!(outcome(&format!("Bearer {hs512}"), Some(&account)), wrong);
        let payload = BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
        let none =
            format!("Bearer {}.{payload}.", BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#));
        assert_eq!(outcome(&none, Some(&account)), wrong);
    }

    #[test]
    fn claims() {
        let claims = |more: Value| {
            let mut claims = json!({ "iss": SERVICE, "iat": now() });
            claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            with_claims(&claims)
        };
        for ok in [
            json!({}),
            json!({ "iat": now() - 30 }),
            json!({ "iat": now() + 30 }),
            json!({ "iat": now().to_string() }),
            json!({ "iat": now() as f64 + 0.5 }),
            json!({ "exp": now() - 29, "nbf": now() + 30, "sub": "a", "jti": "b", "x": [1] }),
        ] {
            assert_eq!(claims(ok.clone()), Ok(()), "{ok}");
        }
        for clock in [
            json!({ "iat": now() - 31 }),
            json!({ "iat": now() + 31 }),
            json!({ "nbf": now() + 31 }),
        ] {
            assert_eq!(claims(clock.clone()), Err(AuthError::Clock), "{clock}");
        }
        for malformed in [
            json!({ "iat": "soon" }),
            json!({ "iat": [] }),
            json!({ "iat": "inf" }),
            json!({ "exp": now() - 30 }),
            json!({ "exp": "x" }),
            json!({ "aud": "x" }),
            json!({ "sub": 1 }),
            json!({ "jti": null }),
        ] {
            assert_eq!(claims(malformed.clone()), Err(AuthError::Malformed), "{malformed}");
        }
        assert_eq!(with_claims(&json!({ "iss": SERVICE })), Err(AuthError::NoSuchKey), "no iat");
    }
}
