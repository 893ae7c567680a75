//! Every id is its own type, so that a template's id cannot be passed for a service's.

use std::str::FromStr;

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{GeneralPurpose, general_purpose::NO_PAD},
    prelude::BASE64_URL_SAFE_NO_PAD,
};
use postgres_types::{FromSql, ToSql};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A text that is not an id in canonical (hyphenated) or bare-hex form.
///
/// Source: public API contract §0.1, "UUIDs in".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid UUID")]
pub struct InvalidId;

/// Reads a UUID as clients write it: hyphenated or 32 bare hex digits, in either case.
///
/// # Errors
/// [`InvalidId`] for anything else, surrounding blanks included.
pub fn parse_uuid(text: &str) -> Result<Uuid, InvalidId> {
    match text.len() {
        32 | 36 => Uuid::try_parse(text).map_err(|_| InvalidId),
        _ => Err(InvalidId),
    }
}

/// Reads a UUID in any of the ways in which they are written: also in braces, as a URN, and with
/// hyphens anywhere.
///
/// # Errors
/// [`InvalidId`] for what has not 32 hex digits.
///
/// Source: content contract §14 and §15, "Request cache"; this is what Python reads.
pub fn parse_any_uuid(text: &str) -> Result<Uuid, InvalidId> {
    let text = text.replace("urn:", "").replace("uuid:", "");
    parse_bare_hex(&text.trim_matches(['{', '}']).replace('-', ""))
}

fn parse_bare_hex(text: &str) -> Result<Uuid, InvalidId> {
    if text.len() == 32 { parse_uuid(text) } else { Err(InvalidId) }
}

/// The 22 characters that stand for an id in short links.
///
/// Source: content contract §14.
#[must_use]
pub fn to_base64(id: Uuid) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(id)
}

/// The id that [`to_base64`] wrote, perhaps with padding, the ordinary alphabet or stray characters
/// among its own.
///
/// # Errors
/// [`InvalidId`] when these are not the characters of one id.
pub fn from_base64(text: &str) -> Result<Uuid, InvalidId> {
    /// The last character holds four bits that nobody has ever looked at.
    const LENIENT: GeneralPurpose =
        GeneralPurpose::new(&URL_SAFE, NO_PAD.with_decode_allow_trailing_bits(true));
    if !text.is_ascii() {
        return Err(InvalidId);
    }
    let bytes = LENIENT.decode(base64_characters(text)).map_err(|_| InvalidId)?;
    Uuid::from_slice(&bytes).map_err(|_| InvalidId)
}

/// The characters of the alphabet in `text`, up to where padding completes a group of four.
fn base64_characters(text: &str) -> String {
    let mut out = String::new();
    let mut pads = 0;
    for c in text.chars() {
        match c {
            '=' if out.len() % 4 >= 2 && out.len() % 4 + pads == 3 => break,
            '=' if out.len() % 4 >= 2 => pads += 1,
            '+' => out.push('-'),
            '/' => out.push('_'),
            'A'..='Z' | 'a'..='z' | '0'..='9' | '-' | '_' => out.push(c),
            _ => continue,
        }
        if c != '=' {
            pads = 0;
        }
    }
    out
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSql, FromSql)]
        #[serde(transparent)]
        #[postgres(transparent)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse_uuid(text).map(Self)
            }
        }
    };
}

id!(/// One service (tenant): a team that sends messages.
    ServiceId);
id!(/// One template, in whichever version.
    TemplateId);
id!(/// One notification: a message to one recipient.
    NotificationId);
id!(/// One API key of a service.
    ApiKeyId);
id!(/// One SMS sender name or number of a service.
    SmsSenderId);
id!(/// One reply-to address of a service.
    ReplyToId);
id!(/// One received text message.
    InboundSmsId);

id!(/// One file of recipients.
    JobId);
id!(/// One request for a report.
    ReportRequestId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_canonical_and_bare_hex_in_either_case() {
        let id: ServiceId = "3d844edf-8d35-48ac-975b-e847b4f122b0".parse().unwrap();
        assert_eq!("3D844EDF8D3548AC975BE847B4F122B0".parse(), Ok(id));
    }

    #[test]
    fn ids_are_read_in_any_form_where_that_is_asked_for() {
        let id = Uuid::from_u128(0x3d84_4edf_8d35_48ac_975b_e847_b4f1_22b0);
        for text in [
            "3D844EDF-8D35-48AC-975B-E847B4F122B0",
            "{3d844edf8d3548ac975be847b4f122b0}",
            "urn:uuid:3d844edf-8d35-48ac-975b-e847b4f122b0",
            "3d84-4edf8d3548ac975be847b4f122b0-",
        ] {
            assert_eq!(parse_any_uuid(text), Ok(id), "{text}");
        }
        for text in ["", "plain", "3d844edf8d3548ac975be847b4f122b", "{3d844edf}"] {
            assert_eq!(parse_any_uuid(text), Err(InvalidId), "{text}");
        }
    }

    #[test]
    fn short_ids_are_read_leniently() {
        let id = Uuid::from_u128(0x3d84_4edf_8d35_48ac_975b_e847_b4f1_22b0);
        assert_eq!(to_base64(id), "PYRO3401SKyXW-hHtPEisA");
        for text in [
            "PYRO3401SKyXW-hHtPEisA",
            "PYRO3401SKyXW+hHtPEisA==",
            "PYRO3401SKyXW-hHtPEisA==and what follows",
            "=PYRO 3401?SK=yXW-hHtPEisB",
        ] {
            assert_eq!(from_base64(text), Ok(id), "{text}");
        }
        for text in
            ["", "PYRO3401SKyXW-hHtPEis", "PYRO3401SKyXW-hHtPEisAA", "PYRO3401SKyXW-hHtPEisé"]
        {
            assert_eq!(from_base64(text), Err(InvalidId), "{text}");
        }
    }

    #[test]
    fn refuses_blanks_braces_and_urns() {
        for text in [
            "",
            " 3d844edf-8d35-48ac-975b-e847b4f122b0",
            "{3d844edf-8d35-48ac-975b-e847b4f122b0}",
            "urn:uuid:3d844edf-8d35-48ac-975b-e847b4f122b0",
            "3d844edf-8d35-48ac-975b-e847b4f122bg",
        ] {
            assert_eq!(text.parse::<ServiceId>(), Err(InvalidId), "{text}");
        }
    }
}
