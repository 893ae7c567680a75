//! How providers prove who they are: HTTP Basic.

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use secrecy::{ExposeSecret, SecretString};
use subtle::{Choice, ConstantTimeEq};

use crate::error::ApiError;

/// Who may call.
pub(crate) enum Callers {
    /// Anybody: an operator has opted out.
    Anybody,
    /// Whoever has one of these names and one of these passwords, each checked on its own. Without
    /// any: nobody.
    Known { users: Vec<String>, passwords: Vec<SecretString> },
}

impl Callers {
    /// Nobody at all.
    pub(crate) const NOBODY: Self = Self::Known { users: Vec::new(), passwords: Vec::new() };

    fn include(&self, user: &str, password: &str) -> bool {
        let Self::Known { users, passwords } = self else { return true };
        let is = |known: &str, given: &str| known.as_bytes().ct_eq(given.as_bytes());
        let none = Choice::from(0);
        let is_user = users.iter().fold(none, |found, known| found | is(known, user));
        let is_password =
            passwords.iter().fold(none, |found, known| found | is(known.expose_secret(), password));
        (is_user & is_password).into()
    }
}

/// What to answer to a caller that may not call; none when it may.
pub(crate) fn refusal(request: &HttpRequest, callers: &Callers) -> Option<HttpResponse> {
    if matches!(callers, Callers::Anybody) {
        return None;
    }
    let Some(given) = request.headers().get(header::AUTHORIZATION) else {
        let message = "Unauthorized: authentication token must be provided";
        let mut refusal = ApiError::legacy(StatusCode::UNAUTHORIZED, message).error_response();
        // The peer's word, although it takes Basic too.
        let scheme = header::HeaderValue::from_static("Bearer");
        refusal.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        return Some(refusal);
    };
    let given = given.to_str().ok().and_then(|text| text.split_once(' '));
    let given = given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
    let given = given.and_then(|(_, text)| BASE64_STANDARD.decode(text.trim()).ok());
    let given = given.and_then(|bytes| String::from_utf8(bytes).ok());
    let is_right = given
        .as_deref()
        .and_then(|given| given.split_once(':'))
        .is_some_and(|(user, password)| callers.include(user, password));
    let message = "Forbidden: invalid authentication token provided";
    (!is_right).then(|| ApiError::legacy(StatusCode::FORBIDDEN, message).error_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    /// Status of the refusal of a request with this `Authorization`, if it is refused.
    fn refused(callers: &Callers, header: Option<&str>) -> Option<u16> {
        let mut request = TestRequest::post();
        if let Some(header) = header {
            request = request.insert_header(("Authorization", header));
        }
        let refusal = refusal(&request.to_http_request(), callers)?;
        let status = refusal.status().as_u16();
        assert_eq!(refusal.headers().contains_key("www-authenticate"), status == 401);
        Some(status)
    }

    fn basic(text: &str) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(text))
    }

    #[test]
    fn providers_prove_themselves_by_basic_authentication() {
        let callers = Callers::Known {
            users: vec!["user".to_owned(), "other".to_owned()],
            passwords: vec!["pass:word".into(), "new".into()],
        };
        assert_eq!(refused(&callers, None), Some(401));
        for right in ["user:pass:word", "other:pass:word", "user:new"] {
            assert_eq!(refused(&callers, Some(&basic(right))), None, "{right}");
        }
        for wrong in [
            basic("user:pass"),
            basic("nobody:new"),
            basic("user"),
            basic(":"),
            basic(""),
            "Basic %".to_owned(),
            "Basic".to_owned(),
            basic("user:new").replace("Basic", "Bearer"),
        ] {
            assert_eq!(refused(&callers, Some(&wrong)), Some(403), "{wrong}");
        }
    }

    #[test]
    fn without_known_callers_nobody_may_call_unless_anybody_may() {
        assert_eq!(refused(&Callers::NOBODY, Some(&basic(":"))), Some(403));
        assert_eq!(refused(&Callers::Anybody, None), None);
    }
}
